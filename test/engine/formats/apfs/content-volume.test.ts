import { expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import type {
  CommitPolicy,
  MountOptions,
  Volume,
  VolumeNode,
} from '../../../../src/engine/formats/contract.ts';
import { mountFirstVolume, openContainer } from '../../../../src/engine/formats/apfs/mount.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import { findChecker, fsckApfs, fsckApfsAfterPowerCut, imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';

/** Contents on a real volume, judged by apfsck: extents, references, clones, snapshots, counters of blocks. */

const INIT = { mode: 0o644, uid: 501, gid: 20 };
const clock = new SimulatedClock();

const optionsOf = (policy: CommitPolicy, overwritesInPlace: boolean): MountOptions => ({
  isReadOnly: false,
  policy,
  clock,
  trace: SILENT,
  owner: { uid: 501, gid: 20 },
  timeZoneMinutes: 0,
  overwritesInPlace,
});

function newDevice(sizeBytes: number): FlatDevice {
  const device = new FlatDevice(sizeBytes);
  newfs(device, { label: 'Test', settings: {}, clock, random: new Prng(1), partitionFirstBlock: 0 });
  return device;
}

class Script {
  readonly device: FlatDevice;
  volume: Volume;
  readonly random: Prng;
  readonly files = new Map<string, { node: VolumeNode; bytes: Uint8Array }>();
  readonly #options: MountOptions;
  /** What the volume held when each snapshot was made. */
  readonly #kept = new Map<string, ReadonlyMap<string, Uint8Array>>();
  #names = 0;
  #snapshots = 0;

  constructor(seed: number, sizeBytes: number, policy: CommitPolicy) {
    this.random = new Prng(seed);
    this.device = newDevice(sizeBytes);
    this.#options = optionsOf(policy, seed % 2 === 0);
    this.volume = mountFirstVolume(this.device, this.#options);
  }

  #any(): string | undefined {
    return [...this.files.keys()][this.random.below(Math.max(this.files.size, 1))];
  }

  step(): void {
    const { random, volume, files } = this;
    const name = this.#any();
    const kind = random.below(100);
    const file = name === undefined ? undefined : files.get(name);
    if (name === undefined || file === undefined || (kind < 8 && files.size < 12)) {
      const made = `f${this.#names++}`;
      files.set(made, { node: volume.create(volume.root, made, INIT), bytes: new Uint8Array(0) });
    } else if (kind < 50) this.#write(file);
    else if (kind < 58)
      this.#truncate(file, random.below(3) === 0 ? 0 : random.below(file.bytes.length + 9000));
    else if (kind < 68) this.#punch(file);
    else if (kind < 71) volume.preallocate?.(file.node, random.below(50_000));
    else if (kind < 82) this.#clone(file);
    else if (kind < 90) this.#remove(name, file);
    else if (kind < 93 && this.#snapshots < 3) this.#snapshot();
    else volume.sync();
  }

  #write(file: { node: VolumeNode; bytes: Uint8Array }): void {
    const { random } = this;
    const at = random.below(file.bytes.length + (random.below(4) === 0 ? 100_000 : 1));
    const data = random.bytes(1 + random.below([300, 20_000, 200_000][random.below(3)] ?? 1));
    const done = this.volume.write(file.node, at, data);
    this.#resize(file, Math.max(file.bytes.length, at + done));
    file.bytes.set(data.subarray(0, done), at);
  }

  #resize(file: { bytes: Uint8Array }, length: number): void {
    const bytes = new Uint8Array(length);
    bytes.set(file.bytes.subarray(0, length));
    file.bytes = bytes;
  }

  #truncate(file: { node: VolumeNode; bytes: Uint8Array }, length: number): void {
    this.volume.truncate(file.node, length);
    this.#resize(file, length);
  }

  #punch(file: { node: VolumeNode; bytes: Uint8Array }): void {
    const at = this.random.below(20) * 4096;
    const length = (1 + this.random.below(20)) * 4096;
    this.volume.punchHole?.(file.node, at, length);
    file.bytes.fill(0, at, at + length);
  }

  #clone(file: { node: VolumeNode; bytes: Uint8Array }): void {
    if (this.files.size >= 12) return;
    const name = `c${this.#names++}`;
    this.volume.clone?.(file.node, this.volume.root, name, null);
    const node = this.volume.lookup(this.volume.root, name);
    if (node === undefined) throw new Error('the clone is not there');
    this.volume.retain(node);
    this.files.set(name, { node, bytes: file.bytes.slice() });
  }

  #remove(name: string, { node }: { node: VolumeNode }): void {
    this.volume.remove(this.volume.root, name);
    this.volume.release(node);
    this.files.delete(name);
  }

  #snapshot(): void {
    const { snapshots } = this.volume;
    if (snapshots === undefined) throw new Error('the volume has no snapshots');
    const name = `s${this.#snapshots++}`;
    snapshots.create(name);
    this.#kept.set(name, new Map([...this.files].map(([file, { bytes }]) => [file, bytes.slice()])));
  }

  #checkSnapshots(): void {
    const container = openContainer(this.device, { ...this.#options, isReadOnly: true });
    for (const [snapshot, files] of this.#kept) {
      const volume = container.mountVolume(0, { isReadOnly: true, snapshot });
      for (const [name, bytes] of files) {
        const node = volume.lookup(volume.root, name);
        if (node === undefined) throw new Error(`${name} is not in ${snapshot}`);
        this.#compare(volume, node, bytes, `${name} in ${snapshot}`);
      }
      volume.unmount();
    }
    container.close();
  }

  #compare(volume: Volume, node: VolumeNode, bytes: Uint8Array, what: string): void {
    const found = new Uint8Array(bytes.length);
    const { sizeBytes } = volume.attributes(node);
    if (sizeBytes !== bytes.length) throw new Error(`${what} has ${sizeBytes} bytes, not ${bytes.length}`);
    volume.read(node, 0, found);
    if (Buffer.compare(found, bytes) !== 0) throw new Error(`contents of ${what} differ`);
  }

  check(): void {
    for (const [name, { node, bytes }] of this.files) this.#compare(this.volume, node, bytes, name);
  }

  judge(): void {
    this.volume.sync();
    const verdict = fsckApfsAfterPowerCut(imageFile(this.device.bytes));
    if (verdict !== '') throw new Error(`apfsck: ${verdict}`);
  }

  /** Unmount, judge, mount again. */
  turn(): void {
    for (const { node } of this.files.values()) this.volume.release(node);
    this.volume.unmount();
    expect(fsckApfs(imageFile(this.device.bytes))).toBe('');
    this.#checkSnapshots();
    this.volume = mountFirstVolume(this.device, this.#options);
    for (const [name, file] of this.files) {
      const node = this.volume.lookup(this.volume.root, name);
      if (node === undefined) throw new Error(`${name} is gone`);
      this.volume.retain(node);
      file.node = node;
    }
    this.check();
  }
}

const hasJudge = findChecker('apfsck') !== null;

test.runIf(hasJudge).each([
  [1, 'each', 16],
  [2, 'writeback', 16],
  [3, 'writeback', 3],
  [4, 'each', 2],
] as const)(
  'a random script on a volume, seed %d, %s, %d MiB',
  (seed, policy, sizeMiB) => {
    const script = new Script(seed, sizeMiB * 2 ** 20, policy);
    for (let i = 0; i < 200; i++) {
      try {
        script.step();
      } catch (error) {
        if (!(error instanceof FsError && error.code === 'ENOSPC')) {
          throw new Error(`seed ${seed}, step ${i}: ${(error as Error).message}`, { cause: error });
        }
      }
      try {
        script.check();
        if (i % 5 === 0) script.judge();
        if (i % 50 === 49) script.turn();
      } catch (error) {
        throw new Error(`seed ${seed}, after step ${i}: ${(error as Error).message}`, { cause: error });
      }
    }
    script.turn();
  },
  120_000,
);
