import { expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import { crashImages } from '../../src/engine/device/crash.ts';
import { PROFILES } from '../../src/engine/device/profile.ts';
import { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import { apfs } from '../../src/engine/formats/apfs/index.ts';
import type { Container } from '../../src/engine/formats/contract.ts';
import { fsckApfsAfterPowerCut } from '../support/checkers.ts';
import { sparseImageFile } from '../support/formats.ts';
import { has } from './apfs-operations.ts';
import { data, makeVolume, options } from './disk.ts';
import { digestOf, judged } from './judge.ts';

/**
 * Goal: what is done to the volumes of a container is done or not, wherever the power fails; the others know nothing of
 * it. Method: every crash image opens as it lies, shows one of the two states, and both checkers accept it. (Another
 * size: beside resizing itself.)
 */
const BLOCK = 4096;
/** Room for four volumes. */
const SIZE_BYTES = 2 ** 31;
const INIT = { mode: 0o644, uid: 501, gid: 20 };

function write(container: Container, index: number, names: readonly string[]): void {
  const volume = container.mountVolume(index, { isReadOnly: false });
  for (const [i, name] of names.entries()) {
    const node = volume.create(volume.root, name, INIT);
    volume.write(node, 0, data(9000 + i, i));
    volume.release(node);
    volume.clone?.(node, volume.root, `clone of ${name}`, null);
  }
  volume.snapshots?.create('state');
  volume.remove(volume.root, has(names[0]));
  volume.unmount();
}

/** Two volumes with files, clones and a snapshot each. */
function makeContainer(): { store: Store; container: Container } {
  const store = new Store({ blockSizeBytes: BLOCK, blockCount: SIZE_BYTES / BLOCK });
  const type = { name: 'APFS', format: apfs, settings: {}, profile: PROFILES.nvme };
  makeVolume(store, { ...type, sizeBytes: SIZE_BYTES, blockSizeBytes: BLOCK }, 'First');
  const container = has(apfs.openContainer)(store, options('each', false));
  container.addVolume({ label: 'Second', isCaseSensitive: true, random: new Prng(3) });
  write(container, 0, ['a', 'b', 'c']);
  write(container, 1, ['x', 'y']);
  container.sync();
  return { store, container };
}

/** The table of volumes, and the names and sizes of all that is in them. */
function stateOf(store: Store): string {
  const container = has(apfs.openContainer)(store.fork(), options('each', true));
  return container
    .volumes()
    .map(({ index, label, role, quotaBytes, reserveBytes, snapshots }) => {
      const volume = container.mountVolume(index, { isReadOnly: true });
      const entries = volume.list(volume.root, null, 100).entries.map(({ name }) => {
        const { sizeBytes } = volume.attributes(has(volume.lookup(volume.root, name)));
        return `${name} ${sizeBytes}`;
      });
      const names = snapshots.map(({ name }) => name);
      return JSON.stringify({ index, label, role, quotaBytes, reserveBytes, names, entries });
    })
    .join('\n');
}

const OPERATIONS: readonly [string, (container: Container) => void][] = [
  [
    'a volume comes',
    (container) =>
      container.addVolume({
        ...{ label: 'Third', isCaseSensitive: false, role: 'Data', random: new Prng(4) },
        ...{ quotaBytes: 100 << 20, reserveBytes: 10 << 20 },
      }),
  ],
  ['a volume goes, with its snapshot', (container) => container.deleteVolume(1)],
  ['a volume gets another name', (container) => container.renameVolume(1, 'Other')],
  ['a volume gets a role', (container) => container.setRole(0, 'Data')],
];

const rules = { verdict: (device: Store) => fsckApfsAfterPowerCut(sparseImageFile(device)) };
const HARMLESS = ['dirty', 'old-checkpoint'];

test.each(OPERATIONS)('%s', (_, run) => {
  const { store, container } = makeContainer();
  const before = store.fork();
  const tape = new Tape(BLOCK);
  store.tape = tape;
  run(container);
  container.sync();
  store.tape = null;
  const expected = new Set([stateOf(before), stateOf(store)]);
  expect(expected.size).toBe(2);
  const found = new Set<string>();
  const seen = new Set<string>();
  const verdicts = new Map<string, string>();
  const how = { profile: PROFILES.nvme, seed: 7, exhaustiveMax: 5, samples: 20 };
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, how)) {
    const digest = digestOf(device);
    if (seen.has(digest)) continue;
    seen.add(digest);
    const { findings } = apfs.fsck(device, { repair: false });
    expect(
      findings.filter(({ kind }) => !HARMLESS.includes(kind)),
      description,
    ).toEqual([]);
    const state = stateOf(device);
    expect(expected.has(state), `a state of its own: ${description}`).toBe(true);
    found.add(state);
    if (seen.size % 6 === 1) expect(judged(device, rules, verdicts), description).toBe('');
  }
  expect(found).toEqual(expected);
  expect(judged(store, rules, verdicts)).toBe('');
});
