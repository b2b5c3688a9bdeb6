import fc from 'fast-check';
import { expect, test } from 'vitest';
import { consumed } from '../../src/ui/state/typed-line.ts';
import { DEFAULT_FORM, problemsOf, requestOf } from '../../src/ui/state/new-disk.ts';
import { FIRST_BENCH, prepared } from '../../src/ui/state/samples.ts';
import { decodeLink, encodeLink, hasLink } from '../../src/ui/storage/link.ts';

const UNTRIMMED = { ...prepared('apfs'), trims: false };
const session = {
  disks: [{ ...prepared('exfat'), label: 'größe 猫', seed: 7 }, ...FIRST_BENCH.with(0, UNTRIMMED)],
  lines: [
    { text: 'cp a "b c"', on: [{ disk: 0, typed: [] }] },
    { text: 'cat > f', on: [{ disk: 4, typed: ['hello\n', null] }] },
  ],
  write: 3,
  panes: { disk: 1, tab: 'Bytes', block: 77, path: null },
  hashes: ['0123456789ab', '', '', '', ''],
  bookmarks: [
    { name: 'the beginning', line: 0, write: null },
    { name: 'half of it 猫', line: 2, write: 5 },
  ],
};

test('a link carries a bench, every character of it', () => {
  const hash = encodeLink(session);
  expect(hasLink(hash)).toBe(true);
  expect(hash).toMatch(/^#v3=[\w-]+$/);
  expect(decodeLink(hash)).toEqual(session);
});

const text = fc.string({ unit: 'binary', maxLength: 40 });
const anyLine = fc.record({
  text,
  on: fc.array(fc.record({ disk: fc.nat(4), typed: fc.array(fc.option(text), { maxLength: 3 }) }), {
    maxLength: 3,
  }),
});
const anyBench = fc.record({
  disks: fc.constant(session.disks),
  lines: fc.array(anyLine, { maxLength: 8 }),
  write: fc.option(fc.nat()),
  panes: fc.option(
    fc.record({ disk: fc.nat(4), tab: text, block: fc.option(fc.nat()), path: fc.option(text) }),
  ),
  hashes: fc.array(fc.stringMatching(/^[0-9a-f]{0,12}$/), { maxLength: 6 }),
  bookmarks: fc.array(fc.record({ name: text, line: fc.constant(0), write: fc.option(fc.nat()) }), {
    maxLength: 3,
  }),
});

test('whatever a bench holds, its link gives it back; cut off anywhere, it says so', () => {
  fc.assert(
    fc.property(anyBench, fc.double({ min: 0, max: 0.999, noNaN: true }), (bench, share) => {
      const hash = encodeLink(bench);
      expect(decodeLink(hash)).toEqual(bench);
      const cut = hash.slice(0, Math.max(4, Math.floor(hash.length * share)));
      expect(() => decodeLink(cut)).toThrow(/cut off or was changed/);
    }),
    { numRuns: 100 },
  );
});

test('a bookmark of a line that the link does not have is refused, and links without bookmarks open', () => {
  const { bookmarks, ...without } = session;
  expect(decodeLink(encodeLink(without))).toEqual({ ...without, bookmarks: [] });
  const naming = (line: unknown) => ({ ...session, bookmarks: [{ ...bookmarks[0], line }] });
  for (const line of [3, -1, 0.5, 'x', null]) {
    const hash = encodeLink(naming(line) as typeof session);
    expect(() => decodeLink(hash), String(line)).toThrow('its bookmarks are unknown');
  }
});

test('links of earlier versions still open', () => {
  const [disk] = session.disks;
  const lines = ['cp a b', ['cat > f', 'hello\n', null]];
  const utf8 = (value: unknown) => btoa(unescape(encodeURIComponent(JSON.stringify(value))));
  const one = decodeLink(`#v1=${utf8({ ...disk, lines })}`);
  expect(one.disks).toEqual([disk]);
  expect(one.lines).toEqual([
    { text: 'cp a b', on: [{ disk: 0, typed: [] }] },
    { text: 'cat > f', on: [{ disk: 0, typed: ['hello\n', null] }] },
  ]);
  expect(decodeLink(packed({ disks: [prepared('fat32')], lines: [] })).disks).toEqual([prepared('fat32')]);
});

const packed = (value: unknown) => `#v2=${btoa(JSON.stringify(value))}`;
const damaged = (change: object) => packed({ disks: [{ ...prepared('fat32'), ...change }], lines: [] });
const damagedLines = (lines: unknown) => packed({ disks: FIRST_BENCH, lines });

test.each([
  ['cut off', encodeLink(session).slice(0, 40), 'cut off or was changed'],
  ['not base64', '#v2=%%%', 'cut off or was changed'],
  ['no object', `#v2=${btoa('7')}`, 'cut off or was changed'],
  ['another version', '#v9=abc', 'another version'],
  ['endless', `#v2=${'A'.repeat(100_000)}`, 'longer than any link'],
  ['no size', damaged({ sizeBytes: '64m' }), 'sizeBytes is not a number'],
  ['a negative size', damaged({ sizeBytes: -1 }), 'sizeBytes is not a number'],
  ['an unknown device', damaged({ profile: 'tape' }), 'profile is unknown'],
  ['lines that are none', damagedLines([[1]]), 'lines are not'],
  ['settings that are none', damaged({ settings: { type: 1 } }), 'settings are not'],
  ['panes that are none', packed({ disks: FIRST_BENCH, lines: [], panes: { disk: 9 } }), 'panes are unknown'],
  ['no settings', damaged({ settings: null }), 'settings are not'],
])('a link that is %s is refused with a sentence', (_, hash, words) => {
  expect(() => decodeLink(hash)).toThrow(words);
});

test('of typed text only what was read belongs to the line', () => {
  expect(consumed(['a\n', 'b\n'], '')).toEqual(['a\n', 'b\n']);
  expect(consumed(['a\n', 'b\n'], 'b\n')).toEqual(['a\n']);
  expect(consumed(['a\nb\n', null], 'b\n')).toEqual(['a\n', null]);
  expect(consumed(['ls\n'], 'ls\n')).toEqual([]);
});

test.each([
  [{ size: 'big' }, 'size'],
  [{ size: '10k' }, 'size'],
  [{ size: '1000' }, 'size'],
  [{ size: '300m', type: 'fat12' as const }, 'size'],
  [{ label: 'A*B' }, 'label'],
  [{ label: 'ABCDEFGHIJKL' }, 'label'],
  [{ label: 'a\u0007' }, 'label'],
])('a form with %o says what is wrong', (change, field) => {
  expect(Object.keys(problemsOf({ ...DEFAULT_FORM, ...change }))).toEqual([field]);
});

test('whether freed blocks are trimmed goes along where the format trims, and older links trim', () => {
  const form = { ...DEFAULT_FORM, trims: false };
  const options = { seed: 3, profile: 'hdd', policy: 'each' } as const;
  for (const type of ['apfs', 'hfsplus'] as const) {
    expect(requestOf({ ...form, type }, options).trims).toBe(false);
    expect(requestOf({ ...form, type, trims: true }, options)).not.toHaveProperty('trims');
  }
  for (const type of ['fat32', 'exfat'] as const)
    expect(requestOf({ ...form, type }, options)).not.toHaveProperty('trims');
  const read = (trims: unknown) => decodeLink(packed({ disks: [{ ...prepared('apfs'), trims }], lines: [] }));
  expect(read(false).disks[0]?.trims).toBe(false);
  for (const other of [undefined, null, true, 'no', 0])
    expect(read(other).disks[0]).not.toHaveProperty('trims');
});

test('a good form becomes a request', () => {
  expect(problemsOf(DEFAULT_FORM)).toEqual({});
  const options = { seed: 3, profile: 'hdd', policy: 'writeback' } as const;
  expect(
    requestOf({ ...DEFAULT_FORM, type: 'fat16', size: '16m', clusterSize: '2k' }, options),
  ).toMatchObject({
    ...{ ...options, sizeBytes: 2 ** 24, settings: { type: 'fat16', 'cluster-size': '2k' } },
  });
});

test('each format has settings of its own; those of another are left behind', () => {
  const options = { seed: 3, profile: 'hdd', policy: 'writeback' } as const;
  const form = { ...DEFAULT_FORM, clusterSize: '4k', journal: 'off', isCaseSensitive: true };
  expect(requestOf({ ...form, type: 'hfsplus' }, options)).toMatchObject({
    ...{ format: 'hfsx', settings: { 'block-size': '4k', journal: 'off' } },
  });
  expect(requestOf({ ...form, type: 'hfsplus', isCaseSensitive: false }, options).format).toBe('hfsplus');
  expect(requestOf({ ...form, type: 'exfat' }, options)).toMatchObject({
    ...{ format: 'exfat', settings: { 'cluster-size': '4k' } },
  });
  // What a label may hold on exFAT and HFS+ the engine says.
  expect(problemsOf({ ...form, type: 'hfsplus', label: 'Ein Name, der auf FAT nicht geht?' })).toEqual({});
});
