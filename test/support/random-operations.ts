import type { Prng } from '../../src/engine/base/prng.ts';
import { ZERO_FILL } from '../../src/engine/formats/contract.ts';
import {
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  SEEK_CUR,
  S_IFDIR,
  S_IFMT,
  UF_HIDDEN,
  UF_IMMUTABLE,
  XATTR_CREATE,
  XATTR_REPLACE,
} from '../../src/engine/vfs/constants.ts';
import type { Process } from '../../src/engine/vfs/process.ts';
import type { Mirror } from './oracle.ts';

/**
 * A hand that does anything a program may do, silly things included, with a small set of names so that calls meet.
 * Deterministic: everything comes from the generator handed in.
 */
export interface RandomOptions {
  readonly hasAttributes: boolean;
  readonly fileBytesMax: number;
  /** Clones, swaps, holes, special files and snapshots. */
  readonly isCopyOnWrite?: boolean;
}

const VOLUME = '/Volumes/TEST';
/** A file that only takes up room: never touched, never read. */
const BALLAST = `${VOLUME}/ballast`;
/** Of the formats that punch holes. */
const BLOCK_BYTES = 4096;
const CLONE_NOFOLLOW = 1;
const CLONE_NOOWNERCOPY = 2;
const RENAME_SWAP = 2;
const RENAME_EXCL = 4;

const NAMES = [
  ...['a', 'B', 'file.txt', 'README', 'Long file name number 1.text', 'Long file name number 2.text'],
  ...[
    '.hidden',
    'Ärger',
    'e\u0301tude',
    '文件',
    '\u{1f4be} disk',
    'trailing dot.',
    'trailing space ',
    'a:b*c?"',
  ],
  ...[
    'UPPER.TXT',
    'lower.ext',
    'Mixed.Ext',
    'no~tilde',
    'con',
    'x'.repeat(100),
    'y'.repeat(255),
    'half \ud83d',
  ],
  ...['two.dots.txt', ' leading', '+plus,comma;=[x]', 'tab\there', '12345678.123', '123456789.1234'],
];
const ATTRIBUTES = [
  'org.example.one',
  'two',
  'com.apple.FinderInfo',
  'com.apple.ResourceFork',
  'x'.repeat(127),
];

export class RandomHand {
  readonly #mirror: Mirror;
  readonly #prng: Prng;
  readonly #options: RandomOptions;
  readonly #descriptors = new Set<number>();

  constructor(mirror: Mirror, prng: Prng, options: RandomOptions) {
    this.#mirror = mirror;
    this.#prng = prng;
    this.#options = options;
  }

  get hasOpenFiles(): boolean {
    return this.#descriptors.size > 0;
  }

  /** One operation, mirrored; a few system calls at most. */
  next(): void {
    const operations: [number, () => void][] = [
      [14, () => this.#writeFile()],
      [8, () => this.#useDescriptor()],
      [4, () => this.#open()],
      [3, () => this.#truncate()],
      [9, () => this.#makeDirectory()],
      [9, () => this.#remove()],
      [10, () => this.#rename()],
      [4, () => this.#symlink()],
      [6, () => this.#look()],
      [2, () => this.#changeMetadata()],
      [2, () => this.#changeDirectory()],
      [2, () => this.#passTime()],
      [this.#options.hasAttributes ? 7 : 0, () => this.#attribute()],
      [this.#options.isCopyOnWrite ? 9 : 0, () => this.#clone()],
      [this.#options.isCopyOnWrite ? 5 : 0, () => this.#snapshot()],
      [this.#options.isCopyOnWrite ? 4 : 0, () => this.#punch()],
      [this.#options.isCopyOnWrite ? 4 : 0, () => this.#swap()],
    ];
    let at = this.#prng.below(operations.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, run] of operations) {
      if (at < weight) return run();
      at -= weight;
    }
  }

  /** Leave at most so much room on the volume under test. */
  leaveRoom(roomBytes: number): void {
    const { freeBlocks, blockSizeBytes } = this.#mirror.subject.volume.statistics();
    const lengthBytes = freeBlocks * blockSizeBytes - roomBytes;
    this.#call(`leave room for ${roomBytes} bytes`, (process) => {
      const fd = process.open(BALLAST, O_WRONLY | O_CREAT);
      process.fill(fd, lengthBytes, ZERO_FILL);
      process.close(fd);
    });
  }

  /** For a remount: nothing may be open. */
  closeAll(): void {
    for (const fd of this.#descriptors) this.#call(`close ${fd}`, (process) => process.close(fd));
    this.#descriptors.clear();
  }

  #call<T>(sentence: string, work: (process: Process) => T, neededBytes = 0): T | undefined {
    return this.#mirror.call(sentence, work, neededBytes);
  }

  #name(): string {
    const name = this.#prng.pick(NAMES);
    return this.#prng.below(6) === 0 ? name.toLowerCase() : name;
  }

  /** Mostly something that is there, or a new name where there is a directory; now and then nonsense. */
  #path({ isPlain } = { isPlain: false }): string {
    const roll = this.#prng.below(20);
    if (roll === 0) return this.#oddPath();
    const { all, directories } = this.#paths();
    const isNew = roll < 8 || all.length === 0;
    let path = isNew ? `${this.#prng.pick(directories)}/${this.#name()}` : this.#prng.pick(all);
    // What a companion holds differs in one number, the inode: it may go or be looked at, not read or become a file.
    if (isPlain) path = path.replaceAll('/._', '/');
    if (this.#prng.below(8) === 0) path = path.toUpperCase().replace('/VOLUMES', '/Volumes');
    if (this.#prng.below(24) === 0) path += this.#prng.pick(['/', '/.', '/..', '/x', '//']);
    const cwd = this.#mirror.ask((process) => process.getcwd());
    const isBelow = cwd !== undefined && path.startsWith(`${cwd}/`);
    return isBelow && this.#prng.below(2) === 0 ? path.slice(cwd.length + 1) : path;
  }

  #oddPath(): string {
    const parts = Array.from({ length: this.#prng.below(4) }, () =>
      this.#prng.pick([...NAMES.slice(0, 5), '..', '.']),
    );
    return this.#prng.pick(['', '/', '/Volumes/TEST', '/Volumes/TEST/', './']) + parts.join('/');
  }

  /** Half the time one that is there. */
  #attributeSomewhere(): { path: string; name: string } {
    const path = this.#path();
    const name = this.#prng.pick(ATTRIBUTES);
    const companions = this.#paths().all.filter((each) => each.includes('/._'));
    if (companions.length === 0 || this.#prng.below(2) === 0) return { path, name };
    const holder = this.#prng.pick(companions).replace('/._', '/');
    const names = this.#mirror.ask((process) => process.listxattr(holder)) ?? [];
    return { path: holder, name: names.length > 0 ? this.#prng.pick(names) : name };
  }

  /** Every path of the oracle's volume. */
  #paths(): { all: string[]; directories: string[] } {
    const all: string[] = [];
    const directories = ['/Volumes/TEST'];
    this.#mirror.ask((process) => {
      for (const directory of directories) {
        const fd = process.open(directory, O_RDONLY);
        for (const { name, type } of process.getdirentries(fd, 1000)) {
          if (name === 'ballast') continue;
          all.push(`${directory}/${name}`);
          if (type === 'directory') directories.push(`${directory}/${name}`);
        }
        process.close(fd);
      }
    });
    return { all, directories };
  }

  #bytes(): Uint8Array {
    const { below } = { below: (limit: number) => this.#prng.below(limit) };
    const max = below(5) === 0 ? this.#options.fileBytesMax : Math.min(2000, this.#options.fileBytesMax);
    return this.#prng.bytes(below(max));
  }

  #open(): void {
    if (this.#descriptors.size >= 5) return;
    const path = this.#path({ isPlain: true });
    const flags = this.#prng.pick([O_RDONLY, O_RDWR, O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_TRUNC]);
    const fd = this.#call(`open ${quote(path)} ${flags.toString(16)}`, (process) =>
      process.open(path, flags),
    );
    if (fd !== undefined) this.#descriptors.add(fd);
  }

  #writeFile(): void {
    const path = this.#path({ isPlain: true });
    const extra = this.#prng.pick([0, O_TRUNC, O_APPEND, O_EXCL, O_CREAT, O_CREAT, O_CREAT | O_TRUNC]);
    const flags = O_WRONLY | extra | (this.#prng.below(3) ? O_CREAT : 0);
    const fd = this.#call(`open ${quote(path)} ${flags.toString(16)}`, (process) =>
      process.open(path, flags),
    );
    if (fd === undefined) return;
    const data = this.#bytes();
    const offset = this.#prng.below(3) === 0 ? this.#prng.below(this.#options.fileBytesMax) : -1;
    const sentence = `write ${data.length} bytes at ${offset} of ${quote(path)}`;
    const neededBytes = this.#roomFor(fd, data.length, offset);
    const write = (process: Process, piece: Uint8Array) =>
      offset < 0 ? process.write(fd, piece) : process.pwrite(fd, piece, offset);
    this.#mirror.write(sentence, data, write, neededBytes);
    this.#call(`close ${fd}`, (process) => process.close(fd));
  }

  #useDescriptor(): void {
    const fd = this.#descriptors.size > 0 ? this.#prng.pick([...this.#descriptors]) : this.#prng.below(3);
    const max = this.#options.fileBytesMax;
    switch (this.#prng.below(9)) {
      case 0:
      case 1: {
        const data = this.#bytes();
        const write = (process: Process, piece: Uint8Array) => process.write(fd, piece);
        this.#mirror.write(`write ${data.length} to ${fd}`, data, write, this.#roomFor(fd, data.length, -1));
        break;
      }
      case 2: {
        const data = this.#bytes();
        const offset = this.#prng.below(max);
        const sentence = `pwrite ${data.length} at ${offset} to ${fd}`;
        const write = (process: Process, piece: Uint8Array) => process.pwrite(fd, piece, offset);
        this.#mirror.write(sentence, data, write, this.#roomFor(fd, data.length, offset));
        break;
      }
      case 3: {
        const offset = this.#prng.below(max);
        const length = this.#prng.below(5000);
        this.#call(`pread ${length} at ${offset} of ${fd}`, (process) => {
          const into = new Uint8Array(length);
          return into.slice(0, process.pread(fd, into, offset));
        });
        break;
      }
      case 4: {
        const size = this.#prng.below(max);
        this.#call(`ftruncate ${fd} to ${size}`, (process) => process.ftruncate(fd, size), size);
        break;
      }
      case 5:
        this.#call(`fstat ${fd}`, (process) => pick(process.fstat(fd)));
        this.#call(`offset of ${fd}`, (process) => process.lseek(fd, 0, SEEK_CUR));
        break;
      case 6:
        this.#call(`fsync ${fd}`, (process) => process.fsync(fd));
        break;
      case 7: {
        const length = this.#prng.below(max);
        const zeros = new Uint8Array(length);
        const write = (process: Process, piece: Uint8Array) => process.fill(fd, piece.length, ZERO_FILL);
        this.#mirror.write(`fill ${length} of ${fd}`, zeros, write, this.#roomFor(fd, length, -1));
        break;
      }
      case 8:
        this.#call(`close ${fd}`, (process) => process.close(fd));
        this.#descriptors.delete(fd);
        break;
    }
  }

  /** Bytes a write may take: its own, and the gap between the end of the file and `offset` (−1: the descriptor's). */
  #roomFor(fd: number, lengthBytes: number, offset: number): number {
    const size = this.#mirror.ask((process) => process.fstat(fd).sizeBytes) ?? 0;
    const at = offset >= 0 ? offset : (this.#mirror.ask((process) => process.lseek(fd, 0, SEEK_CUR)) ?? 0);
    return lengthBytes + Math.max(0, at - size);
  }

  #truncate(): void {
    const path = this.#path();
    // Beyond any room; where holes take none it would only be long to read.
    const large = this.#options.isCopyOnWrite ? 200_000 : 2 ** 32;
    const size = this.#prng.below(12) === 0 ? large : this.#prng.below(this.#options.fileBytesMax);
    this.#call(`truncate ${quote(path)} to ${size}`, (process) => process.truncate(path, size), size);
  }

  #makeDirectory(): void {
    const path = this.#path();
    this.#call(`mkdir ${quote(path)}`, (process) => process.mkdir(path));
  }

  #remove(): void {
    const path = this.#path();
    if (this.#prng.below(3) === 0) this.#call(`rmdir ${quote(path)}`, (process) => process.rmdir(path));
    else this.#call(`unlink ${quote(path)}`, (process) => process.unlink(path));
  }

  #rename(): void {
    const from = this.#path({ isPlain: true });
    const to = this.#prng.below(6) === 0 ? from.toUpperCase().replace('/VOLUMES', '/Volumes') : this.#path();
    this.#call(`rename ${quote(from)} to ${quote(to)}`, (process) => process.rename(from, to));
  }

  #symlink(): void {
    const path = this.#path();
    const target = this.#path();
    this.#call(
      `symlink ${quote(target)} at ${quote(path)}`,
      (process) => process.symlink(target, path),
      1067,
    );
    this.#call(`readlink ${quote(path)}`, (process) => process.readlink(path));
  }

  #look(): void {
    const path = this.#path();
    switch (this.#prng.below(4)) {
      case 0:
        this.#call(`lstat ${quote(path)}`, (process) => pick(process.lstat(path)));
        break;
      case 1:
        this.#call(`stat ${quote(path)}`, (process) => pick(process.stat(path)));
        break;
      case 2:
        this.#call(`realpath ${quote(path)}`, (process) => process.realpath(path));
        break;
      case 3:
        this.#call(`link ${quote(path)}`, (process) => process.link(path, 'hard link'));
        break;
    }
  }

  #clone(): void {
    const source = this.#path({ isPlain: true });
    const target = this.#path({ isPlain: true });
    const flags = this.#prng.pick([0, 0, 0, CLONE_NOFOLLOW, CLONE_NOOWNERCOPY]);
    // A directory cloned into itself again and again would fill any disk.
    const { all } = this.#paths();
    const found = this.#mirror.ask((process) => process.realpath(source)) ?? source;
    if (all.length > 120 || all.filter((path) => path.startsWith(`${found}/`)).length > 8) return;
    this.#call(`clonefile ${quote(source)} to ${quote(target)} ${flags}`, (process) =>
      process.clonefile(source, target, flags),
    );
  }

  #swap(): void {
    const from = this.#path({ isPlain: true });
    const to = this.#path({ isPlain: true });
    const flags = this.#prng.pick([RENAME_SWAP, RENAME_SWAP, RENAME_EXCL]);
    this.#call(`renamex ${quote(from)} to ${quote(to)} ${flags}`, (process) =>
      process.renamex(from, to, flags),
    );
    if (this.#prng.below(4) > 0) return;
    const path = this.#path();
    this.#call(`mkfifo ${quote(path)}`, (process) => process.mkfifo(path));
  }

  #punch(): void {
    const { fileBytesMax } = this.#options;
    const fd = this.#descriptors.size > 0 ? this.#prng.pick([...this.#descriptors]) : this.#prng.below(3);
    const blocks = () => this.#prng.below(1 + Math.ceil(fileBytesMax / BLOCK_BYTES)) * BLOCK_BYTES;
    const offset = this.#prng.below(10) === 0 ? this.#prng.below(fileBytesMax) | 1 : blocks();
    const length = blocks();
    this.#call(`punch ${length} at ${offset} of ${fd}`, (process) => process.punchHole(fd, offset, length));
  }

  #snapshot(): void {
    const names = this.#mirror.ask((process) => process.fsSnapshotList(VOLUME).map(({ name }) => name)) ?? [];
    const there = names.length > 0 ? this.#prng.pick(names) : 'none';
    const fresh = `state ${this.#prng.below(40)}`;
    switch (this.#prng.below(7)) {
      case 0:
      case 1:
      case 2:
        if (names.length >= 5) return;
        this.#call(`snapshot ${fresh}`, (process) => process.fsSnapshotCreate(VOLUME, fresh));
        break;
      case 3:
      case 4:
        this.#call(`delete snapshot ${there}`, (process) => process.fsSnapshotDelete(VOLUME, there));
        break;
      case 5:
        this.#call(`rename snapshot ${there} to ${fresh}`, (process) =>
          process.fsSnapshotRename(VOLUME, there, fresh),
        );
        break;
      case 6: {
        if (this.#prng.below(3) > 0) return;
        this.closeAll();
        this.#call('leave for the root', (process) => process.chdir(VOLUME));
        this.#call(`revert to snapshot ${there}`, (process) => process.fsSnapshotRevert(VOLUME, there));
        break;
      }
    }
  }

  #changeMetadata(): void {
    const path = this.#path();
    if (this.#prng.below(2) === 0) {
      const modify = { seconds: 1_000_000_000 + this.#prng.below(1_000_000_000), nanoseconds: 0 };
      this.#call(`utimes ${quote(path)}`, (process) => process.utimes(path, { modify }));
      return;
    }
    // Directories keep fewer flags on FAT than the oracle knows of.
    const type = this.#mirror.ask((process) => process.stat(path).mode & S_IFMT);
    if (type === S_IFDIR) return;
    const flags = this.#prng.pick([0, 0, UF_HIDDEN, UF_IMMUTABLE, UF_IMMUTABLE | UF_HIDDEN]);
    this.#call(`chflags ${quote(path)} ${flags}`, (process) => process.chflags(path, flags));
  }

  #changeDirectory(): void {
    const path = this.#prng.below(3) === 0 ? '/Volumes/TEST' : this.#path();
    // Outside the volume there is nothing to compare.
    if (!(this.#mirror.ask((process) => process.realpath(path)) ?? '/').startsWith('/Volumes/TEST')) return;
    this.#call(`chdir ${quote(path)}`, (process) => process.chdir(path));
    this.#call('getcwd', (process) => process.getcwd());
  }

  #passTime(): void {
    const nanoseconds = this.#prng.below(20) * 0.5e9;
    this.#mirror.subject.clock.advance(nanoseconds);
    this.#mirror.oracle.clock.advance(nanoseconds);
    if (this.#prng.below(2) === 0) this.#call('sync', (process) => process.sync());
  }

  #attribute(): void {
    const { path, name } = this.#attributeSomewhere();
    switch (this.#prng.below(5)) {
      case 0:
      case 1: {
        const value = name.endsWith('FinderInfo')
          ? unlocked(this.#prng.bytes(32))
          : this.#prng.bytes(this.#prng.below(3000));
        const options = this.#prng.pick([0, 0, 0, XATTR_CREATE, XATTR_REPLACE]);
        const sentence = `setxattr ${quote(path)} ${name.slice(0, 30)} ${value.length} bytes`;
        this.#call(sentence, (process) => process.setxattr(path, name, value, options), 20_000);
        break;
      }
      case 2:
        this.#call(`getxattr ${quote(path)} ${name.slice(0, 30)}`, (process) => process.getxattr(path, name));
        break;
      case 3:
        this.#call(`listxattr ${quote(path)}`, (process) => process.listxattr(path));
        break;
      case 4:
        this.#call(`removexattr ${quote(path)} ${name.slice(0, 30)}`, (process) =>
          process.removexattr(path, name),
        );
        break;
    }
  }
}

const quote = (path: string) => JSON.stringify(path.length > 60 ? `${path.slice(0, 50)}…` : path);

/** What both must agree in: times of directories and birth times are kept differently. */
const pick = (stat: ReturnType<Process['stat']>) => ({
  mode: stat.mode,
  uid: stat.uid,
  ...((stat.mode & S_IFMT) === S_IFDIR
    ? {}
    : { sizeBytes: stat.sizeBytes, modifyTime: stat.modifyTime.seconds }),
});

/** Finder information without the flag that locks a name: on the root of HFS+ every checker calls it damage. */
function unlocked(finderInfo: Uint8Array): Uint8Array {
  finderInfo[8] = (finderInfo[8] ?? 0) & ~0x10;
  return finderInfo;
}
