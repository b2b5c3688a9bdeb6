import { FsError } from '../base/errno.ts';
import type { WriteLabel } from '../device/device.ts';
import { mendGpt } from '../device/gpt-mend.ts';
import { Medium } from '../device/medium.ts';
import { nothingToMend } from '../device/mending.ts';
import type { Mending } from '../device/mending.ts';
import type { Store } from '../device/store.ts';
import type { BlockAnnotation } from '../formats/survey.ts';
import type { ByteEdit } from '../shell/machine.ts';
import type { Computer } from './computer.ts';
import type { Disk, Slice } from './disk.ts';
import { sameSlice } from './disk.ts';
import { counted } from './sentences.ts';
import { verdictOn } from './verdict.ts';
import { DiskViews } from './views-disk.ts';

interface PokeHost {
  /** Look for slices and formats again. */
  examine(): void;
  /** The disk as unmounting would leave it. */
  diskAtRest(): Disk;
}

/**
 * Bytes of a disk changed by hand, under whatever is mounted: written, their checksums made to fit if asked, the volumes
 * mounted again from what is there now, and the checker asked at once. Everything it does is part of the step, so that it
 * is undone, replayed and shared like any other line.
 *
 * Returns sentences. EINVAL for what is no place on the disk, EBUSY while a
 * file is open; nothing has changed then.
 */
export function poke(
  computer: Computer,
  edit: ByteEdit,
  { examine, diskAtRest }: PokeHost,
): readonly string[] {
  const { disk } = computer;
  requirePlace(computer, edit);
  const before = disk.store.fork();
  const slice = disk.sliceAt(edit.block);
  const old = readBlock(before, edit.block).subarray(edit.offsetBytes, edit.offsetBytes + edit.bytes.length);
  if (edit.bytes.every((byte, i) => old[i] === byte)) {
    return [`Block ${edit.block} holds these bytes already; nothing was written.`];
  }
  const annotation = new DiskViews(computer).annotate(edit.block);
  const lines = [described(annotation, edit, old)];
  const problems = computer.underneath(() => {
    const { role, owner } = annotation;
    const label = { role, owner, reason: 'bytes edited by hand' };
    writeBytes(computer, edit.block * before.blockSizeBytes + edit.offsetBytes, edit.bytes, label);
    if (edit.mends) lines.push(mend(computer, edit.block, slice, before));
    examine();
  });
  lines.push(...mountLines(computer, problems));
  lines.push(...verdictOn(computer, diskAtRest(), slice));
  return lines;
}

function requirePlace({ disk }: Computer, { block, offsetBytes, bytes }: ByteEdit): void {
  const { blockCount, blockSizeBytes } = disk.store;
  const refuse = (detail: string) => new FsError('EINVAL', 'scope', String(block), detail);
  if (!Number.isSafeInteger(block) || block < 0 || block >= blockCount) {
    throw refuse(`${disk.device} has blocks 0 to ${blockCount - 1}`);
  }
  if (!Number.isSafeInteger(offsetBytes) || offsetBytes < 0 || offsetBytes >= blockSizeBytes) {
    throw refuse(`a block has bytes 0 to ${blockSizeBytes - 1}`);
  }
  if (bytes.length === 0) throw refuse('there is no byte to write');
  if (offsetBytes + bytes.length > blockSizeBytes) {
    const room = counted(blockSizeBytes - offsetBytes, 'byte');
    throw refuse(
      `${counted(bytes.length, 'byte')} do not fit: from byte ${offsetBytes} on the block has ${room}`,
    );
  }
}

function described(
  { title, fields }: BlockAnnotation,
  { block, offsetBytes, bytes }: ByteEdit,
  old: Uint8Array,
): string {
  const end = offsetBytes + bytes.length;
  const names = fields
    .filter((field) => field.offsetBytes < end && field.offsetBytes + field.lengthBytes > offsetBytes)
    .map(({ name }) => name);
  const shown = names.length > FIELDS_SHOWN_MAX ? [...names.slice(0, FIELDS_SHOWN_MAX), '…'] : names;
  const place = bytes.length === 1 ? `byte ${offsetBytes}` : `bytes ${offsetBytes} to ${end - 1}`;
  const of = shown.length === 0 ? '' : `, ${shown.join(', ')}`;
  return `Block ${block}, ${place} (${title}${of}): ${hexText(old)} → ${hexText(bytes)}`;
}

const FIELDS_SHOWN_MAX = 4;
const BYTES_SHOWN_MAX = 16;

function hexText(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, BYTES_SHOWN_MAX)].map((byte) => byte.toString(16).padStart(2, '0'));
  return bytes.length > BYTES_SHOWN_MAX ? `${shown.join(' ')} …` : shown.join(' ');
}

/** What is written through here is counted, and recorded like the writes of a volume. */
function writeBytes({ disk }: Computer, offsetBytes: number, bytes: Uint8Array, label: WriteLabel): void {
  const { blockSizeBytes } = disk.store;
  for (let done = 0; done < bytes.length;) {
    const block = Math.floor((offsetBytes + done) / blockSizeBytes);
    const at = offsetBytes + done - block * blockSizeBytes;
    const piece = bytes.subarray(done, done + blockSizeBytes - at);
    const whole = readBlock(disk.store, block);
    whole.set(piece, at);
    disk.metered.write(block, whole, label);
    done += piece.length;
  }
}

function readBlock(store: Store, block: number): Uint8Array {
  const { blockSizeBytes } = store;
  return new Medium(store).read(block * blockSizeBytes, blockSizeBytes);
}

/** Makes the checksums over `block` fit; returns a sentence about them. */
function mend(computer: Computer, block: number, slice: Slice | undefined, before: Store): string {
  const { disk } = computer;
  const { patches, sentence } = mendingOf(computer, block, slice, before);
  const shiftBytes = (slice?.firstBlock ?? 0) * disk.store.blockSizeBytes;
  for (const { offsetBytes, bytes } of patches) {
    const label = { role: 'header', owner: '', reason: 'checksum over bytes edited by hand' } as const;
    writeBytes(computer, shiftBytes + offsetBytes, bytes, label);
  }
  return `${sentence}.`;
}

function mendingOf({ disk }: Computer, block: number, slice: Slice | undefined, before: Store): Mending {
  if (slice === undefined) {
    return disk.scheme === 'gpt' ? mendGpt(disk.store, block) : nothingToMend('no volume covers this block');
  }
  if (slice.format === null) return nothingToMend('no known file system is here');
  return slice.format.mend(slice.plain, block - slice.firstBlock, sameSlice(slice, before));
}

function mountLines({ mounts }: Computer, problems: readonly string[]): string[] {
  const places = mounts.all.map(({ on }) => on);
  if (places.length === 0) return [...problems];
  return [`Mounted again from the disk: ${places.join(', ')}.`, ...problems];
}
