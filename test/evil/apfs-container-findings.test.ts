import { describe, expect, test } from 'vitest';
import { viewOf } from '../../src/engine/base/bytes.ts';
import type { Store } from '../../src/engine/device/store.ts';
import { fsck } from '../../src/engine/formats/apfs/fsck.ts';
import { findChecker, fsckApfs } from '../support/checkers.ts';
import { CHECKPOINT_CASES, OMAP_CASES, QUEUE_CASES, SPACE_CASES } from './apfs-container-cases.ts';
import { newContainer, Patient, readBlocks, seal, u64, writeBlocks } from './apfs-patient.ts';
import { sparseFile } from './volumes.ts';

/** One damage at a time to the container's own structures: found by us, by apfsck where it looks, gone after a repair. */
const hasJudge = findChecker('apfsck') !== null;

const fresh = (): Store => newContainer(16 << 20, { 'free-queues': 'made' });
const verdict = (store: Store): string => fsckApfs(sparseFile(store));
const sentences = (store: Store, repair = false): string[] =>
  fsck(store, { repair }).findings.map(({ kind, message }) => `${kind}: ${message}`);

test('before any damage both find nothing', () => {
  expect(sentences(fresh())).toEqual([]);
  expect(verdict(fresh())).toBe('');
  expect(fsck(fresh(), { repair: false }).lines.at(-1)).toBe('** The container appears to be OK.');
});

describe.each([
  ['checkpoints', CHECKPOINT_CASES],
  ['space', SPACE_CASES],
  ['free queues', QUEUE_CASES],
  ['object map', OMAP_CASES],
])('%s', (_, cases) => {
  test.each(cases)('$name', (one) => {
    const store = fresh();
    one.damage(new Patient(store));
    const before = store.version();
    const { findings, lines } = fsck(store, { repair: false });
    const said = findings.filter(({ kind }) => kind === one.kind).map(({ message }) => message);
    expect(said, findings.map(({ message }) => message).join('\n')).toContainEqual(
      expect.stringContaining(one.message),
    );
    expect(store.version()).toBe(before);
    const isError = findings.some(({ severity }) => severity === 'error');
    expect(lines.at(-1)).toMatch(
      isError
        ? /was found corrupt and needs to be repaired|could not be verified completely/
        : /appears to be OK\.$/,
    );
    if (hasJudge) expect(verdict(store) !== '').toBe(one.isSeen);

    const repaired = fsck(store, { repair: true });
    if (!one.isRepaired) {
      expect(repaired.findings.some(({ isRepaired }) => isRepaired)).toBe(false);
      expect(store.version()).toBe(before);
      return;
    }
    expect(repaired.findings.filter(({ isRepaired }) => !isRepaired)).toEqual([]);
    expect(repaired.lines.at(-1)).toBe('** The container was repaired successfully.');
    // The checkpoint that was damaged is an older one now.
    expect(sentences(store).filter((text) => !text.startsWith('old-checkpoint'))).toEqual([]);
    expect(verdict(store)).toBe('');
  });
});

test('9 TiB, where chunk info blocks are listed by address blocks', () => {
  const store = newContainer(9 * 2 ** 40);
  expect(sentences(store)).toEqual([]);
  const cab = new Patient(store).cib;
  const cib = u64(viewOf(readBlocks(store, cab)), 0x28);
  const bitmap = u64(viewOf(readBlocks(store, cib)), 0x28 + 24);
  const bytes = readBlocks(store, bitmap);
  bytes[0] = 0;
  writeBlocks(store, bitmap, bytes);
  expect(sentences(store)).toContainEqual(
    expect.stringContaining('Underallocation Detected on Main device: (0x0+8)'),
  );
  expect(fsck(store, { repair: true }).lines.at(-1)).toBe('** The container was repaired successfully.');
  expect(sentences(store)).toEqual([]);
  expect(verdict(store)).toBe('');
});

/** Two volumes, or one, that say they belong to a group: their roles. */
test.each([
  [['system', 'data'], []],
  [['data'], ['its system volume is missing']],
  [['system'], ['no data volume']],
  [['data', 'data', 'system'], ['2 data volumes']],
])('a volume group of %j', (roles, expected) => {
  const store = newContainer(1600 * 2 ** 20, {
    volumes: roles.map((role, i) => `V${i}:role=${role}`).join(','),
  });
  const { omapRoot } = new Patient(store);
  const root = viewOf(readBlocks(store, omapRoot));
  for (let i = 0; i <= roles.length; i++) {
    const block = u64(root, 4056 - root.getUint16(0x38 + 4 * i + 2, true) + 8);
    const bytes = readBlocks(store, block);
    // The first one is the patient itself and has no role.
    if (viewOf(bytes).getUint16(0x3c4, true) === 0) continue;
    bytes[0x28] = (bytes[0x28] ?? 0) | 0x10;
    bytes.fill(5, 0x3f0, 0x400);
    seal(bytes);
    writeBlocks(store, block, bytes);
  }
  const said = sentences(store).filter((text) => text.includes('volume group'));
  expect(said.length).toBe(expected.length);
  for (const [i, text] of expected.entries()) expect(said[i]).toContain(text);
  if (findChecker('apfsck')) expect(verdict(store) === '').toBe(expected.length === 0);
});

test('no container at all', () => {
  const store = newContainer(1 << 20);
  store.fill(
    0,
    store.blockCount,
    { generator: 'random', seed: 5, offsetBytes: 0 },
    { role: 'data', owner: 'test', reason: 'noise' },
  );
  const { isReadable, findings } = fsck(store, { repair: true });
  expect(isReadable).toBe(false);
  expect(findings.map(({ kind }) => kind)).toEqual(['not-apfs']);
});
