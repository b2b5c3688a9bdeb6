import { textOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { generate } from '../../device/generated.ts';
import type { Fill } from '../contract.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';

/**
 * Bytes of contents on the device: blocks of the volume as sectors, ranges that begin or end within a block.
 * Nothing here knows of records.
 */

/** What is written: bytes, or a rule that makes them. */
export type Source = Uint8Array | { readonly fill: Fill; readonly lengthBytes: number };

export const lengthOf = (source: Source): number =>
  source instanceof Uint8Array ? source.length : source.lengthBytes;

const scratch = new Uint8Array(BLOCK_SIZE_BYTES);

/** EIO when the run, which a record on the disk names, does not lie on the device. */
function checkRun(device: Device, firstBlock: number, blockCount: number): void {
  const blocks = Math.floor((device.blockCount * device.blockSizeBytes) / BLOCK_SIZE_BYTES);
  if (firstBlock + blockCount > blocks) {
    const detail = `an extent names block ${firstBlock + blockCount - 1} of a container that has ${blocks}: check it with fsck_apfs`;
    throw new FsError('EIO', '', '', detail);
  }
}

/** Fill `into` with the bytes from `offsetBytes` on of the run that begins at `firstBlock`. EIO. */
export function readRun(device: Device, firstBlock: number, offsetBytes: number, into: Uint8Array): void {
  checkRun(device, firstBlock, Math.ceil((offsetBytes + into.length) / BLOCK_SIZE_BYTES));
  const sector = device.blockSizeBytes;
  const base = (firstBlock * BLOCK_SIZE_BYTES) / sector;
  for (let done = 0; done < into.length;) {
    const at = offsetBytes + done;
    const within = at % sector;
    const left = into.length - done;
    if (within === 0 && left >= sector) {
      const whole = left - (left % sector);
      const isAll = done === 0 && whole === into.length;
      device.read(base + at / sector, isAll ? into : into.subarray(done, done + whole));
      done += whole;
      continue;
    }
    const part = Math.min(sector - within, left);
    const sectorBytes = scratch.subarray(0, sector);
    device.read(base + (at - within) / sector, sectorBytes);
    into.set(sectorBytes.subarray(within, within + part), done);
    done += part;
  }
}

/** Put whole blocks, `lengthBytes` of `source` from `sourceFrom` on, at `firstBlock`. */
export function writeBlocks(
  device: Device,
  firstBlock: number,
  source: Source,
  sourceFrom: number,
  lengthBytes: number,
  label: WriteLabel,
): void {
  const sector = device.blockSizeBytes;
  const firstSector = (firstBlock * BLOCK_SIZE_BYTES) / sector;
  if (source instanceof Uint8Array) {
    const isAll = sourceFrom === 0 && lengthBytes === source.length;
    device.write(firstSector, isAll ? source : source.subarray(sourceFrom, sourceFrom + lengthBytes), label);
    return;
  }
  const { fill } = source;
  const shifted: Fill =
    fill.generator === 'zero' ? fill : { ...fill, offsetBytes: fill.offsetBytes + sourceFrom };
  device.fill(firstSector, lengthBytes / sector, shifted, label);
}

/** Copy `into.length` bytes of `source` from `sourceFrom` on. */
export function copySource(source: Source, sourceFrom: number, into: Uint8Array): void {
  if (source instanceof Uint8Array) into.set(source.subarray(sourceFrom, sourceFrom + into.length));
  else generate(source.fill, sourceFrom, into);
}

const CONTENTS = 'contents';
let lastNameBytes: Uint8Array | null = null;
let lastLabel: WriteLabel = { role: 'data', owner: '', reason: CONTENTS };

/** The label of a file's contents. The one asked for last is kept, so that a loop of writes makes one. */
export function contentLabel(nameBytes: Uint8Array): WriteLabel {
  if (nameBytes !== lastNameBytes) {
    lastLabel = { role: 'data', owner: textOf(nameBytes), reason: CONTENTS };
    lastNameBytes = nameBytes;
  }
  return lastLabel;
}
