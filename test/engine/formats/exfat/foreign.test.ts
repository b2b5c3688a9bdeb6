import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { foreignImages, fsckExfat, imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import { bytesOf, get, makeDirectory, names, put } from '../fat-family/support.ts';
import { mounted } from './support.ts';

/**
 * Goal: what macOS wrote we read, and may change.
 * Method: a volume made and filled on macOS, held against the checksums that came with it; then changed and judged.
 */

const deviceOf = (bytes: Uint8Array): FlatDevice => {
  const device = new FlatDevice(bytes.length);
  device.bytes.set(bytes);
  return device;
};

function manifest(volume: Volume, directory: VolumeNode, path = ''): string[] {
  return names(volume, directory).flatMap((name) => {
    const node = volume.lookup(directory, name)!;
    if (node.type === 'directory') return manifest(volume, node, `${path}/${name}`);
    const data = get(volume, directory, name);
    return [`${createHash('md5').update(data).digest('hex')}  ${data.length}  ${path}/${name}`];
  });
}

test('a volume that macOS made reads as its ground truth says, and stays clean when changed here', () => {
  const folder = foreignImages();
  if (folder === null) return;
  const bytes = gunzipSync(readFileSync(join(folder, 'exfat', 'gofilesystems-image.exfat.gz')));
  const wanted = readFileSync(join(folder, 'exfat', 'gofilesystems-EXPECTED.txt'), 'utf8')
    .split('\n')
    .filter((line) => /^[0-9a-f]{32}\s.*\s\//.test(line))
    .map((line) => line.trim().replaceAll(/\s+/g, '  '));
  expect(wanted).toHaveLength(2);
  const device = deviceOf(bytes);
  const volume = mounted(device);
  expect(volume.warnings).toEqual([]);
  expect(volume.label).toBe('EXFATTEST');
  expect(manifest(volume, volume.root).sort()).toEqual(wanted.sort());
  const sub = volume.lookup(volume.root, 'SUB')!;
  // Written there in the zone two hours behind UTC.
  expect(new Date(volume.attributes(sub).birthTime.seconds * 1000).toISOString()).toMatch(/^2026-0\d/);

  volume.rename(sub, 'blob.bin', volume.root, 'a longer name for the blob: moved.bin');
  put(volume, makeDirectory(volume, sub, 'inner'), 'new', bytesOf(20_000));
  volume.setLabel('Geändert');
  volume.remove(volume.root, 'hello.txt');
  volume.unmount();
  const again = mounted(device);
  expect(again.label).toBe('Geändert');
  expect(get(again, again.root, 'a longer name for the blob: moved.bin')).toEqual(
    new Uint8Array(1024).fill(65),
  );
  again.unmount();
  expect(fsckExfat(imageFile(device.bytes))).toBe('');
});
