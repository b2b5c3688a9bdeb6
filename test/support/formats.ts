import { SimulatedClock } from '../../src/engine/base/clock.ts';
import type { CommitPolicy, Volume } from '../../src/engine/formats/contract.ts';
import { Kernel } from '../../src/engine/vfs/kernel.ts';
import type { Process } from '../../src/engine/vfs/process.ts';
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
  /** Steps in which the modification time is kept. */
  readonly timeStepSeconds: number;
}

/** One disk: `mount` may be called again after the volume was unmounted. */
export interface TestDisk {
  mount(options: { clock: SimulatedClock; isReadOnly: boolean; policy: CommitPolicy }): Volume;
  /** Findings of the format's own fsck, 'kind: message'. */
  findings(): string[];
  /** What the reference checker says of the unmounted disk; '' for clean. */
  verdict(): string;
}

export interface FormatCase {
  readonly name: string;
  readonly facts: FormatFacts;
  /** On a disk, not in memory: worth comparing with the oracle. */
  readonly isReal: boolean;
  /** Own fsck every so many random operations: 1 where it is quick. */
  readonly checkEvery: number;
  newDisk(): TestDisk;
}

const memory = (name: string, facts: FormatFacts, limits: Partial<MemoryLimits>): FormatCase => ({
  name,
  facts,
  isReal: true,
  checkEvery: 10,
  newDisk() {
    let volume: MemoryVolume | undefined;
    return {
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
      verdict: () => '',
    };
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
export const MEMORY_LIKE_FAT = memory('memory like FAT', FAT_FACTS, {
  storedTime: fatTime,
  capacityBytes: 2 ** 40,
});

export const FORMATS: readonly FormatCase[] = [
  memory('memory', ALL, {}),
  memory('memory with the limits of FAT', FAT_FACTS, { storedTime: fatTime }),
  memory('memory without any links', { ...FAT_FACTS, hasSymlinks: false }, { storedTime: fatTime }),
];

/** A machine with one freshly made disk, mounted as /Volumes/TEST, and two processes in it. */
export class Bench {
  readonly clock = new SimulatedClock();
  readonly kernel = new Kernel({ clock: this.clock });
  readonly facts: FormatFacts;
  readonly #disk: TestDisk;
  volume!: Volume;
  user!: Process;
  root!: Process;

  constructor(format: FormatCase, options: { policy?: CommitPolicy } = {}) {
    this.facts = format.facts;
    this.#disk = format.newDisk();
    this.#mount({ isReadOnly: false, policy: options.policy ?? 'each' });
  }

  /** Out and in again: what is not on the disk is gone. */
  remount(options: { isReadOnly?: boolean; policy?: CommitPolicy } = {}): void {
    this.unmount();
    this.#mount({ isReadOnly: options.isReadOnly ?? false, policy: options.policy ?? 'each' });
  }

  unmount(): void {
    this.user.exit();
    this.root.exit();
    this.kernel.unmount('/Volumes/TEST');
  }

  findings(): string[] {
    return this.#disk.findings();
  }

  verdict(): string {
    return this.#disk.verdict();
  }

  #mount(options: { isReadOnly: boolean; policy: CommitPolicy }): void {
    this.volume = this.#disk.mount({ clock: this.clock, ...options });
    this.kernel.mount(this.volume, { from: '/dev/disk1', name: 'TEST' });
    this.user = this.kernel.spawn();
    this.root = this.kernel.spawn({ credentials: { uid: 0, gid: 0 } });
  }
}
