import { expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import type { Device } from '../../src/engine/device/device.ts';
import { fsck } from '../../src/engine/formats/hfsplus/fsck.ts';
import { hfsplus } from '../../src/engine/formats/hfsplus/index.ts';
import { recordNamed, set16, treeOf } from './hfsplus-records.ts';
import type { TreeName } from './hfsplus-records.ts';
import {
  bytesAt,
  headerOf,
  hfsplusVerdict,
  JOURNALED,
  makeHfsplus,
  patch,
  populated,
} from './hfsplus-volumes.ts';

/** Damage by chance. Nothing may throw, nothing may hang, and whoever says "repaired" must be right, for the judge too. */
const TREES: readonly TreeName[] = ['extents', 'catalog', 'attributes'];

/** First bytes of what the format itself keeps: headers, bitmap, nodes with something in them. */
function metadata(device: Device): { at: number; length: number }[] {
  const places = [
    { at: 1024, length: 512 },
    { at: headerOf(device).getUint32(112 + 16) * headerOf(device).getUint32(40), length: 512 },
  ];
  for (const name of TREES) {
    const { at, nodeSize, totalNodes } = treeOf(device, name);
    for (let node = 0; node < totalNodes; node++) {
      const place = { at: at + node * nodeSize, length: nodeSize };
      if (bytesAt(device, place.at, 512).some((byte) => byte !== 0)) places.push(place);
    }
  }
  return places;
}

function spoil(device: Device, random: Prng, places: readonly { at: number; length: number }[]): void {
  const place = places[random.below(places.length)] ?? { at: 1024, length: 512 };
  const bytes = bytesAt(device, place.at, place.length);
  let at = random.below(place.length);
  for (let tries = 0; tries < 100 && bytes[at] === 0; tries++) at = random.below(place.length);
  const length = Math.min([1, 2, 4, 40][random.below(4)] ?? 1, place.length - at);
  const content = [0, 0xff, -1][random.below(3)] ?? 0;
  for (let i = 0; i < length; i++) bytes[at + i] = content < 0 ? random.below(256) : content;
  patch(device, place.at, bytes);
}

test.each([
  [1, 60],
  [12, 30],
])('%i damages at once, %i times', (damages, times) => {
  const random = new Prng(damages);
  for (let run = 0; run < times; run++) {
    const store = populated(hfsplus, { journal: 'off' });
    const places = metadata(store);
    for (let i = 0; i < damages; i++) spoil(store, random, places);
    const wasSeen = hfsplusVerdict(store) !== '';
    const report = fsck(store, { repair: false });
    const label = `${damages} damages, run ${run}`;
    if (wasSeen)
      expect(
        report.findings.some(({ severity }) => severity === 'error'),
        label,
      ).toBe(true);
    const repaired = fsck(store, { repair: true });
    const isSaid = / (was repaired successfully|appears to be OK)\.$/.test(repaired.lines.at(-1) ?? '');
    if (damages === 1) expect(isSaid, label).toBe(true);
    if (!isSaid) continue;
    expect(
      fsck(store, { repair: false }).findings.map(({ message }) => message),
      label,
    ).toEqual([]);
    expect(hfsplusVerdict(store), label).toBe('');
  }
});

test('random bytes behind a signature', () => {
  const random = new Prng(3);
  for (let run = 0; run < 40; run++) {
    const store = populated(hfsplus, { journal: 'off' });
    const noise = Uint8Array.from({ length: 512 }, () => random.below(256));
    noise.set([0x48, 0x2b, 0, 4]);
    // Of half of them the geometry is that of the volume: then everything behind it is read.
    if (run % 2 === 0) noise.set(bytesAt(store, 1024 + 40, 8), 40);
    patch(store, 1024, noise);
    patch(store, store.blockCount * 512 - 1024, noise);
    expect(fsck(store, { repair: false }).findings.length).toBeGreaterThan(0);
    fsck(store, { repair: true });
  }
});

test('nodes of nothing but ones, and of nothing but noise', () => {
  const random = new Prng(4);
  for (const name of TREES) {
    for (const isNoise of [false, true]) {
      const store = populated(hfsplus, { journal: 'off' });
      const { at, nodeSize, totalNodes } = treeOf(store, name);
      for (let node = 1; node < totalNodes; node++) {
        const bytes = Uint8Array.from({ length: nodeSize }, () => (isNoise ? random.below(256) : 0xff));
        // Noise that looks like a leaf, so that it is read.
        if (isNoise) bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 1, 0, 9]);
        patch(store, at + node * nodeSize, bytes);
      }
      expect(fsck(store, { repair: false }).isReadable).toBe(true);
      fsck(store, { repair: true });
      expect(fsck(store, { repair: false }).findings.filter(({ severity }) => severity === 'error')).toEqual(
        [],
      );
      expect(hfsplusVerdict(store)).toBe('');
    }
  }
});

test('a name of lone surrogates is shown escaped and kept', () => {
  const store = populated(hfsplus, { journal: 'off' });
  const record = recordNamed(store, 'file number 299 with a name');
  set16(store, record.keyAt + 8 + 2 * 26, 0xd800);
  set16(store, record.dataAt + 8, 0);
  const report = fsck(store, { repair: true });
  expect(report.findings.some(({ message }) => message.includes('\\ud800'))).toBe(true);
  expect(report.lines.join('')).not.toContain('\ud800');
  expect(fsck(store, { repair: false }).findings).toEqual([]);
});

test('a journal of garbage', () => {
  const random = new Prng(5);
  for (let run = 0; run < 30; run++) {
    const store = makeHfsplus(JOURNALED);
    if (store === null) return;
    const infoAt = headerOf(store).getUint32(12) * headerOf(store).getUint32(40);
    patch(store, infoAt, [0, 0, 0, 1]);
    const info = new DataView(bytesAt(store, infoAt, 180).buffer);
    const journalAt = info.getUint32(40);
    const noise = Uint8Array.from({ length: 8192 }, () => random.below(256));
    const view = new DataView(noise.buffer);
    if (run % 3 > 0) {
      view.setUint32(0, 0x4a4e4c78, true);
      view.setUint32(4, 0x12345678, true);
    }
    if (run % 3 > 1) {
      for (const [at, value] of [
        [8, 512],
        [16, 4096],
        [24, info.getUint32(48)],
      ] as const) {
        view.setUint32(at, value, true);
        view.setUint32(at + 4, 0, true);
      }
      view.setUint32(32, 4096, true);
      view.setUint32(40, 512, true);
    }
    patch(store, journalAt, noise);
    const { findings } = fsck(store, { repair: false });
    expect(findings.map(({ kind }) => kind)).toContain('journal');
    fsck(store, { repair: true });
    expect(fsck(store, { repair: false }).findings).toEqual([]);
    expect(hfsplusVerdict(store)).toBe('');
  }
});
