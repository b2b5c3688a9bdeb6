import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import { findChecker, foreignImages, runChecker } from '../../../support/checkers.ts';

/** Containers that others made, and one of our own for machines that have no other. */
export interface Image {
  readonly name: string;
  device(): FlatDevice;
}

const MAGIC = [0x4e, 0x58, 0x53, 0x42];

/** The container within an image, which may be one of a whole disk with a partition map. */
function containerIn(bytes: Uint8Array, blockSizeBytes: number): FlatDevice {
  let start = 0;
  while (start + 4096 <= bytes.length && MAGIC.some((byte, i) => bytes[start + 32 + i] !== byte))
    start += 512;
  const lengthBytes = Math.floor((bytes.length - start) / 4096) * 4096;
  const device = new FlatDevice(lengthBytes, blockSizeBytes);
  device.bytes.set(bytes.subarray(start, start + lengthBytes));
  return device;
}

/** Images in the folder of foreign ones, one of them in sectors of 512 bytes. */
function foreign(): Image[] {
  const folder = foreignImages();
  if (folder === null) return [];
  const names = readdirSync(join(folder, 'apfs')).filter((name) => name.endsWith('.gz'));
  return names.map((name, i) => ({
    name,
    device: () => containerIn(gunzipSync(readFileSync(join(folder, 'apfs', name))), i === 0 ? 512 : 4096),
  }));
}

/** Empty containers of mkapfs. */
function made(): Image[] {
  const program = findChecker('mkapfs');
  if (program === null) return [];
  return [
    { name: 'mkapfs, 16 MiB', sizeBytes: 16 << 20, options: [] },
    { name: 'mkapfs, case-sensitive, 1 MiB', sizeBytes: 1 << 20, options: ['-s'] },
    { name: 'mkapfs, 300 MiB: several chunks', sizeBytes: 300 << 20, options: [] },
  ].map(({ name, sizeBytes, options }) => ({
    name,
    device: () => {
      const folder = mkdtempSync(join(tmpdir(), 'diskoscope-'));
      try {
        const path = join(folder, 'made.img');
        writeFileSync(path, '');
        truncateSync(path, sizeBytes);
        const { exitCode, output } = runChecker(program, ['-L', 'Made', ...options, path]);
        if (exitCode !== 0) throw new Error(output);
        return containerIn(new Uint8Array(readFileSync(path)), 4096);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  }));
}

const ours: Image = {
  name: 'our newfs',
  device: () => {
    const device = new FlatDevice(32 << 20, 4096);
    const options = { clock: new SimulatedClock(), random: new Prng(1), partitionFirstBlock: 0 };
    newfs(device, { ...options, label: 'Ours', settings: {} });
    return device;
  },
};

export const IMAGES: readonly Image[] = [ours, ...made(), ...foreign()];
