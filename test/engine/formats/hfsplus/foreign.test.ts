import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Store } from '../../../../src/engine/device/store.ts';
import { findChecker, foreignImages, imageFile, runChecker } from '../../../support/checkers.ts';
import { INIT, MIB, mount, namesIn, verdict } from './volumes.ts';

function storeOf(bytes: Uint8Array): Store {
  const blockCount = Math.floor(bytes.length / 512);
  const store = new Store({ blockSizeBytes: 512, blockCount });
  store.write(0, bytes.subarray(0, blockCount * 512), { role: 'data', owner: 'image', reason: 'as it came' });
  return store;
}

/** Fill a folder, empty half of it, judged after each. */
function workOn(store: Store): void {
  for (const isRemoving of [false, true]) {
    const volume = mount(store);
    const folder = volume.lookup(volume.root, 'ours') ?? volume.makeDirectory(volume.root, 'ours', INIT);
    for (let i = 0; i < 600; i++) {
      const name = `${'long '.repeat(i % 20)}${i}`;
      if (!isRemoving) {
        const node = volume.create(folder, name, INIT);
        if (i % 50 === 0) volume.write(node, 0, new Uint8Array(3000));
        volume.release(node);
      } else if (i % 2 === 0) volume.remove(folder, name);
      else volume.rename(folder, name, volume.root, name);
    }
    volume.unmount();
    expect(verdict(store)).toBe('');
  }
}

test.each([
  ['catalog 4096, attributes 4096, extents 1024', '4096', ['-n', 'c=4096,a=4096,e=1024']],
  ['catalog 16384, attributes 4096, extents 2048', '4096', ['-n', 'c=16384,a=4096,e=2048']],
  ['catalog 32768, attributes 32768, extents 8192', '4096', ['-n', 'c=32768,a=32768,e=8192']],
  ['blocks of 512, smaller than a node, with a journal', '512', ['-J', '512k']],
  ['blocks of 65536, larger than a node', '65536', []],
  ['case-sensitive', '4096', ['-s']],
] as const)('volumes of mkfs.hfsplus: %s', (_, blockSize, options) => {
  const program = findChecker('mkfs.hfsplus');
  if (program === null) return;
  const path = imageFile(new Uint8Array(24 * MIB));
  const made = runChecker(program, [...options, '-b', blockSize, '-v', 'Theirs', path]);
  expect(made.exitCode, made.output).toBe(0);
  const store = storeOf(readFileSync(path));
  const volume = mount(store);
  expect(volume.label).toBe('Theirs');
  expect(namesIn(volume)).toEqual([]);
  volume.unmount();
  workOn(store);
});

test('a volume that macOS made', () => {
  const folder = foreignImages();
  if (folder === null) return;
  const store = storeOf(gunzipSync(readFileSync(join(folder, 'hfsplus', 'dfvfs-hfsplus.raw.gz'))));
  const volume = mount(store);
  expect(volume.label).toBe('hfsplus_test');
  expect(namesIn(volume)).toEqual(['.fseventsd', 'a_directory', 'a_link', 'passwords.txt']);
  const link = volume.lookup(volume.root, 'A_LINK');
  expect(link && volume.readLink?.(link)).toBe('a_directory/another_file');
  const directory = volume.lookup(volume.root, 'a_directory') ?? volume.root;
  const file = volume.lookup(directory, 'a_file');
  expect(file && volume.listExtendedAttributes?.(file)).toEqual(['myxattr']);
  volume.unmount();
  workOn(store);
});
