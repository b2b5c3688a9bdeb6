import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { findChecker, fsckVfat, imageFile, runChecker, temporaryFolder } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import { bytesOf, get, makeDirectory, names, put } from '../fat-family/support.ts';
import { fresh, mounted } from './support.ts';

/**
 * Goal: what others wrote we read, what we wrote others read, and both may change it.
 * Method: volumes made by mkfs.vfat and filled by mcopy, changed here; volumes made here, read by mdir and mcopy.
 */

const NAMES = [
  'README.TXT',
  'lower.txt',
  'Mixed.Txt',
  'a name with many words in it.text',
  'ünïcode café.txt',
];

interface Tools {
  readonly mkfs: string;
  readonly mcopy: string;
  readonly mdir: string;
}

function tools(): Tools | null {
  const [mkfs, mcopy, mdir] = ['mkfs.vfat', 'mcopy', 'mdir'].map(findChecker);
  return mkfs && mcopy && mdir ? { mkfs, mcopy, mdir } : null;
}

function ran(program: string, args: readonly string[]): string {
  const { exitCode, output } = runChecker(program, args);
  expect(exitCode, `${program} ${args.join(' ')}: ${output}`).toBe(0);
  return output;
}

const deviceOf = (bytes: Uint8Array): FlatDevice => {
  const device = new FlatDevice(bytes.length);
  device.bytes.set(bytes);
  return device;
};

const all = (volume: Volume, directory: VolumeNode, path = ''): Map<string, Uint8Array> => {
  const found = new Map<string, Uint8Array>();
  for (const name of names(volume, directory)) {
    const node = volume.lookup(directory, name)!;
    if (node.type === 'directory')
      for (const [p, data] of all(volume, node, `${path}/${name}`)) found.set(p, data);
    else found.set(`${path}/${name}`, get(volume, directory, name));
  }
  return found;
};

describe.each([
  ['FAT12', 4, ['-F', '12']],
  ['FAT16', 20, ['-F', '16']],
  ['FAT32', 40, ['-F', '32', '-n', 'FOREIGN']],
] as const)('%s made by mkfs.vfat and filled by mcopy', (type, mebibytes, options) => {
  test('is read, changed, and still clean', () => {
    const programs = tools();
    if (!programs) return;
    const folder = temporaryFolder();
    const image = join(folder, 'foreign.img');
    writeFileSync(image, '');
    truncateSync(image, mebibytes * 2 ** 20);
    ran(programs.mkfs, [...options, image]);
    NAMES.forEach((name, i) => writeFileSync(join(folder, name), bytesOf(1000 * i * i, i)));
    ran(programs.mcopy, ['-i', image, ...NAMES.map((name) => join(folder, name)), '::']);

    const device = deviceOf(readFileSync(image));
    const volume = mounted(device);
    expect(volume.warnings).toEqual([]);
    expect(volume.label).toBe(type === 'FAT32' ? 'FOREIGN' : '');
    expect(names(volume, volume.root).sort()).toEqual([...NAMES].sort());
    NAMES.forEach((name, i) => expect(get(volume, volume.root, name)).toEqual(bytesOf(1000 * i * i, i)));

    const sub = makeDirectory(volume, volume.root, 'made here');
    volume.rename(volume.root, 'Mixed.Txt', sub, 'Moved and Mixed.Txt');
    volume.remove(volume.root, 'README.TXT');
    put(volume, sub, 'added.bin', bytesOf(12_345, 9));
    volume.setLabel('CHANGED');
    volume.unmount();
    expect(fsckVfat(imageFile(device.bytes))).toBe('');

    writeFileSync(image, device.bytes);
    const out = join(folder, 'out');
    ran(programs.mcopy, ['-i', image, '::/made here/added.bin', out]);
    expect(new Uint8Array(readFileSync(out))).toEqual(bytesOf(12_345, 9));
    expect(ran(programs.mdir, ['-i', image, '-b', '-/', '::'])).toContain('Moved and Mixed.Txt');
    // And once more the other way round.
    ran(programs.mcopy, ['-i', image, '-o', out, '::/made here/back again']);
    const again = mounted(deviceOf(readFileSync(image)));
    expect(get(again, again.lookup(again.root, 'made here')!, 'back again')).toEqual(bytesOf(12_345, 9));
  });
});

test('mdir lists and mcopy reads what was written here, byte for byte', () => {
  const programs = tools();
  if (!programs) return;
  const { device, volume } = fresh(40);
  let directory = volume.root;
  for (let depth = 0; depth < 4; depth++) {
    NAMES.forEach((name, i) => put(volume, directory, name, bytesOf(700 * i + depth, depth * 10 + i)));
    for (let i = 0; i < 60; i++) put(volume, directory, `one of many files, number ${i}`, bytesOf(i, i));
    directory = makeDirectory(volume, directory, `Directory at depth ${depth}`);
  }
  const wanted = all(volume, volume.root);
  volume.unmount();
  const image = imageFile(device.bytes);
  const listed = ran(programs.mdir, ['-i', image, '-b', '-/', '-a', '::']).split('\n').filter(Boolean);
  const files = listed.filter((path) => !path.endsWith('/')).map((path) => path.replace(/^::/, ''));
  expect(files.sort()).toEqual([...wanted.keys()].sort());
  const folder = temporaryFolder();
  ran(programs.mcopy, ['-i', image, '-s', '-n', '::/', folder]);
  for (const [path, data] of wanted) {
    expect(new Uint8Array(readFileSync(join(folder, path))), path).toEqual(data);
  }
});
