import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { SILENT } from '../../src/engine/base/trace.ts';
import { decompose } from '../../src/engine/codec/hfs-unicode.ts';
import { changesOf } from '../../src/engine/device/image.ts';
import { Store } from '../../src/engine/device/store.ts';
import type { CommitPolicy, Format, Volume } from '../../src/engine/formats/contract.ts';
import { apfs } from '../../src/engine/formats/apfs/index.ts';
import { exfat } from '../../src/engine/formats/exfat/index.ts';
import { fat32 } from '../../src/engine/formats/fat32/index.ts';
import { hfsplus, hfsx } from '../../src/engine/formats/hfsplus/index.ts';
import { Kernel } from '../../src/engine/vfs/kernel.ts';
import type { Process } from '../../src/engine/vfs/process.ts';
import { fsckApfs, fsckExfat, fsckHfsplus, fsckVfat, temporaryFolder } from './checkers.ts';
import { MemoryVolume } from './memory-volume.ts';
import type { MemoryLimits } from './memory-volume.ts';

/** What a suite has to know of a format to say which answer is right. */
export interface FormatFacts {
  readonly isCaseSensitive: boolean;
  readonly hasHardLinks: boolean;
  readonly hasSymlinks: boolean;
  /** False: mode and owner are the mount's, chmod and chown are accepted and ignored. */
  readonly hasPermissions: boolean;
  readonly fileSizeBytesMax: number;
  /** Longest name in bytes of UTF-8; absent: only its units count. */
  readonly nameBytesMax?: number;
  /** By the format itself and not in AppleDouble files; absent: no, as with all that follows. */
  readonly hasExtendedAttributes?: boolean;
  readonly hasExclusiveRename?: boolean;
  readonly hasExchange?: boolean;
  readonly hasClones?: boolean;
  readonly hasSwapRename?: boolean;
  readonly hasSparseFiles?: boolean;
  readonly hasSpecialFiles?: boolean;
  readonly hasSnapshots?: boolean;
  /** chflags keeps every flag. */
  readonly hasAllFlags?: boolean;
  /** f_fstypename; absent: 'msdos'. */
  readonly typeName?: string;
  /** Clones, swaps, holes, special files and snapshots. */
  readonly isCopyOnWrite?: boolean;
  /** Room that is kept back so that a full volume can be emptied; absent: none. */
  readonly headroomBytes?: number;
  /** Steps in which the modification time is kept. */
  readonly timeStepSeconds: number;
}

/** One disk: `mount` may be called again after the volume was unmounted. */
export interface TestDisk {
  mount(options: { clock: SimulatedClock; isReadOnly: boolean; policy: CommitPolicy }): Volume;
  /** Findings of the format's own fsck, 'kind: message'. */
  findings(): string[];
  /** Another disk with what is on this one now, as if the power had gone; nothing that only memory knows. */
  afterPowerCut(): TestDisk;
  /** What the reference checker says of the unmounted disk; '' for clean. */
  verdict(): string;
  /** A snapshot of the volume as the disk lies now, for reading. */
  mountSnapshot?(name: string): Volume;
}

export interface FormatCase {
  readonly name: string;
  readonly facts: FormatFacts;
  /** On a disk, not in memory: worth comparing with the oracle. */
  readonly isReal: boolean;
  /** A volume in memory with the same rules and more room than any of the test disks. */
  readonly oracle?: FormatCase;
  newDisk(): TestDisk;
}

const memory = (name: string, facts: FormatFacts, limits: Partial<MemoryLimits>): FormatCase => ({
  name,
  facts,
  isReal: false,
  newDisk() {
    let volume: MemoryVolume | undefined;
    const disk: TestDisk = {
      mount({ clock, isReadOnly }) {
        volume ??= new MemoryVolume(clock, {
          label: 'TEST',
          capacityBytes: 4 * 2 ** 20,
          ...facts,
          ...limits,
        });
        volume.setReadOnly(isReadOnly);
        return volume;
      },
      findings: () => [],
      afterPowerCut: () => disk,
      verdict: () => '',
    };
    return disk;
  },
});

const ALL: FormatFacts = {
  isCaseSensitive: true,
  hasHardLinks: true,
  hasSymlinks: true,
  hasPermissions: true,
  fileSizeBytesMax: Number.MAX_SAFE_INTEGER,
  timeStepSeconds: 0,
};

/** What HFS+ and HFSX can. */
const NATIVE = {
  hasExtendedAttributes: true,
  hasExclusiveRename: true,
  hasExchange: true,
  hasAllFlags: true,
} as const;

/** What APFS can besides, and what it does no more. */
export const COPY_ON_WRITE = {
  hasExchange: false,
  hasClones: true,
  hasSwapRename: true,
  hasSparseFiles: true,
  hasSpecialFiles: true,
  hasSnapshots: true,
} as const;

export const FAT_FACTS: FormatFacts = {
  isCaseSensitive: false,
  hasHardLinks: false,
  hasSymlinks: true,
  hasPermissions: false,
  fileSizeBytesMax: 2 ** 32 - 1,
  timeStepSeconds: 2,
};

export const fatTime = ({ seconds }: { seconds: number }) => ({
  seconds: seconds - (seconds % 2),
  nanoseconds: 0,
});

/** The oracle of the FAT family: their rules, and more room than any of their test disks. */
const MEMORY_LIKE_FAT = memory('memory like FAT', FAT_FACTS, {
  storedName: (name) => name.normalize('NFC'),
  storedTime: fatTime,
  capacityBytes: 2 ** 40,
});

interface RealCase {
  readonly format: Format;
  readonly settings: Readonly<Record<string, string>>;
  /** Small: every test makes a disk of its own. */
  readonly sizeBytes: number;
  readonly facts: FormatFacts;
  readonly oracle: FormatCase;
  /** Strict verdict of the reference checker on an image: '' for clean. */
  readonly judge: (imagePath: string) => string;
}

const real = (name: string, subject: RealCase): FormatCase => ({
  name,
  ...{ facts: subject.facts, oracle: subject.oracle, isReal: true },
  newDisk() {
    const store = new Store({ blockSizeBytes: 512, blockCount: subject.sizeBytes / 512 });
    subject.format.newfs(store, {
      label: 'TEST',
      settings: subject.settings,
      clock: new SimulatedClock(),
      random: new Prng(1),
      partitionFirstBlock: 0,
    });
    return realDisk(store, subject);
  },
});

const realDisk = (store: Store, subject: RealCase): TestDisk => ({
  mount: ({ clock, isReadOnly, policy }) =>
    subject.format.mount(store, {
      ...{ isReadOnly, policy, clock, trace: SILENT },
      owner: { uid: 501, gid: 20 },
      timeZoneMinutes: 0,
    }),
  findings: () =>
    subject.format.fsck(store, { repair: false }).findings.map(({ kind, message }) => `${kind}: ${message}`),
  afterPowerCut: () => realDisk(store.fork(), subject),
  verdict: () => subject.judge(sparseImageFile(store)),
  mountSnapshot(name) {
    const options = { isReadOnly: true, policy: 'each', clock: new SimulatedClock(), trace: SILENT } as const;
    const place = { owner: { uid: 501, gid: 20 }, timeZoneMinutes: 0 };
    const container = subject.format.openContainer?.(store.fork(), { ...options, ...place });
    if (container === undefined) throw new Error('the format has no snapshots');
    return container.mountVolume(0, { isReadOnly: true, snapshot: name });
  },
});

/** FAT with small disks: the type is decided by the count of clusters, so each has the smallest that gives it. */
const fat = (name: string, type: string, sizeBytes: number): FormatCase =>
  real(name, {
    ...{ format: fat32, settings: { type, 'cluster-size': '512' }, sizeBytes },
    ...{ facts: FAT_FACTS, oracle: MEMORY_LIKE_FAT, judge: fsckVfat },
  });

/** What HFS+ keeps of a time: whole seconds from 1904 to 2040, those before 1970 as 1970. */
const hfsTime = ({ seconds }: { seconds: number }) => ({
  seconds: Math.min(Math.max(seconds, 0), Date.UTC(2040, 1, 6, 6, 28, 15) / 1000),
  nanoseconds: 0,
});

/** Half a pair as its three bytes of UTF-8, which is none: macOS writes them out. */
const escapedSurrogate = (unit: string) => {
  const code = unit.charCodeAt(0);
  const bytes = [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63)];
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase()}`).join('');
};

/** HFS+ and HFSX, small enough that a volume can be filled, large enough for three trees. */
const hfs = (name: string, format: Format, settings: Readonly<Record<string, string>>): FormatCase => {
  const facts: FormatFacts = {
    ...ALL,
    ...NATIVE,
    isCaseSensitive: format === hfsx,
    timeStepSeconds: 1,
    typeName: 'hfs',
  };
  const oracle = memory(`memory like ${name}`, facts, {
    storedName: (name) => decompose(name.replace(/\p{Surrogate}/gu, escapedSurrogate)),
    rootMode: 0o755,
    hasFinderRecord: true,
    storedTime: hfsTime,
    capacityBytes: 2 ** 40,
  });
  return real(name, { format, settings, sizeBytes: 8 * 2 ** 20, facts, oracle, judge: fsckHfsplus });
};

export const EXFAT_FACTS: FormatFacts = {
  isCaseSensitive: false,
  hasHardLinks: false,
  hasSymlinks: true,
  hasPermissions: false,
  fileSizeBytesMax: Number.MAX_SAFE_INTEGER,
  typeName: 'exfat',
  timeStepSeconds: 0.01,
};

/** The oracle of exFAT: times in steps of 10 ms, and more room than any of its test disks. */
const MEMORY_LIKE_EXFAT = memory('memory like exFAT', EXFAT_FACTS, {
  storedName: (name) => name.normalize('NFC'),
  storedTime: ({ seconds, nanoseconds }) => ({
    seconds,
    nanoseconds: nanoseconds - (nanoseconds % 10_000_000),
  }),
  capacityBytes: 2 ** 40,
});

const exFat = (name: string, sizeBytes: number, settings: Readonly<Record<string, string>>): FormatCase =>
  real(name, {
    ...{ format: exfat, settings, sizeBytes },
    ...{ facts: EXFAT_FACTS, oracle: MEMORY_LIKE_EXFAT, judge: fsckExfat },
  });

/** Names come back as they were given; two that differ by their composition, and perhaps their case, are one. */
const apfsCase = (name: string, isCaseSensitive: boolean): FormatCase => {
  const facts: FormatFacts = {
    ...ALL,
    ...NATIVE,
    ...COPY_ON_WRITE,
    isCopyOnWrite: true,
    isCaseSensitive,
    typeName: 'apfs',
    nameBytesMax: 255,
    headroomBytes: 512 * 1024,
  };
  const oracle = memory(`memory like ${name}`, facts, {
    rootMode: 0o755,
    capacityBytes: 2 ** 40,
  });
  const settings = { 'case-sensitive': isCaseSensitive ? 'yes' : 'no' };
  return real(name, { format: apfs, settings, sizeBytes: 8 * 2 ** 20, facts, oracle, judge: fsckApfs });
};

export const FORMATS: readonly FormatCase[] = [
  memory('memory', { ...ALL, hasAllFlags: true }, {}),
  memory('memory with attributes of its own', { ...ALL, ...NATIVE }, {}),
  memory(
    'memory with attributes of its own, without case',
    { ...ALL, ...NATIVE, isCaseSensitive: false },
    {},
  ),
  memory('memory with clones and snapshots', { ...ALL, ...NATIVE, ...COPY_ON_WRITE }, {}),
  memory('memory with the limits of FAT', FAT_FACTS, { storedTime: fatTime }),
  memory('memory without any links', { ...FAT_FACTS, hasSymlinks: false }, { storedTime: fatTime }),
  fat('FAT12', 'fat12', 1_440 * 1024),
  fat('FAT16', 'fat16', 4 * 2 ** 20),
  fat('FAT32', 'fat32', 34 * 2 ** 20),
  exFat('exFAT', 4 * 2 ** 20, {}),
  exFat('exFAT with clusters of 512 bytes', 2 ** 20, { 'cluster-size': '512' }),
  hfs('HFS+', hfsplus, {}),
  hfs('HFS+ without journal', hfsplus, { journal: 'off' }),
  hfs('HFSX', hfsx, {}),
  apfsCase('APFS', false),
  apfsCase('APFS with case', true),
];

/** Only the blocks that hold something are written: the host's file has holes for the rest. */
export function sparseImageFile(store: Store): string {
  const path = join(temporaryFolder(), 'volume.img');
  const file = openSync(path, 'w');
  try {
    ftruncateSync(file, store.blockCount * store.blockSizeBytes);
    for (const piece of changesOf(store)) {
      if (piece.kind === 'data') writeSync(file, piece.bytes, 0, piece.bytes.length, piece.offsetBytes);
    }
  } finally {
    closeSync(file);
  }
  return path;
}

export interface BenchOptions {
  readonly isReadOnly: boolean;
  readonly policy: CommitPolicy;
}

/** A machine with one freshly made disk, mounted as /Volumes/TEST, and two processes in it. */
export class Bench {
  readonly clock = new SimulatedClock();
  readonly kernel = new Kernel({ clock: this.clock });
  readonly facts: FormatFacts;
  readonly #disk: TestDisk;
  #isMounted = false;
  volume!: Volume;
  user!: Process;
  root!: Process;

  constructor(format: Pick<FormatCase, 'facts' | 'newDisk'>, options: Partial<BenchOptions> = {}) {
    this.facts = format.facts;
    this.#disk = format.newDisk();
    this.#mount(options);
  }

  /** A machine that found the disk as it lies now, for reading. */
  afterPowerCut(): Bench {
    return new Bench({ facts: this.facts, newDisk: () => this.#disk.afterPowerCut() }, { isReadOnly: true });
  }

  /** Out and in again: what is not on the disk is gone. */
  remount(options: Partial<BenchOptions> = {}): void {
    this.unmount();
    this.#mount(options);
  }

  unmount(): void {
    this.user.exit();
    this.root.exit();
    this.kernel.unmount('/Volumes/TEST');
    this.#isMounted = false;
  }

  /** While mounted a volume rightly says that it is in use, and that its journal holds something. */
  findings(): string[] {
    return this.#disk
      .findings()
      .filter((finding) => !this.#isMounted || !/^(dirty|journal-pending): /.test(finding));
  }

  verdict(): string {
    return this.#disk.verdict();
  }

  snapshotOnDisk(name: string): Volume {
    if (this.#disk.mountSnapshot === undefined) throw new Error('the disk keeps no snapshots');
    return this.#disk.mountSnapshot(name);
  }

  #mount({ isReadOnly = false, policy = 'each' }: Partial<BenchOptions>): void {
    this.volume = this.#disk.mount({ clock: this.clock, isReadOnly, policy });
    this.#isMounted = true;
    this.kernel.mount(this.volume, { from: '/dev/disk1', name: 'TEST' });
    this.user = this.kernel.spawn();
    this.root = this.kernel.spawn({ credentials: { uid: 0, gid: 0 } });
  }
}
