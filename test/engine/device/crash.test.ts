import { describe, expect, test } from 'vitest';
import { crashImages, type CrashOptions } from '../../../src/engine/device/crash.ts';
import { PROFILES, type Profile } from '../../../src/engine/device/profile.ts';
import { Store } from '../../../src/engine/device/store.ts';
import { Tape } from '../../../src/engine/device/tape.ts';

/**
 * Goal: the crash images are all legal ones and only those.
 * Method: blocks are filled with one digit each, so a disk is a short text, and sets of texts are compared.
 */
const LABEL = { role: 'data', owner: '', reason: '' } as const;
const OPTIONS: CrashOptions = { profile: PROFILES.hdd, seed: 1 };

function disk(blockCount: number, blockSizeBytes = 512) {
  const store = new Store({ blockSizeBytes, blockCount });
  const before = store.fork();
  const tape = new Tape(blockSizeBytes);
  store.tape = tape;
  const write = (first: number, digits: string) => {
    const data = new Uint8Array(digits.length * blockSizeBytes);
    [...digits].forEach((digit, i) => data.fill(Number(digit), i * blockSizeBytes, (i + 1) * blockSizeBytes));
    store.write(first, data, LABEL);
  };
  const images = (options: Partial<CrashOptions> = {}) =>
    [...textsOf(before, tape, { ...OPTIONS, ...options })].map(({ text }) => text);
  return { store, before, tape, write, images };
}

function* textsOf(before: Store, tape: Tape, options: CrashOptions) {
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, options)) {
    const bytes = new Uint8Array(device.blockCount * device.blockSizeBytes);
    device.read(0, bytes);
    let text = '';
    for (let at = 0; at < bytes.length; at += 512) text += bytes[at];
    yield { text, description };
  }
}

const setOf = (texts: string[]) => [...new Set(texts)].sort();

describe('an epoch', () => {
  test('may have happened in any part and order, the epochs before it wholly', () => {
    const { store, write, images } = disk(3);
    write(0, '1');
    write(1, '2');
    store.barrier('');
    write(2, '3');
    expect(setOf(images())).toEqual(['000', '020', '100', '120', '123']);
    expect(images().length, 'no image twice').toBe(5);
  });

  test('keeps the order of two writes to one block', () => {
    const { write, images } = disk(1);
    write(0, '1');
    write(0, '2');
    expect(setOf(images())).toEqual(['0', '1', '2']);
  });

  test('that is long is sampled, with none, all, every prefix, every one missing and every one alone', () => {
    const { write, images } = disk(40);
    for (let i = 0; i < 40; i++) write(i, '1');
    const texts = setOf(images());
    for (let i = 0; i < 40; i++) {
      const alone = '0'.repeat(i) + '1' + '0'.repeat(39 - i);
      const missing = '1'.repeat(i) + '0' + '1'.repeat(39 - i);
      const prefix = '1'.repeat(i) + '0'.repeat(40 - i);
      for (const text of [alone, missing, prefix]) expect(texts).toContain(text);
    }
    expect(texts).toContain('1'.repeat(40));
    expect(texts.length).toBeGreaterThan(150);
    expect(setOf(images())).toEqual(texts);
    expect(setOf(images({ seed: 2 }))).not.toEqual(texts);
  });
});

test('removing any barrier enlarges the set', () => {
  const run = (without: number) => {
    const { store, write, images } = disk(6);
    for (let i = 0; i < 3; i++) {
      write(2 * i, '1');
      write(2 * i + 1, '2');
      if (i !== without) store.barrier('');
    }
    return new Set(images());
  };
  const all = run(-1);
  for (const without of [0, 1]) {
    const more = run(without);
    for (const text of all) expect(more).toContain(text);
    expect(more.size).toBeGreaterThan(all.size);
  }
});

test('a write of several blocks may be cut after any of them, alone or with the others done', () => {
  const { write, images } = disk(5);
  write(0, '123');
  write(4, '9');
  expect(setOf(images())).toEqual(['00000', '00009', '10000', '10009', '12000', '12009', '12300', '12309']);
});

test('a write that was cut stays before the ones after it', () => {
  const { write, images } = disk(3);
  write(0, '123');
  write(0, '4');
  expect(setOf(images())).toEqual(['000', '100', '120', '123', '400', '420', '423']);
});

test('a trim and a computed write are requests like others', () => {
  const { store, before, write, images } = disk(4);
  write(0, '1234');
  before.restore(store.version());
  const from = store.tape!.length;
  store.trim(0, 2);
  store.fill(3, 1, { generator: 'zero' }, LABEL);
  const tape = store.tape!;
  const texts: string[] = [];
  for (const { device } of crashImages(before, tape, { from, to: tape.length }, OPTIONS)) {
    const bytes = new Uint8Array(4 * 512);
    device.read(0, bytes);
    texts.push([0, 1, 2, 3].map((i) => bytes[i * 512]).join(''));
  }
  expect(setOf(texts)).toEqual(['0030', '0034', '0230', '0234', '1230', '1234']);
  expect(images().length).toBeGreaterThan(0);
});

describe('a block larger than what the disk writes at once', () => {
  const torn: Profile = { ...PROFILES.hdd, atomicBytes: 512 };

  test('may be old or new in each sector, never anything else', () => {
    const { write, images } = disk(1, 4096);
    write(0, '7');
    const texts = setOf(images({ profile: torn }));
    for (const text of texts) expect(text).toMatch(/^[07]{8}$/);
    expect(texts).toContain('70000000');
    expect(texts).toContain('00000007');
    expect(texts.length).toBeGreaterThan(10);
  });

  test('is whole where the profile promises it', () => {
    const { write, images } = disk(1, 4096);
    write(0, '7');
    expect(setOf(images({ profile: PROFILES.nvme }))).toEqual(['00000000', '77777777']);
  });

  test('is garbage only where the profile says so', () => {
    const { write, images } = disk(1);
    write(0, '7');
    expect(setOf(images())).toEqual(['0', '7']);
    expect(setOf(images({ profile: { ...torn, tornBlock: 'garbage' } })).length).toBe(3);
  });
});

test('images leave nothing behind, also when they are changed', () => {
  const { store, before, tape, write } = disk(10);
  for (let i = 0; i < 5; i++) write(i, '123');
  const usedBytes = store.storedBytes;
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, OPTIONS)) {
    expect(description).toMatch(
      /^Power cut in epoch 1 of 1 \(before the end of the recording\): \d of 5 requests/,
    );
    device.write(7, new Uint8Array(512).fill(9), LABEL);
  }
  expect(store.storedBytes).toBe(usedBytes);
});
