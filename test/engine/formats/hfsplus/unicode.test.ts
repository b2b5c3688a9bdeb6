import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { DECOMPOSITIONS } from '../../../../src/engine/codec/hfs-unicode.generated.ts';
import { decompose, foldTable, foldedCompare } from '../../../../src/engine/codec/hfs-unicode.ts';
import type { Volume } from '../../../../src/engine/formats/contract.ts';
import { hfsplus, hfsx } from '../../../../src/engine/formats/hfsplus/index.ts';
import { fsckHfsplus, imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';

/**
 * Goal: names are spelt, told apart and ordered as Apple's programs do it.
 * Method: every unit that decomposes, folds or is passed over becomes a name; fsck.hfsplus, which has Apple's own
 * comparison, judges whether the catalog's keys ascend and whether any two are the same.
 */
const DECOMPOSING = DECOMPOSITIONS.trim()
  .split('\n')
  .map((line) => Number.parseInt(line, 16));
const folds = foldTable();
const FOLDING = Array.from(folds.keys()).filter((unit) => unit > 0 && folds[unit] !== unit);

function newVolume(format: typeof hfsplus): { device: FlatDevice; volume: Volume } {
  const device = new FlatDevice(64 << 20);
  const clock = new SimulatedClock();
  const settings = {};
  format.newfs(device, { label: 'Names', settings, clock, random: new Prng(1), partitionFirstBlock: 0 });
  const owner = { uid: 501, gid: 20 };
  const options = {
    isReadOnly: false,
    policy: 'writeback',
    clock,
    trace: SILENT,
    owner,
    timeZoneMinutes: 0,
  } as const;
  return { device, volume: format.mount(device, options) };
}

const INIT = { mode: 0o644, uid: 501, gid: 20 };

/** Makes the name, or says with which errno that failed. */
function create(volume: Volume, name: string): string {
  try {
    volume.release(volume.create(volume.root, name, INIT));
    return 'made';
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    return error.code;
  }
}

const names = (): string[] => {
  const units = new Set([...DECOMPOSING, ...FOLDING]);
  for (const unit of FOLDING) for (const near of [unit - 1, unit + 1, folds[unit] ?? 0]) units.add(near);
  for (let unit = 0xac00; unit <= 0xd7a3; unit += 97) units.add(unit);
  for (let unit = 0x100; unit < 0xfffe; unit += 61) units.add(unit);
  const isName = (unit: number): boolean =>
    unit > 0x20 && (unit < 0xd800 || unit > 0xdfff) && unit !== 0x2400;
  return [...units].filter(isName).map((unit) => `n${String.fromCharCode(unit)}x`);
};

describe.each([
  { name: 'HFS+', format: hfsplus, isFolding: true },
  { name: 'HFSX', format: hfsx, isFolding: false },
])('$name', ({ format, isFolding }) => {
  test('fsck.hfsplus finds names of all special units in order, none twice', () => {
    const { device, volume } = newVolume(format);
    const made: string[] = [];
    const seen = new Set<string>();
    for (const name of names()) {
      const stored = decompose(name);
      const key = isFolding ? [...stored].map((unit) => folds[unit.charCodeAt(0)] || '').join() : stored;
      expect(create(volume, name), `U+${name.charCodeAt(1).toString(16)}`).toBe(
        seen.has(key) ? 'EEXIST' : 'made',
      );
      if (!seen.has(key)) made.push(stored);
      seen.add(key);
    }
    expect(made.length).toBeGreaterThan(2000);
    volume.unmount();
    expect(fsckHfsplus(imageFile(device.bytes))).toBe('');
  });
});

test('a unit and what it folds to are one name, and found by either', () => {
  const { volume } = newVolume(hfsplus);
  for (const unit of FOLDING) {
    const name = `a${String.fromCharCode(unit)}`;
    const other = `a${folds[unit] ? String.fromCharCode(folds[unit] ?? 0) : ''}`;
    expect(foldedCompare(name, other)).toBe(0);
    create(volume, name);
    expect(create(volume, other), `U+${unit.toString(16)}`).toBe('EEXIST');
    expect(volume.storedName(volume.root, other) === undefined).toBe(false);
  }
});
