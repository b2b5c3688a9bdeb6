import { viewOf } from '../../base/bytes.ts';
import type { WriteLabel } from '../../device/device.ts';
import {
  ALTERNATE_HEADER_FROM_END_BYTES,
  embeddedVolume,
  FORK_OFFSET_BYTES,
  FORK_SIZE_BYTES,
  geometryOf,
  VOLUME_BIT,
  VOLUME_HEADER_OFFSET_BYTES,
  VOLUME_HEADER_SIZE_BYTES,
  VolumeHeader,
} from './layout.ts';
import type { Geometry } from './layout.ts';
import { STAGE } from './fsck-stages.ts';
import type { Draft } from '../../device/draft.ts';
import type { Report } from './fsck-report.ts';

/** Both volume headers: which of them can be believed, and changes to the fields of the first. */

export class HeaderState {
  readonly #medium: Draft;

  constructor(
    medium: Draft,
    readonly geometry: Geometry,
    /** What the volume is judged by: the volume header, or the alternate one where that is no header. */
    readonly bytes: Uint8Array,
    readonly isPrimaryGood: boolean,
    /** Null when there is no header where the alternate one belongs. */
    readonly alternate: Uint8Array | null,
  ) {
    this.#medium = medium;
  }

  get isHfsx(): boolean {
    return this.geometry.isHfsx;
  }

  get attributes(): number {
    return this.u32(VolumeHeader.fields.attributes.at);
  }

  get isJournaled(): boolean {
    return (this.attributes & VOLUME_BIT.journaled) !== 0;
  }

  u32(at: number): number {
    return viewOf(this.bytes).getUint32(at);
  }

  /** Change one number of the volume header, on the disk with the rest of the repair and here at once. */
  set(at: number, value: number, reason: string): void {
    viewOf(this.bytes).setUint32(at, value);
    this.patch(at, this.bytes.slice(at, at + 4), reason);
  }

  patch(at: number, bytes: Uint8Array, reason: string): void {
    this.bytes.set(bytes, at);
    const label: WriteLabel = { role: 'header', owner: 'volume header', reason };
    this.#medium.write(this.geometry.headerOffsetBytes + at, bytes, STAGE.verdict, label);
  }

  /** The first header as it is now, whole. */
  rewrite(reason: string): void {
    this.patch(0, this.bytes.slice(), reason);
  }

  rewriteAlternate(reason: string): void {
    const label: WriteLabel = { role: 'header', owner: 'alternate volume header', reason };
    this.#medium.write(this.geometry.alternateHeaderOffsetBytes, this.bytes, STAGE.records, label);
  }
}

/** Null, with a finding, when neither header can be used. */
export function findHeaders(medium: Draft, report: Report): HeaderState | null {
  const wrapped = embeddedVolume(medium.read(VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES));
  const isInside =
    wrapped !== undefined &&
    wrapped.sizeBytes >= 4 * VOLUME_HEADER_OFFSET_BYTES &&
    wrapped.offsetBytes % 512 === 0 &&
    wrapped.offsetBytes + wrapped.sizeBytes <= medium.sizeBytes;
  const offset = isInside ? wrapped.offsetBytes : 0;
  const size = isInside ? wrapped.sizeBytes : medium.sizeBytes;
  if (size < 4 * VOLUME_HEADER_OFFSET_BYTES) {
    return tooBad(report, 'the device is too small for a volume');
  }
  const primary = medium.read(offset + VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES);
  const second = medium.read(offset + size - ALTERNATE_HEADER_FROM_END_BYTES, VOLUME_HEADER_SIZE_BYTES);
  const first = geometryOf(primary, offset, size);
  const other = geometryOf(second, offset, size);
  const alternate = typeof other === 'string' ? null : second;
  if (typeof first !== 'string' && (hasCatalog(medium, first, primary) || typeof other === 'string')) {
    return new HeaderState(medium, first, primary, true, alternate);
  }
  if (typeof other !== 'string' && (hasCatalog(medium, other, second) || typeof first === 'string')) {
    return new HeaderState(medium, other, second.slice(), false, alternate);
  }
  if (typeof first !== 'string') return new HeaderState(medium, first, primary, true, alternate);
  return tooBad(report, first);
}

function tooBad(report: Report, detail: string): null {
  report.add({
    kind: 'volume-header',
    severity: 'error',
    message: 'Invalid volume header',
    detail,
    offsetBytes: VOLUME_HEADER_OFFSET_BYTES,
  });
  return null;
}

/** Does the header lead to something that looks like the header node of a catalog? Tells garbage from a header. */
function hasCatalog(medium: Draft, geometry: Geometry, header: Uint8Array): boolean {
  const start = viewOf(header).getUint32(FORK_OFFSET_BYTES.catalog + 16);
  if (start === 0 || start >= geometry.totalBlocks) return false;
  const node = medium.read(geometry.volumeOffsetBytes + start * geometry.blockSizeBytes, 512);
  return node[8] === 1 && node[9] === 0;
}

/** The fields of the alternate header that must be those of the first: it is rewritten only when they change. */
export function alternateDifferences(header: Uint8Array, alternate: Uint8Array): string[] {
  const differences: string[] = [];
  const a = VolumeHeader.peek(header);
  const b = VolumeHeader.peek(alternate);
  for (const key of ['signature', 'version', 'blockSizeBytes', 'totalBlocks'] as const) {
    if (a[key] !== b[key]) differences.push(`${key} ${b[key]} instead of ${a[key]}`);
  }
  for (const [name, at] of Object.entries(FORK_OFFSET_BYTES)) {
    for (let i = 0; i < FORK_SIZE_BYTES; i++) {
      // The clump is a wish, and changes without the alternate header.
      if (header[at + i] === alternate[at + i] || (i >= 8 && i < 12)) continue;
      differences.push(`the ${name} file`);
      break;
    }
  }
  return differences;
}
