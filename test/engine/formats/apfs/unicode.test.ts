import { expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { canonicalPoints } from '../../../../src/engine/codec/apfs-unicode.ts';
import {
  COMBINING_CLASSES,
  DECOMPOSITIONS,
  FOLDS,
} from '../../../../src/engine/codec/apfs-unicode.generated.ts';
import { mountFirstVolume } from '../../../../src/engine/formats/apfs/mount.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import { fsckApfs, imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';

/**
 * Goal: names are told apart and hashed as apfsprogs does it, whose tables are those of Unicode 9.0. Method: 20,000
 * names made of every character that decomposes, folds or combines, and of any others, become files; apfsck computes
 * the hash of every one of them anew.
 */
const clock = new SimulatedClock();

const special = [DECOMPOSITIONS, FOLDS, COMBINING_CLASSES].flatMap((table) =>
  table
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [range = '', ...words] = line.split(' ');
      const [first = 0, last = first] = (range.split('/')[0] ?? '')
        .split('-')
        .map((digits) => Number.parseInt(digits, 16));
      const count = table === DECOMPOSITIONS ? words.length : last - first + 1;
      return Array.from({ length: count }, (_, i) => first + i);
    }),
);

const IOTA_BELOW = 0x345;
const PLANE_16 = 0x10_0000;

/** apfsprogs never ends on an iota below behind another mark, and takes plane 16 for plane 0: see names.ts. */
const isJudged = (point: number): boolean =>
  point > 0x20 &&
  point !== 0x2f &&
  (point < 0xd800 || point > 0xdfff) &&
  point < PLANE_16 &&
  (point & 0xfffe) !== 0xfffe &&
  (point < 0xfdd0 || point > 0xfdef) &&
  !canonicalPoints(String.fromCodePoint(point), false).includes(IOTA_BELOW);

function nameOf(random: Prng, number: number): string {
  // Every special character comes once, and by chance again.
  const points = [special[number % special.length] ?? 0];
  const length = random.below(6);
  for (let i = 0; i < length; i++) {
    const how = random.below(4);
    points.push(
      how < 2 ? random.pick(special) : how === 2 ? 0x21 + random.below(94) : random.below(PLANE_16),
    );
  }
  return String.fromCodePoint(...points.filter(isJudged));
}

test.each(['no', 'yes'])(
  '20,000 names have the hashes that apfsck computes, case-sensitive: %s',
  (sensitive) => {
    const device = new FlatDevice(48 << 20, 4096);
    const random = new Prng(9);
    const settings = { 'case-sensitive': sensitive };
    newfs(device, { label: 'Names', settings, clock, random, partitionFirstBlock: 0 });
    const owner = { uid: 501, gid: 20 };
    const volume = mountFirstVolume(device, {
      isReadOnly: false,
      policy: 'writeback',
      clock,
      trace: SILENT,
      owner,
      timeZoneMinutes: 0,
    });
    let made = 0;
    for (let i = 0; i < 20_000; i++) {
      const name = nameOf(random, i);
      if (name === '' || name === '.' || name === '..') continue;
      try {
        volume.release(volume.create(volume.root, name, { mode: 0o644, ...owner }));
        made++;
      } catch (error) {
        if (!(error instanceof FsError) || error.code !== 'EEXIST') throw error;
      }
    }
    expect(made).toBeGreaterThan(15_000);
    volume.unmount();
    expect(fsckApfs(imageFile(device.bytes))).toBe('');
  },
);
