import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../../../src/engine/base/bytes.ts';
import { crashImages } from '../../../../src/engine/device/crash.ts';
import { PROFILES } from '../../../../src/engine/device/profile.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { Tape } from '../../../../src/engine/device/tape.ts';
import type { CommitPolicy, Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { fsck } from '../../../../src/engine/formats/fat32/fsck.ts';
import { bytesOf, formatted, INIT, makeDirectory, mounted, put } from './support.ts';

/**
 * Goal: a power cut at any moment of any operation leaves at worst lost clusters, stray name parts or two names for one
 * chain, and no data that was safe before is lost; the check repairs all of it.
 * Method: every legal crash image of each operation kind, judged by the independent fsck, then repaired and read.
 * Removing any barrier or swapping two waves of commit.ts turns this red.
 */

/** What may be found after a cut. Nothing here means that a file leads to clusters that are free or somebody else's. */
const HARMLESS = new Set([
  'dirty',
  'lost-clusters',
  'chain-beyond-size',
  'fats-differ',
  'fsinfo-free-count',
  'fsinfo-next-free',
  'lfn-orphan',
]);

const LONG = 'a name that needs many slots, so many that it crosses from one sector into the next one.text';
const OLD = bytesOf(3000, 1);
const OTHER = bytesOf(1500, 2);
const NEW = bytesOf(5000, 3);

interface Scene {
  readonly volume: Volume;
  readonly root: VolumeNode;
}

/** The volume before the cut: files in the way, so that names cross sectors and chains are in pieces. */
function prepare(volume: Volume): void {
  const { root } = volume;
  for (let i = 0; i < 5; i++) put(volume, root, `filler number ${i}`, bytesOf(600, 10 + i));
  put(volume, root, 'old', OLD);
  put(volume, root, 'other', OTHER);
  // Beyond the FAT sector of the files above: what follows is linked across two sectors.
  put(volume, root, 'large', new Uint8Array(140_000));
  const d = makeDirectory(volume, root, 'd');
  makeDirectory(volume, root, 'e');
  makeDirectory(volume, d, 'moving');
  put(volume, d, LONG, OTHER);
}

const held = (volume: Volume, name: string, action: (node: VolumeNode) => void): void => {
  const node = volume.lookup(volume.root, name)!;
  volume.retain(node);
  action(node);
  volume.release(node);
};
const at = (volume: Volume, name: string): VolumeNode => volume.lookup(volume.root, name)!;

interface Kind {
  readonly act: (scene: Scene) => void;
  /** Findings this operation may leave beside the harmless ones. */
  readonly alsoLeaves?: readonly string[];
  /** Must hold on every image: what was safe before, and is not what the operation changes. */
  readonly holds?: (scene: Scene) => void;
}

const readAll = (volume: Volume, directory: VolumeNode, name: string): Uint8Array | undefined => {
  const node = volume.lookup(directory, name);
  if (!node) return undefined;
  const into = new Uint8Array(volume.attributes(node).sizeBytes);
  volume.read(node, 0, into);
  return into;
};

const isOneOf = (found: Uint8Array | undefined, ...wanted: (Uint8Array | undefined)[]): boolean =>
  wanted.some((bytes) => (bytes && found ? equalBytes(bytes, found) : bytes === found));

const concat = (a: Uint8Array, b: Uint8Array) => Uint8Array.from([...a, ...b]);
/** One directory or file under two names, in a window that only leak-only formats have. */
const TWO_NAMES = ['cross-link', 'directory-twice', 'dotdot-entry'];

const KINDS: Readonly<Record<string, Kind>> = {
  'create in one sector': { act: ({ volume, root }) => volume.release(volume.create(root, 'x', INIT)) },
  'create with a long name': { act: ({ volume, root }) => volume.release(volume.create(root, LONG, INIT)) },
  'create and write': {
    act: ({ volume, root }) => put(volume, root, LONG, NEW),
    holds: ({ volume, root }) =>
      expect(isOneOf(readAll(volume, root, LONG), undefined, new Uint8Array(0), NEW)).toBe(true),
  },
  append: {
    act: ({ volume }) => held(volume, 'old', (node) => volume.write(node, 3000, NEW)),
    holds: ({ volume, root }) =>
      expect(isOneOf(readAll(volume, root, 'old'), OLD, concat(OLD, NEW))).toBe(true),
  },
  'append twice': {
    act: ({ volume }) =>
      held(volume, 'old', (node) => {
        volume.write(node, 3000, NEW);
        volume.write(node, 8000, NEW);
      }),
    holds: ({ volume, root }) =>
      expect(
        isOneOf(readAll(volume, root, 'old'), OLD, concat(OLD, NEW), concat(concat(OLD, NEW), NEW)),
      ).toBe(true),
  },
  'truncate down': {
    act: ({ volume }) => held(volume, 'old', (node) => volume.truncate(node, 700)),
    holds: ({ volume, root }) =>
      expect(isOneOf(readAll(volume, root, 'old'), OLD, OLD.subarray(0, 700))).toBe(true),
  },
  'truncate to nothing and write anew': {
    act: ({ volume }) =>
      held(volume, 'old', (node) => {
        volume.truncate(node, 0);
        volume.write(node, 0, NEW);
      }),
    holds: ({ volume, root }) =>
      expect(isOneOf(readAll(volume, root, 'old'), OLD, new Uint8Array(0), NEW)).toBe(true),
  },
  'truncate down and append': {
    act: ({ volume }) =>
      held(volume, 'old', (node) => {
        volume.truncate(node, 600);
        volume.write(node, 600, NEW);
      }),
    holds: ({ volume, root }) => {
      const cut = OLD.subarray(0, 600);
      // Between the two the block in which both meet may hold the new bytes already.
      const found = readAll(volume, root, 'old')!;
      expect([600, 3000, 5600]).toContain(found.length);
      expect(equalBytes(found.subarray(0, 600), cut)).toBe(true);
    },
  },
  'truncate up': { act: ({ volume }) => held(volume, 'old', (node) => volume.truncate(node, 20_000)) },
  remove: {
    act: ({ volume, root }) => volume.remove(root, 'old'),
    holds: ({ volume, root }) => expect(isOneOf(readAll(volume, root, 'old'), OLD, undefined)).toBe(true),
  },
  'remove a long name': {
    act: ({ volume }) => volume.remove(at(volume, 'd'), LONG),
    holds: ({ volume }) =>
      expect(isOneOf(readAll(volume, at(volume, 'd'), LONG), OTHER, undefined)).toBe(true),
  },
  'remove and let another file have the clusters': {
    act: ({ volume, root }) => {
      volume.remove(root, 'old');
      put(volume, root, 'next', NEW);
    },
    holds: ({ volume, root }) => expect(isOneOf(readAll(volume, root, 'old'), OLD, undefined)).toBe(true),
  },
  mkdir: { act: ({ volume, root }) => makeDirectory(volume, root, LONG) },
  'mkdir and a file in it': {
    act: ({ volume, root }) => put(volume, makeDirectory(volume, root, 'new'), 'x', NEW),
  },
  rmdir: { act: ({ volume, root }) => volume.removeDirectory(root, 'e') },
  'rename in place': {
    act: ({ volume, root }) => volume.rename(root, 'old', root, 'dlo'),
    holds: ({ volume, root }) => {
      const [before, after] = [readAll(volume, root, 'old'), readAll(volume, root, 'dlo')];
      expect([before, after].filter(Boolean)).toHaveLength(1);
      expect(isOneOf(before ?? after, OLD)).toBe(true);
    },
  },
  'rename to a long name': {
    act: ({ volume, root }) => volume.rename(root, 'old', root, LONG),
    alsoLeaves: TWO_NAMES,
  },
  'move to another directory': {
    act: ({ volume, root }) => volume.rename(root, 'old', at(volume, 'e'), LONG),
    alsoLeaves: TWO_NAMES,
  },
  'rename over a file': {
    act: ({ volume, root }) => volume.rename(root, 'old', root, 'other'),
    alsoLeaves: TWO_NAMES,
    holds: ({ volume, root }) => expect(isOneOf(readAll(volume, root, 'other'), OTHER, OLD)).toBe(true),
  },
  'rename over a file in another directory': {
    act: ({ volume, root }) => volume.rename(root, 'old', at(volume, 'd'), LONG),
    alsoLeaves: TWO_NAMES,
    holds: ({ volume }) => expect(isOneOf(readAll(volume, at(volume, 'd'), LONG), OTHER, OLD)).toBe(true),
  },
  'move a directory': {
    act: ({ volume }) => volume.rename(at(volume, 'd'), 'moving', at(volume, 'e'), 'moved'),
    alsoLeaves: TWO_NAMES,
  },
  'grow a directory': {
    act: ({ volume }) => {
      const e = at(volume, 'e');
      for (let i = 0; i < 3; i++) volume.release(volume.create(e, `${i} ${LONG}`, INIT));
    },
  },
  'change the label': {
    act: ({ volume }) => volume.setLabel('OTHER'),
    alsoLeaves: ['boot-label', 'backup-boot'],
  },
};

describe.each(['each', 'writeback'] as const)('%s', (policy: CommitPolicy) => {
  test.each(Object.keys(KINDS))('%s', (name) => {
    const kind = KINDS[name]!;
    const store = new Store({ blockSizeBytes: 512, blockCount: 10_240 });
    formatted(store, { type: 'fat16', 'cluster-size': '512' });
    const made = mounted(store);
    prepare(made);
    made.unmount();

    const volume = mounted(store, { policy });
    const before = store.fork();
    const tape = new Tape(512);
    store.tape = tape;
    kind.act({ volume, root: volume.root });
    volume.sync();
    store.tape = null;

    let images = 0;
    const profile = PROFILES.nvme;
    for (const { device, description } of crashImages(
      before,
      tape,
      { from: 0, to: tape.length },
      { profile, seed: 1, samples: 8, exhaustiveMax: 6 },
    )) {
      images++;
      judge(device, description, kind);
    }
    expect(images).toBeGreaterThan(1);
  });
});

function judge(device: Store, description: string, kind: Kind): void {
  const report = fsck(device, { repair: false });
  const harmful = report.findings.filter(
    (finding) => !HARMLESS.has(finding.kind) && !kind.alsoLeaves?.includes(finding.kind),
  );
  expect(harmful, description).toEqual([]);
  // Whatever is wrong, the volume says that it was in use; only the marks themselves may differ between the FATs.
  const kinds = report.findings.map((finding) => finding.kind).filter((found) => found !== 'fats-differ');
  if (kinds.length > 0) expect(kinds, description).toContain('dirty');
  const volume = mounted(device, { isReadOnly: true });
  try {
    kind.holds?.({ volume, root: volume.root });
    for (let i = 0; i < 5; i++) {
      expect(isOneOf(readAll(volume, volume.root, `filler number ${i}`), bytesOf(600, 10 + i))).toBe(true);
    }
  } catch (error) {
    throw new Error(`${description} ${String(error)}`, { cause: error });
  }
  expect(report.isReadable).toBe(true);
  fsck(device, { repair: true });
  const left = fsck(device, { repair: false }).findings;
  expect(left, `after the repair of: ${description}`).toEqual([]);
}
