import { FORK_SIZE_BYTES, VolumeHeader, writeFork } from './layout.ts';
import { Gaps } from './fsck-overlaps.ts';
import type { WriteLabel } from '../../device/device.ts';
import { count } from './fsck-bits.ts';
import type { SpecialFile } from './fsck-forks.ts';
import { STAGE } from './fsck-stages.ts';
import type { Pass } from './fsck-pass.ts';

/**
 * The bitmap against the claims of all files. Both are lists of runs: cost follows how often used and free blocks
 * change places, not how many there are; stretches of the bitmap that were never written are not read.
 */
export function checkBitmap(pass: Pass, file: SpecialFile, expected: Float64Array): void {
  const { totalBlocks } = pass.geometry;
  const actual = readRuns(file, totalBlocks);
  const missing = subtract(expected, actual);
  const extra = subtract(actual, expected);
  const blocksOf = (runs: readonly number[]): number =>
    runs.reduce((sum, value, index) => sum + (index % 2 === 1 ? value : -value), 0);
  const problem = (runs: readonly number[], message: string, detail: string, isUsed: boolean): void => {
    if (runs.length === 0) return;
    const blocks = blocksOf(runs);
    pass.report.add({
      kind: isUsed ? 'bitmap-missing' : 'bitmap-orphaned',
      severity: 'error',
      message,
      detail: `${count(blocks, 'block')} ${detail}, the first is ${runs[0]}`,
      offsetBytes: file.deviceOffset((runs[0] ?? 0) >>> 3),
      repair: () => {
        for (let i = 0; i < runs.length; i += 2) setRun(file, runs[i] ?? 0, runs[i + 1] ?? 0, isUsed);
      },
    });
  };
  problem(missing, 'Volume bitmap needs repair for under-allocation', 'in use but marked as free', true);
  problem(
    extra,
    'Volume bitmap needs minor repair for orphaned blocks',
    'marked as used but nobody’s',
    false,
  );
}

/** The number in the header, in '** Checking volume information.'. */
export function checkFreeBlocks(pass: Pass, expected: Float64Array): void {
  let used = 0;
  for (let i = 0; i < expected.length; i += 2) used += (expected[i + 1] ?? 0) - (expected[i] ?? 0);
  const right = pass.geometry.totalBlocks - used;
  const { at } = VolumeHeader.fields.freeBlocks;
  const found = pass.headers.u32(at);
  if (found === right) return;
  pass.report.add({
    kind: 'free-blocks',
    severity: 'error',
    message: 'Invalid volume free block count',
    shouldBe: [right, found],
    offsetBytes: pass.geometry.headerOffsetBytes + at,
    repair: () => pass.headers.set(at, right, 'count the free blocks'),
  });
}

/** A bitmap too short for the volume gets new blocks; the next pass fills it. */
export function makeBitmap(pass: Pass, used: Float64Array): void {
  const { geometry, report, headers } = pass;
  const { at } = VolumeHeader.fields.allocationFile;
  const blocks = Math.ceil(geometry.totalBlocks / 8 / geometry.blockSizeBytes);
  const start = new Gaps(used, geometry.totalBlocks).take(blocks);
  const fork = new Uint8Array(FORK_SIZE_BYTES);
  const clumpSizeBytes = blocks * geometry.blockSizeBytes;
  const extents = [{ startBlock: start ?? 0, blockCount: blocks }];
  writeFork(fork, { logicalSizeBytes: clumpSizeBytes, clumpSizeBytes, totalBlocks: blocks, extents });
  report.add({
    kind: 'bitmap-short',
    severity: 'error',
    message: 'Invalid number of allocation blocks',
    detail: `the allocation file is too short for ${geometry.totalBlocks} blocks`,
    offsetBytes: geometry.headerOffsetBytes + at,
    repair: start === null ? undefined : () => headers.patch(at, fork, 'the bitmap gets new blocks'),
  });
}

class RunList {
  runs = new Float64Array(1024);
  length = 0;

  /** Of ascending bits, used and free in turn. */
  add(start: number, end: number): void {
    if (this.length > 0 && this.runs[this.length - 1] === start) {
      this.runs[this.length - 1] = end;
      return;
    }
    if (this.length + 2 > this.runs.length) {
      const grown = new Float64Array(this.runs.length * 2);
      grown.set(this.runs);
      this.runs = grown;
    }
    this.runs[this.length] = start;
    this.runs[this.length + 1] = end;
    this.length += 2;
  }
}

const CHUNK_BYTES = 65_536;

/** Set bits of the bitmap below the end of the file, those past the volume's last block too: they must be clear. */
export function readRuns(file: SpecialFile, totalBlocks: number): Float64Array {
  const list = new RunList();
  const end = Math.min(file.sizeBytes, Math.ceil(totalBlocks / 8) + CHUNK_BYTES);
  for (let at = file.nextStored(0); at < end; at = file.nextStored(at)) {
    const bytes = file.read(at, Math.min(CHUNK_BYTES, end - at));
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (byte === 0) continue;
      const first = (at + i) * 8;
      if (byte === 0xff) list.add(first, first + 8);
      else for (let bit = 0; bit < 8; bit++) if (byte & (0x80 >> bit)) list.add(first + bit, first + bit + 1);
    }
    at += bytes.length;
  }
  return list.runs.subarray(0, list.length);
}

/** What of `a` is not in `b`; both ascending, disjoint [start, end) pairs. */
function subtract(a: Float64Array, b: Float64Array): number[] {
  const out: number[] = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    let start = a[i] ?? 0;
    const end = a[i + 1] ?? 0;
    while (j < b.length && (b[j + 1] ?? 0) <= start) j += 2;
    for (let k = j; k < b.length && (b[k] ?? 0) < end; k += 2) {
      if ((b[k] ?? 0) > start) out.push(start, b[k] ?? 0);
      start = Math.max(start, b[k + 1] ?? 0);
    }
    if (start < end) out.push(start, end);
  }
  return out;
}

/** Set or clear the bits [start, end). */
export function setRun(file: SpecialFile, start: number, end: number, isUsed: boolean): void {
  const reason = isUsed ? 'mark blocks in use as used' : 'mark blocks that nobody uses as free';
  const label: WriteLabel = { role: 'allocation', owner: 'allocation file', reason };
  for (let at = start; at < end;) {
    const firstByte = Math.floor(at / 8);
    const stop = Math.min(end, (firstByte + CHUNK_BYTES) * 8);
    const bytes = file.read(firstByte, Math.ceil(stop / 8) - firstByte);
    for (let bit = at; bit < stop;) {
      const index = Math.floor(bit / 8) - firstByte;
      if (bit % 8 === 0 && stop - bit >= 8) {
        bytes[index] = isUsed ? 0xff : 0;
        bit += 8;
        continue;
      }
      const mask = 0x80 >> (bit % 8);
      bytes[index] = isUsed ? (bytes[index] ?? 0) | mask : (bytes[index] ?? 0) & ~mask;
      bit++;
    }
    file.write(firstByte, bytes, STAGE.records, label);
    at = stop;
  }
}
