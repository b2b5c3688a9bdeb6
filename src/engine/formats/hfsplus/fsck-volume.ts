import { viewOf } from '../../base/bytes.ts';
import { CNID, VOLUME_BIT, VolumeHeader } from './layout.ts';
import { alternateDifferences } from './fsck-header.ts';
import type { Pass } from './fsck-pass.ts';

/** '** Checking volume information.': counts and the two headers. */
export function checkVolumeInformation(pass: Pass): void {
  checkCount(pass, 'fileCount', 'Invalid volume file count', pass.catalog.files);
  checkCount(pass, 'folderCount', 'Invalid volume directory count', Math.max(pass.catalog.folders - 1, 0));
}

function checkCount(pass: Pass, field: 'fileCount' | 'folderCount', message: string, right: number): void {
  const { at } = VolumeHeader.fields[field];
  const found = pass.headers.u32(at);
  if (found === right) return;
  pass.report.add({
    kind: field === 'fileCount' ? 'file-count' : 'folder-count',
    severity: 'error',
    message,
    shouldBe: [right, found],
    offsetBytes: pass.geometry.headerOffsetBytes + at,
    repair: () => pass.headers.set(at, right, 'count the items of the catalog'),
  });
}

/** After everything else: what the headers say beside counts. */
export function checkHeaders(pass: Pass): void {
  const { headers, geometry, report } = pass;
  const minor = (place: number, detail: string, offsetBytes: number, repair: () => void): void =>
    report.add({
      kind: 'volume-header',
      severity: 'error',
      message: 'Volume header needs minor repair',
      detail,
      place: [2, place],
      offsetBytes,
      repair,
    });
  if (!headers.isPrimaryGood) {
    minor(1, 'it was replaced by the alternate one', geometry.headerOffsetBytes, () =>
      headers.rewrite('restore the volume header from the alternate one'),
    );
  }
  checkNumbers(pass, minor);
  checkAlternate(pass, minor);
  checkUnmounted(pass);
}

type Minor = (place: number, detail: string, offsetBytes: number, repair: () => void) => void;

function checkNumbers(pass: Pass, minor: Minor): void {
  const { headers, geometry, catalog } = pass;
  const { fields } = VolumeHeader;
  const at = (field: { readonly at: number }): number => geometry.headerOffsetBytes + field.at;
  const next = headers.u32(fields.nextCatalogId.at);
  const isReused = (headers.attributes & VOLUME_BIT.catalogIdsReused) !== 0;
  if (next <= catalog.maxId && (!isReused || next < CNID.firstUser)) {
    const right = catalog.maxId + 1 < 2 ** 32 ? catalog.maxId + 1 : CNID.firstUser;
    minor(
      0,
      `nextCatalogID is ${next}, the highest id in use ${catalog.maxId}`,
      at(fields.nextCatalogId),
      () => headers.set(fields.nextCatalogId.at, right, 'the next catalog node id is one that nobody uses'),
    );
  }
  if (headers.u32(fields.nextAllocation.at) >= geometry.totalBlocks) {
    minor(0, `nextAllocation is ${headers.u32(fields.nextAllocation.at)}`, at(fields.nextAllocation), () =>
      headers.set(fields.nextAllocation.at, 0, 'begin to look for free blocks at the start'),
    );
  }
  checkClumps(pass, minor);
  checkEncodings(pass, minor);
}

/** fsck_hfs takes no larger one for files. */
const CLUMP_BYTES_MAX = 0x10_0000;

function checkClumps(pass: Pass, minor: Minor): void {
  const { headers, geometry } = pass;
  const { fields } = VolumeHeader;
  const block = geometry.blockSizeBytes;
  const check = (at: number, isRight: (clump: number) => boolean, right: number): void => {
    const clump = headers.u32(at);
    if (isRight(clump)) return;
    minor(0, `a clump of ${clump} bytes`, geometry.headerOffsetBytes + at, () =>
      headers.set(at, right, 'a clump is whole blocks, and not too many'),
    );
  };
  const forFiles = (clump: number): boolean => clump > 0 && clump <= CLUMP_BYTES_MAX && clump % block === 0;
  const four = Math.min(4 * block, Math.max(block, CLUMP_BYTES_MAX));
  check(fields.resourceClumpSizeBytes.at, forFiles, four);
  check(fields.dataClumpSizeBytes.at, forFiles, four);
  const most = Math.floor(geometry.totalBlocks / 4) * block;
  const forSpecial = (clump: number): boolean => clump % block === 0 && clump <= most;
  for (const field of [fields.extentsFile, fields.catalogFile, fields.allocationFile]) {
    check(field.at + 8, forSpecial, block);
  }
  if (pass.trees.attributes) {
    check(fields.attributesFile.at + 8, (clump) => clump !== 0 && forSpecial(clump), block);
  }
}

/** Encodings that names were made from: more bits than needed may be set, none may be missing. */
function checkEncodings(pass: Pass, minor: Minor): void {
  const { headers, geometry, catalog } = pass;
  const { at } = VolumeHeader.fields.encodingsBitmap;
  const [high, low] = [headers.u32(at), headers.u32(at + 4)];
  if ((catalog.encodingsHigh & ~high) === 0 && (catalog.encodingsLow & ~low) === 0) return;
  minor(0, 'an encoding that names use is missing', geometry.headerOffsetBytes + at, () => {
    headers.set(at, (high | catalog.encodingsHigh) >>> 0, 'encodings that names use');
    headers.set(at + 4, (low | catalog.encodingsLow) >>> 0, 'encodings that names use');
  });
}

function checkAlternate(pass: Pass, minor: Minor): void {
  const { headers, geometry, report } = pass;
  const offsetBytes = geometry.alternateHeaderOffsetBytes;
  const repair = (): void => headers.rewriteAlternate('copy the volume header to its alternate place');
  const { alternate } = headers;
  if (!alternate) {
    minor(0, 'there is no alternate volume header', offsetBytes, repair);
    return;
  }
  if (!headers.isPrimaryGood) return;
  const { createDate } = VolumeHeader.peek(alternate);
  const createAt = VolumeHeader.fields.createDate.at;
  if (createDate !== headers.u32(createAt)) {
    minor(
      0,
      'its creation date is not that of the alternate one',
      geometry.headerOffsetBytes + createAt,
      () => headers.set(createAt, createDate, 'the creation date is that of the alternate header'),
    );
  }
  const differences = alternateDifferences(headers.bytes, alternate);
  if (differences.length === 0) return;
  report.add({
    kind: 'alternate-header',
    severity: 'error',
    message: 'Volume header needs minor repair',
    detail: `the alternate one has another idea of ${differences.join(', ')}`,
    offsetBytes,
    repair,
  });
}

/** A clean volume says so; a driver clears the bit while it has the volume, and sets another when it met damage. */
function checkUnmounted(pass: Pass): void {
  const { headers, geometry, report } = pass;
  const { attributes } = headers;
  const isUnmounted = (attributes & VOLUME_BIT.unmounted) !== 0;
  const isInconsistent = (attributes & (VOLUME_BIT.inconsistent | VOLUME_BIT.bootInconsistent)) !== 0;
  if (isUnmounted && !isInconsistent) return;
  report.add({
    kind: 'dirty',
    severity: 'warning',
    message: isUnmounted
      ? 'A driver has marked the volume as inconsistent'
      : 'The volume was not unmounted cleanly',
    offsetBytes: geometry.headerOffsetBytes + VolumeHeader.fields.attributes.at,
    repair: () => markClean(pass),
  });
}

function markClean(pass: Pass): void {
  const { headers } = pass;
  const { at } = VolumeHeader.fields.attributes;
  const cleared = headers.attributes & ~(VOLUME_BIT.inconsistent | VOLUME_BIT.bootInconsistent);
  headers.set(at, (cleared | VOLUME_BIT.unmounted) >>> 0, 'the volume is consistent again');
}

/** What the header says while a repair is being written: whoever finds it like this checks the volume. */
export function inconsistentHeader(bytes: Uint8Array): Uint8Array {
  const marked = bytes.slice();
  const view = viewOf(marked);
  const { at } = VolumeHeader.fields.attributes;
  view.setUint32(at, ((view.getUint32(at) & ~VOLUME_BIT.unmounted) | VOLUME_BIT.inconsistent) >>> 0);
  return marked;
}
