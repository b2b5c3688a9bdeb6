import { expect } from 'vitest';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { FsError } from '../../src/engine/base/errno.ts';
import type { Volume } from '../../src/engine/formats/contract.ts';
import { Kernel } from '../../src/engine/vfs/kernel.ts';
import { O_RDONLY } from '../../src/engine/vfs/constants.ts';
import type { Process } from '../../src/engine/vfs/process.ts';
import type { Bench } from './formats.ts';
import { MemoryVolume } from './memory-volume.ts';

/**
 * Two machines that are told the same: one with the format under test, one with a volume in memory that knows the
 * format's limits. They must answer alike, errno and value; then they hold the same.
 *
 * Room is what the oracle cannot know: when the subject says ENOSPC, and says so rightly, the oracle is not asked.
 */
export class Mirror {
  readonly history: string[] = [];

  constructor(
    readonly subject: Bench,
    readonly oracle: Bench,
  ) {}

  /** What the oracle alone would tell, to choose the next operation by. */
  ask<T>(question: (process: Process) => T): T | undefined {
    const { value } = answerOf(() => question(this.oracle.user));
    return value;
  }

  /** The same call on both. `neededBytes` is an upper bound of the room it may take besides directory entries. */
  call<T>(sentence: string, work: (process: Process) => T, neededBytes = 0): T | undefined {
    const free = this.#freeBytes();
    const mine = answerOf(() => work(this.subject.user));
    this.history.push(`${sentence} → ${mine.code}`);
    if (mine.code === 'ENOSPC') {
      const { blockSizeBytes } = this.subject.volume.statistics();
      // A directory may grow by one cluster for the entry, a new one takes another, rounding one more.
      const roomBytes = neededBytes + 3 * blockSizeBytes + (this.subject.facts.headroomBytes ?? 0);
      this.#expect(free < roomBytes || this.#mayBeFull(), 'there was room').toBe(true);
      return undefined;
    }
    const theirs = answerOf(() => work(this.oracle.user));
    this.#expect(mine.code, 'errno').toBe(theirs.code);
    this.#expect(mine.value, 'value').toEqual(theirs.value);
    return mine.value;
  }

  /** write(2) may write less than asked when the volume fills up: then the oracle is asked to write as much. */
  write(
    sentence: string,
    data: Uint8Array,
    work: (process: Process, data: Uint8Array) => number,
    neededBytes: number,
  ): void {
    let piece = data;
    this.call(
      sentence,
      (process) => {
        const count = work(process, piece);
        piece = data.subarray(0, count);
        return count;
      },
      neededBytes,
    );
  }

  /** Both trees, names as stored, types, sizes and contents. */
  compareTrees(): void {
    this.#expect(treeOf(this.subject.user), 'tree').toEqual(treeOf(this.oracle.user));
  }

  /** What the disk holds is what the oracle holds, with no help from memory. */
  compareDisk(): void {
    this.#expect(treeOf(this.subject.afterPowerCut().user), 'tree on the disk').toEqual(
      treeOf(this.oracle.user),
    );
  }

  /** Every snapshot on the disk shows what the oracle kept of that moment. */
  compareSnapshots(): void {
    const { volume } = this.oracle;
    if (!(volume instanceof MemoryVolume) || volume.snapshots === undefined) return;
    const names = volume.snapshots.list().map(({ name }) => name);
    this.#expect(
      this.subject.volume.snapshots?.list().map(({ name }) => name),
      'snapshots',
    ).toEqual(names);
    for (const name of names) {
      const kept = treeOfVolume(volume.mountSnapshot(name));
      this.#expect(treeOfVolume(this.subject.snapshotOnDisk(name)), `snapshot ${name}`).toEqual(kept);
    }
  }

  /** The format's own checker is content. Space of open files without a name, or waiting to be freed, looks lost. */
  compareWithChecker({ mayLeak }: { mayLeak: boolean }): void {
    const findings = this.subject.findings();
    const serious = mayLeak
      ? findings.filter((each) => !/^(lost-clusters|open-unlinked|orphan): /.test(each))
      : findings;
    this.#expect(serious, 'fsck').toEqual([]);
  }

  #freeBytes(): number {
    const { freeBlocks, blockSizeBytes } = this.subject.volume.statistics();
    return freeBlocks * blockSizeBytes;
  }

  /** FAT12 and FAT16 have a root directory of fixed size. */
  #mayBeFull(): boolean {
    return this.subject.volume.statistics().totalFiles > 0;
  }

  #expect(actual: unknown, what: string) {
    return expect(
      actual,
      `${what} after ${this.history.length} calls:\n${this.history.slice(-12).join('\n')}`,
    );
  }
}

interface Answer<T> {
  readonly code: string;
  readonly value: T | undefined;
}

function answerOf<T>(work: () => T): Answer<T> {
  try {
    return { code: 'ok', value: work() };
  } catch (error) {
    if (error instanceof FsError) return { code: error.code, value: undefined };
    throw error;
  }
}

/** Of a volume that nobody has mounted yet; unmounts it. */
function treeOfVolume(volume: Volume): string[] {
  const kernel = new Kernel({ clock: new SimulatedClock() });
  kernel.mount(volume, { from: '/dev/disk1', name: 'TEST' });
  const process = kernel.spawn({ credentials: { uid: 0, gid: 0 }, cwd: '/' });
  const tree = treeOf(process);
  process.exit();
  kernel.unmount('/Volumes/TEST');
  return tree;
}

/**
 * One line for each file and directory below the root of the volume, in order of their paths. A file `ballast` only
 * takes up room and is not read.
 */
export function treeOf(process: Process): string[] {
  const lines: string[] = [];
  const buffer = new Uint8Array(65_536);
  const visit = (path: string) => {
    const fd = process.open(path, O_RDONLY);
    const entries = process.getdirentries(fd, 10_000);
    process.close(fd);
    for (const { name, type } of entries) {
      const child = `${path}/${name}`;
      if (type === 'directory') {
        lines.push(`${child}/`);
        visit(child);
      } else if (type === 'symlink') lines.push(`${child} -> ${process.readlink(child)}`);
      else if (name === 'ballast') lines.push(`${child}: ${process.stat(child).sizeBytes} bytes`);
      else if (type !== 'file') lines.push(`${child}: ${type}`);
      else lines.push(`${child}: ${contentsOf(process, child, buffer)}`);
    }
  };
  visit('/Volumes/TEST');
  return lines.sort();
}

/** Where an AppleDouble file keeps the inode that it had: its volume's own affair. */
const INODE_FROM = 88;
const INODE_TO = 92;

/** Size and a hash (FNV-1a, 32 bits) of what is read. */
function contentsOf(process: Process, path: string, buffer: Uint8Array): string {
  const fd = process.open(path, O_RDONLY);
  let hash = 0x811c9dc5;
  let size = 0;
  for (let count = process.read(fd, buffer); count > 0; count = process.read(fd, buffer)) {
    if (size === 0 && path.includes('/._')) buffer.fill(0, INODE_FROM, INODE_TO);
    for (let i = 0; i < count; i++) hash = Math.imul(hash ^ (buffer[i] ?? 0), 0x01000193);
    size += count;
  }
  process.close(fd);
  return `${size} bytes ${(hash >>> 0).toString(16)}`;
}
