import { describe, expect, test } from 'vitest';
import { Store } from '../../src/engine/device/store.ts';
import { hfsplus, hfsx } from '../../src/engine/formats/hfsplus/index.ts';
import { findChecker } from '../support/checkers.ts';
import {
  dataOf,
  FILE,
  HEADER_CASES,
  LINK_CASES,
  OTHER,
  preallocate,
  RECORD_CASES,
  TREE_CASES,
} from './hfsplus-cases.ts';
import type { DamageCase } from './hfsplus-cases.ts';
import { get32, recordNamed } from './hfsplus-records.ts';
import { bytesAt, headerOf, hfsplusVerdict, populated } from './hfsplus-volumes.ts';

/** One damage at a time: found by us, by fsck.hfsplus where it looks, and gone after our repair, for both. */
const hasJudge = findChecker('fsck.hfsplus') !== null;

const spoilt = ({ format, damage }: DamageCase): Store => {
  const store = populated(format === 'hfsx' ? hfsx : hfsplus, { journal: 'off' });
  damage(store);
  return store;
};

const sentences = (store: Store, repair: boolean): string[] =>
  hfsplus.fsck(store, { repair }).findings.map(({ kind, message }) => `${kind}: ${message}`);

test('before any damage both find nothing', () => {
  for (const format of [hfsplus, hfsx]) {
    const store = populated(format, { journal: 'off' });
    expect(sentences(store, false)).toEqual([]);
    expect(hfsplusVerdict(store)).toBe('');
  }
});

describe.each([
  ['headers and bitmap', HEADER_CASES],
  ['trees', TREE_CASES],
  ['records', RECORD_CASES],
  ['links and attributes', LINK_CASES],
])('%s', (_, cases) => {
  test.each(cases)('$name', (one) => {
    const store = spoilt(one);
    const before = store.version();
    const { findings, lines } = hfsplus.fsck(store, { repair: false });
    const said = findings.filter(({ kind }) => kind === one.kind).map(({ message }) => message);
    expect(said).toContainEqual(expect.stringContaining(one.message));
    expect(store.version()).toBe(before);
    const isError = findings.some(({ severity }) => severity === 'error');
    expect(lines.at(-1)).toMatch(
      isError ? /was found corrupt and needs to be repaired\.$/ : /appears to be OK\.$/,
    );
    if (one.isSeen !== null && hasJudge) expect(hfsplusVerdict(store) !== '').toBe(one.isSeen);

    const repaired = hfsplus.fsck(store, { repair: true });
    expect(repaired.findings.filter(({ isRepaired }) => !isRepaired)).toEqual([]);
    if (isError) expect(repaired.lines.at(-1)).toMatch(/was repaired successfully\.$/);
    expect(sentences(store, false)).toEqual([]);
    expect(hfsplusVerdict(store)).toBe('');
  });
});

test('a finding says in which block it is', () => {
  const store = populated(hfsplus, { journal: 'off' });
  const one = RECORD_CASES.find(({ kind }) => kind === 'valence');
  one?.damage(store);
  const at = recordNamed(store, 'many').keyAt;
  expect(hfsplus.fsck(store, { repair: false }).findings[0]?.block).toBe(Math.floor(at / 512));
});

test('blocks beyond the end of a file are no damage', () => {
  const store = populated(hfsplus, { journal: 'off' });
  preallocate(store);
  expect(sentences(store, false)).toEqual([]);
});

test('of two files that hold the same blocks both keep their bytes', () => {
  const one = RECORD_CASES.find(({ name }) => name === 'blocks that two files hold');
  const store = populated(hfsplus, { journal: 'off' });
  one?.damage(store);
  const before = dataOf(store);
  hfsplus.fsck(store, { repair: true });
  const other = get32(store, recordNamed(store, OTHER).dataAt + 88 + 16);
  const own = get32(store, recordNamed(store, FILE).dataAt + 88 + 16);
  expect(own).not.toBe(other);
  expect(dataOf(store)).toEqual(before);
  expect(bytesAt(store, other * headerOf(store).getUint32(40), 100)).toEqual(before);
});

test('what is in lost+found was in a folder that is gone', () => {
  const store = populated(hfsplus, { journal: 'off' });
  RECORD_CASES.find(({ kind }) => kind === 'loop')?.damage(store);
  hfsplus.fsck(store, { repair: true });
  expect(recordNamed(store, 'lost+found').type).toBe(1);
});
