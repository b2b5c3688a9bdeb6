import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../../../src/engine/base/bytes.ts';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { CommitPolicy, Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import { INIT } from './support.ts';
import type { Kit } from './support.ts';

/**
 * Goal: a volume and a plain tree of maps cannot be told apart, and other people's checkers find nothing.
 * Method: random operations on both, on small volumes that fill up; after each the same outcome, at times a whole
 * comparison, a new mount, a check. A failure names its seed; the variable `seeds` names (FAT_SEEDS=17-17) runs
 * that one again.
 */
interface OracleFile {
  readonly kind: 'file';
  data: Uint8Array;
}
interface OracleLink {
  readonly kind: 'symlink';
  readonly target: string;
}
interface OracleDirectory {
  readonly kind: 'directory';
  readonly entries: Map<string, { name: string; item: OracleItem }>;
}
type OracleItem = OracleFile | OracleLink | OracleDirectory;

const emptyDirectory = (): OracleDirectory => ({ kind: 'directory', entries: new Map() });

const NAMES = [
  'a',
  'B.TXT',
  'readme.md',
  'README.MD',
  'Mixed Case.Text',
  'mixed case.text',
  'longish name number one.jpeg',
  'longish name number two.jpeg',
  'longish name number three.jpeg',
  'ünïcode.txt',
  'ÜNÏCODE.TXT',
  '.hidden',
  'trailing.',
  'what? a:b*c',
  'x'.repeat(255),
  'y'.repeat(130),
  '😀 smile',
];

/** One volume and its oracle, step by step. */
class Walk {
  volume: Volume;
  readonly random: Prng;
  readonly root = emptyDirectory();
  readonly clock = new SimulatedClock();
  #held: { node: VolumeNode; file: OracleFile }[] = [];

  constructor(
    readonly kit: Kit,
    readonly seed: number,
    readonly device: FlatDevice,
    readonly policy: CommitPolicy,
  ) {
    this.random = new Prng(seed);
    this.volume = this.#mount();
  }

  #mount(): Volume {
    return this.kit.mounted(this.device, { policy: this.policy, clock: this.clock });
  }

  /** Some directory, by a random path from the root. */
  #directory(): { node: VolumeNode; oracle: OracleDirectory } {
    let node = this.volume.root;
    let oracle = this.root;
    while (this.random.below(3) > 0) {
      const below = [...oracle.entries.values()].filter(({ item }) => item.kind === 'directory');
      if (below.length === 0) break;
      const { name, item } = this.random.pick(below);
      const next = this.volume.lookup(node, name);
      if (!next || item.kind !== 'directory') throw new Error(`${name} is not found`);
      node = next;
      oracle = item;
    }
    return { node, oracle };
  }

  /** Same outcome on both sides, except that only the volume can be full. */
  #both(onVolume: () => void, onOracle: () => string): void {
    let code = 'ok';
    try {
      onVolume();
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      code = error.code;
    }
    if (code === 'ENOSPC') return;
    expect(onOracle()).toBe(code);
  }

  step(): void {
    const { random, volume } = this;
    const { node, oracle } = this.#directory();
    const name = random.pick(NAMES);
    const key = keyOf(name);
    const found = oracle.entries.get(key);
    const add = (item: OracleItem) => {
      if (found) return 'EEXIST';
      oracle.entries.set(key, { name: name.normalize('NFC'), item });
      return 'ok';
    };
    this.clock.advance(random.below(4e9));
    switch (random.below(12)) {
      case 0:
      case 1:
        this.#both(
          () => volume.release(volume.create(node, name, INIT)),
          () => add({ kind: 'file', data: new Uint8Array(0) }),
        );
        break;
      case 2:
        this.#both(
          () => volume.release(volume.makeDirectory(node, name, INIT)),
          () => add(emptyDirectory()),
        );
        break;
      case 3:
        this.#both(
          () => volume.release(volume.makeSymlink!(node, name, `../${name}`, INIT)),
          () => add({ kind: 'symlink', target: `../${name}` }),
        );
        break;
      case 4:
        this.#both(
          () => volume.remove(node, name),
          () => {
            if (!found) return 'ENOENT';
            if (found.item.kind === 'directory') return 'EPERM';
            oracle.entries.delete(key);
            return 'ok';
          },
        );
        break;
      case 5:
        this.#both(
          () => volume.removeDirectory(node, name),
          () => {
            if (!found) return 'ENOENT';
            if (found.item.kind !== 'directory') return 'ENOTDIR';
            if (found.item.entries.size > 0) return 'ENOTEMPTY';
            oracle.entries.delete(key);
            return 'ok';
          },
        );
        break;
      case 6:
      case 7:
        this.#rename(node, oracle);
        break;
      case 8:
        if (found?.item.kind === 'file' && this.#held.length < 3) {
          const held = volume.lookup(node, name)!;
          volume.retain(held);
          this.#held.push({ node: held, file: found.item });
        } else {
          const out = this.#held.shift();
          if (out) volume.release(out.node);
        }
        break;
      default:
        this.#contents(node, oracle);
    }
  }

  #rename(from: VolumeNode, fromOracle: OracleDirectory): void {
    const { random, volume } = this;
    const { node: to, oracle: toOracle } = this.#directory();
    const [fromName, toName] = [random.pick(NAMES), random.pick(NAMES)];
    const [fromKey, toKey] = [keyOf(fromName), keyOf(toName)];
    const source = fromOracle.entries.get(fromKey);
    if (source && source.item.kind === 'directory' && reaches(source.item, toOracle)) return;
    const target = toOracle.entries.get(toKey);
    this.#both(
      () => volume.rename(from, fromName, to, toName),
      () => {
        if (!source) return 'ENOENT';
        if (target && target.item !== source.item) {
          if (target.item.kind === 'directory' && source.item.kind !== 'directory') return 'EISDIR';
          if (target.item.kind !== 'directory' && source.item.kind === 'directory') return 'ENOTDIR';
          if (target.item.kind === 'directory' && target.item.entries.size > 0) return 'ENOTEMPTY';
        }
        fromOracle.entries.delete(fromKey);
        toOracle.entries.set(toKey, { name: toName.normalize('NFC'), item: source.item });
        return 'ok';
      },
    );
  }

  #contents(directory: VolumeNode, oracle: OracleDirectory): void {
    const { random, volume } = this;
    const files = [...oracle.entries.values()].filter(({ item }) => item.kind === 'file');
    const held = this.#held.length > 0 && random.below(3) === 0 ? random.pick(this.#held) : undefined;
    if (!held && files.length === 0) return;
    const picked = held ? undefined : random.pick(files);
    const node = held?.node ?? volume.lookup(directory, picked!.name)!;
    const file = held?.file ?? (picked!.item as OracleFile);
    const length = random.below(4) === 0 ? random.below(60_000) : random.below(3000);
    const offset = random.below(file.data.length + (random.below(5) === 0 ? 20_000 : 1));
    switch (random.below(4)) {
      case 0:
        this.#both(
          () => volume.truncate(node, offset),
          () => {
            file.data = resized(file.data, offset);
            return 'ok';
          },
        );
        break;
      case 1:
        this.#both(
          () => {
            const written = volume.fill(node, offset, length, { generator: 'zero' });
            if (length > 0) file.data = resized(file.data, Math.max(file.data.length, offset + written));
            file.data.fill(0, offset, offset + written);
          },
          () => 'ok',
        );
        break;
      default: {
        const data = random.bytes(length);
        this.#both(
          () => {
            const written = volume.write(node, offset, data);
            if (length > 0) file.data = resized(file.data, Math.max(file.data.length, offset + written));
            file.data.set(data.subarray(0, written), offset);
          },
          () => 'ok',
        );
      }
    }
    expect(equalBytes(contentsOf(volume, node), file.data)).toBe(true);
  }

  /** Everything the volume shows is what the oracle has. */
  compare(node: VolumeNode = this.volume.root, oracle: OracleDirectory = this.root): void {
    const listed = this.volume.list(node, null, 1e6).entries;
    const byKey = (a: string, b: string) => (keyOf(a) < keyOf(b) ? -1 : 1);
    expect(listed.map((entry) => entry.name).sort(byKey)).toEqual(
      [...oracle.entries.values()].map((entry) => entry.name).sort(byKey),
    );
    for (const { name, inode, type } of listed) {
      const item = oracle.entries.get(keyOf(name))!.item;
      const child = this.volume.lookup(node, name)!;
      expect([child.inode, type]).toEqual([inode, item.kind]);
      if (item.kind === 'directory') this.compare(child, item);
      else if (item.kind === 'file')
        expect(equalBytes(contentsOf(this.volume, child), item.data), name).toBe(true);
      else expect(this.volume.readLink!(child)).toBe(item.target);
    }
  }

  remount(): void {
    for (const { node } of this.#held) this.volume.release(node);
    this.#held = [];
    this.volume.unmount();
    this.volume = this.#mount();
    expect(this.volume.warnings).toEqual([]);
  }

  assertUniqueInodes(): void {
    const seen = new Set<number>();
    const visit = (node: VolumeNode) => {
      for (const { inode, type, name } of this.volume.list(node, null, 1e6).entries) {
        expect(seen.has(inode), `inode ${inode} of ${name} is nobody else's`).toBe(false);
        seen.add(inode);
        if (type === 'directory') visit(this.volume.lookup(node, name)!);
      }
    };
    visit(this.volume.root);
  }
}

const keyOf = (name: string): string => name.normalize('NFC').toUpperCase();

const reaches = (from: OracleDirectory, to: OracleDirectory): boolean =>
  from === to ||
  [...from.entries.values()].some(({ item }) => item.kind === 'directory' && reaches(item, to));

function resized(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  out.set(data.subarray(0, size));
  return out;
}

function contentsOf(volume: Volume, node: VolumeNode): Uint8Array {
  const into = new Uint8Array(volume.attributes(node).sizeBytes);
  expect(volume.read(node, 0, into)).toBe(into.length);
  return into;
}

export interface RandomRuns {
  /** Title, size in MiB, settings of newfs. */
  readonly volumes: readonly (readonly [string, number, Record<string, string>])[];
  /** Name of the environment's variable that chooses the seeds. */
  readonly seeds: string;
  /** Operations between two mounts. */
  readonly remountEvery: number;
  /** What else must hold of a volume that has just been mounted again. */
  readonly afterMount?: (device: FlatDevice) => void;
}

const OPERATIONS = 200;

export function describeRandomRuns(kit: Kit, { volumes, seeds, remountEvery, afterMount }: RandomRuns): void {
  const [first = 1, last = 4] = (process.env[seeds] ?? '1-4').split('-').map(Number);
  const chosen = Array.from({ length: last - first + 1 }, (_, i) => first + i);

  describe.each(volumes)('%s', (name, mebibytes, settings) => {
    describe.each(['each', 'writeback'] as const)('%s', (policy) => {
      test.each(chosen)(`${name} ${policy} seed %i`, (seed) => {
        const device = new FlatDevice(mebibytes * 2 ** 20);
        kit.formatted(device, settings);
        const walk = new Walk(kit, seed, device, policy);
        for (let i = 0; i < OPERATIONS; i++) {
          walk.step();
          if (i % 40 === 20) walk.compare();
          if (i % 40 === 30) walk.assertUniqueInodes();
          if (i % remountEvery === remountEvery - 1) {
            walk.remount();
            walk.compare();
            afterMount?.(device);
          }
        }
        walk.remount();
        walk.compare();
        walk.volume.unmount();
        expect(kit.format.fsck(device, { repair: false }).findings).toEqual([]);
        expect(kit.judge(imageFile(device.bytes))).toBe('');
      });
    });
  });
}
