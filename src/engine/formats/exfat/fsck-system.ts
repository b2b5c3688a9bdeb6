import { viewOf } from '../../base/bytes.ts';
import {
  BitmapEntry,
  ENTRY_IN_USE,
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  FAT_END,
  GuidEntry,
  LABEL_UNITS_MAX,
  LabelEntry,
  UpcaseEntry,
  bitmapSizeBytes,
  clusterOffsetBytes,
  setChecksum,
} from './layout.ts';
import { Bitmap } from './fsck-bitmap.ts';
import type { Pass } from './fsck-chains.ts';
import type { DirectoryContents } from './fsck-contents.ts';
import { entryByteOffset } from './fsck-fat.ts';
import { BITMAP, UPCASE } from './fsck-owners.ts';
import { rebuildBitmap, rebuildTable } from './fsck-rebuild.ts';
import { TABLE_BYTES_MAX, readTable } from './fsck-upcase.ts';
import type { Table } from './fsck-upcase.ts';

/**
 * What exFAT keeps in its root directory beside files: allocation bitmap, up-case table, label and GUID. One bitmap and
 * one table must be there; both lie contiguously, and their FAT chains say so.
 */
export function checkSystemFiles(pass: Pass, root: DirectoryContents): { label: string } {
  const found = systemEntries(root);
  const bitmaps = found.bitmap.filter((entry) => !((root.bytesOf(entry)[1] ?? 0) & 1));
  const foreign = found.bitmap.filter((entry) => !bitmaps.includes(entry));
  const bitmap = pick(bitmaps, (entry) => bitmapProblem(pass, root.bytesOf(entry)) === null);
  removeOthers(pass, root, [...bitmaps, ...foreign], bitmap, 'duplicate-bitmap', 'allocation bitmap');
  checkBitmap(pass, root, bitmap);
  const table = pick(found.upcase, (entry) => tableProblem(pass, root.bytesOf(entry)) === null);
  removeOthers(pass, root, found.upcase, table, 'duplicate-upcase', 'up-case table');
  checkTable(pass, root, table);
  checkGuids(pass, root, found.guid);
  return { label: checkLabels(pass, root, found.label) };
}

interface SystemEntries {
  readonly bitmap: number[];
  readonly upcase: number[];
  readonly label: number[];
  readonly guid: number[];
}

function systemEntries(root: DirectoryContents): SystemEntries {
  const found: SystemEntries = { bitmap: [], upcase: [], label: [], guid: [] };
  for (const piece of root.pieces) {
    for (let entry = piece.firstEntry; entry < piece.endEntry; entry++) {
      const type = root.typeOf(entry);
      if (type === ENTRY_TYPE.end) return found;
      if (type === ENTRY_TYPE.bitmap) found.bitmap.push(entry);
      else if (type === ENTRY_TYPE.upcase) found.upcase.push(entry);
      else if (type === ENTRY_TYPE.label) found.label.push(entry);
      else if (type === ENTRY_TYPE.guid) found.guid.push(entry);
    }
  }
  return found;
}

/** The first that is good, else the first. */
const pick = (entries: readonly number[], isGood: (entry: number) => boolean): number | undefined =>
  entries.find(isGood) ?? entries[0];

function removeOthers(
  pass: Pass,
  root: DirectoryContents,
  entries: readonly number[],
  kept: number | undefined,
  kind: string,
  what: string,
): void {
  for (const entry of entries) {
    if (entry === kept) continue;
    pass.report.add({
      kind,
      severity: 'error',
      message: `The root directory has a second entry of the ${what} (entry ${entry})`,
      offsetBytes: root.offsetBytesOf(entry),
      question: 'Remove',
      repair: () => putOut(pass, root, entry, `remove the second entry of the ${what}`),
    });
  }
}

/** Clear the bit that says "in use". */
export function putOut(pass: Pass, directory: DirectoryContents, entry: number, reason: string): void {
  const bytes = directory.bytesOf(entry).slice();
  bytes[0] = (bytes[0] ?? 0) & ~ENTRY_IN_USE;
  directory.write(pass.medium, entry, bytes, '/', reason);
}

// ── allocation bitmap ───────────────────────────────────────────────────────────────────────────────────────────────

const clustersOf = (pass: Pass, lengthBytes: number): number =>
  Math.ceil(lengthBytes / pass.geometry.clusterSizeBytes);

function bitmapProblem(pass: Pass, bytes: Uint8Array): string | null {
  const { geometry, fat } = pass;
  const { firstCluster } = BitmapEntry.peek(bytes);
  const clusters = clustersOf(pass, bitmapSizeBytes(geometry.clusterCount));
  if (!fat.isData(firstCluster)) return `it starts at cluster ${firstCluster}, outside the volume`;
  if (!fat.isData(firstCluster + clusters - 1)) return 'it reaches beyond the end of the volume';
  return null;
}

function checkBitmap(pass: Pass, root: DirectoryContents, entry: number | undefined): void {
  const { geometry, report, owners } = pass;
  const lengthBytes = bitmapSizeBytes(geometry.clusterCount);
  const clusters = clustersOf(pass, lengthBytes);
  const bytes = entry === undefined ? null : root.bytesOf(entry);
  let problem = bytes ? bitmapProblem(pass, bytes) : 'the root directory does not name one';
  const { firstCluster, dataLength } = BitmapEntry.peek(bytes ?? new Uint8Array(ENTRY_SIZE_BYTES));
  if (problem === null && owners.claim(firstCluster, clusters, BITMAP) < clusters) {
    problem = 'the root directory lies in its clusters';
  }
  if (entry === undefined || problem !== null) {
    report.add({
      kind: 'no-bitmap',
      severity: 'error',
      message: `There is no allocation bitmap that can be used: ${problem ?? ''}`,
      offsetBytes: entry === undefined ? root.offsetBytesOf(0) : root.offsetBytesOf(entry),
      question: 'Rebuild',
      repair: () => pass.afterwards.push(() => rebuildBitmap(pass, root, entry, firstCluster)),
    });
    return;
  }
  if (dataLength !== lengthBytes) {
    report.add({
      kind: 'bitmap-size',
      severity: 'error',
      message: `The size of the allocation bitmap is ${dataLength}, should be ${lengthBytes}`,
      offsetBytes: root.offsetBytesOf(entry) + BitmapEntry.fields.dataLength.at,
      question: 'Fix',
      repair: () => {
        const changed = root.bytesOf(entry).slice();
        BitmapEntry.fields.dataLength.set(
          viewOf(changed),
          BitmapEntry.fields.dataLength.at,
          lengthBytes,
          true,
        );
        root.write(pass.medium, entry, changed, '/', 'write the size of the allocation bitmap');
      },
    });
  }
  checkSystemChain(pass, firstCluster, clusters, 'allocation bitmap');
  const bitmap = new Bitmap(pass.medium, geometry, firstCluster);
  pass.bitmap = bitmap;
  if (bitmap.tailBits !== 0) {
    report.add({
      kind: 'bitmap-tail',
      severity: 'warning',
      message: 'The allocation bitmap has bits set behind the last cluster',
      offsetBytes: bitmap.offsetBytes + lengthBytes - 1,
      question: 'Clear',
      repair: () => bitmap.clearTail('clear bits behind the last cluster'),
    });
  }
}

/** Bitmap and table are read contiguously by every driver; their chains in the FAT have to say the same. */
function checkSystemChain(pass: Pass, first: number, count: number, what: string): void {
  const { fat, report, geometry } = pass;
  for (let i = 0; i < count; i++) {
    const expected = i === count - 1 ? FAT_END : first + i + 1;
    if (fat.get(first + i) === expected) continue;
    report.add({
      kind: 'system-chain',
      severity: 'error',
      message: `The chain of the ${what} does not follow its ${count} clusters: cluster ${first + i} leads elsewhere`,
      offsetBytes: entryByteOffset(geometry, first + i),
      question: 'Fix',
      repair: () => fat.setRun(first, count, `chain the clusters of the ${what}`),
    });
    return;
  }
}

// ── up-case table ───────────────────────────────────────────────────────────────────────────────────────────────────

function placeProblem(pass: Pass, bytes: Uint8Array): string | null {
  const { firstCluster, dataLength } = UpcaseEntry.peek(bytes);
  if (!pass.fat.isData(firstCluster)) return `it starts at cluster ${firstCluster}, outside the volume`;
  if (dataLength === 0 || dataLength % 2 !== 0 || dataLength > TABLE_BYTES_MAX) {
    return `its size is ${dataLength} bytes`;
  }
  if (!pass.fat.isData(firstCluster + clustersOf(pass, dataLength) - 1))
    return 'it reaches beyond the end of the volume';
  return null;
}

function tableProblem(pass: Pass, bytes: Uint8Array): string | null {
  return placeProblem(pass, bytes) ?? tableOf(pass, bytes).problem;
}

function tableOf(pass: Pass, bytes: Uint8Array): Table {
  const { firstCluster, dataLength, tableChecksum } = UpcaseEntry.peek(bytes);
  return readTable(pass, firstCluster, dataLength, tableChecksum);
}

function checkTable(pass: Pass, root: DirectoryContents, entry: number | undefined): void {
  const { report, owners, geometry } = pass;
  const bytes = entry === undefined ? null : root.bytesOf(entry);
  const { firstCluster, dataLength } = UpcaseEntry.peek(bytes ?? new Uint8Array(ENTRY_SIZE_BYTES));
  let problem = bytes ? placeProblem(pass, bytes) : 'the root directory does not name one';
  const clusters = clustersOf(pass, dataLength);
  let claimed = 0;
  if (bytes && problem === null) {
    claimed = owners.claim(firstCluster, clusters, UPCASE);
    if (claimed < clusters) problem = 'others lie in its clusters';
  }
  if (bytes && problem === null) {
    const table = tableOf(pass, bytes);
    pass.upcase = table.units;
    problem = table.problem;
  }
  if (bytes && problem === null) {
    checkSystemChain(pass, firstCluster, clusters, 'up-case table');
    return;
  }
  report.add({
    kind: 'upcase',
    severity: 'error',
    message: `There is no up-case table that can be used: ${problem ?? ''}`,
    offsetBytes:
      claimed > 0 ? clusterOffsetBytes(geometry, firstCluster) : Math.max(0, root.offsetBytesOf(entry ?? 0)),
    question: 'Write the standard table',
    repair: () =>
      pass.afterwards.push(() => rebuildTable(pass, root, entry, { firstCluster, clusterCount: claimed })),
  });
}

// ── label and GUID ──────────────────────────────────────────────────────────────────────────────────────────────────

function checkLabels(pass: Pass, root: DirectoryContents, entries: readonly number[]): string {
  const [entry] = entries;
  removeOthers(pass, root, entries, entry, 'duplicate-label', 'volume label');
  if (entry === undefined) return '';
  const bytes = root.bytesOf(entry);
  const { characterCount, label } = LabelEntry.peek(bytes);
  if (characterCount <= LABEL_UNITS_MAX) return label.slice(0, characterCount);
  const [text = ''] = label.split('\0');
  pass.report.add({
    kind: 'label',
    severity: 'error',
    message: `The volume label claims ${characterCount} characters of at most ${LABEL_UNITS_MAX}`,
    offsetBytes: root.offsetBytesOf(entry) + LabelEntry.fields.characterCount.at,
    question: 'Fix',
    repair: () => {
      const changed = bytes.slice();
      changed[LabelEntry.fields.characterCount.at] = text.length;
      root.write(pass.medium, entry, changed, '/', 'write the length of the volume label');
    },
  });
  return text;
}

function checkGuids(pass: Pass, root: DirectoryContents, entries: readonly number[]): void {
  const [entry] = entries;
  removeOthers(pass, root, entries, entry, 'duplicate-guid', 'volume GUID');
  if (entry === undefined) return;
  const bytes = root.bytesOf(entry);
  const { secondaryCount, setChecksum: stored } = GuidEntry.peek(bytes);
  if (secondaryCount === 0 && setChecksum(bytes, 0, 1) === stored) return;
  pass.report.add({
    kind: 'guid',
    severity: 'error',
    message: 'The entry of the volume GUID has a wrong checksum or secondary entries',
    offsetBytes: root.offsetBytesOf(entry),
    question: 'Fix',
    repair: () => {
      const changed = bytes.slice();
      const view = viewOf(changed);
      changed[GuidEntry.fields.secondaryCount.at] = 0;
      view.setUint16(GuidEntry.fields.setChecksum.at, setChecksum(changed, 0, 1), true);
      root.write(pass.medium, entry, changed, '/', 'write the checksum of the volume GUID');
    },
  });
}
