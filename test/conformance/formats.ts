import { SimulatedClock } from '../../src/engine/base/clock.ts';
import type { CommitPolicy, Volume } from '../../src/engine/formats/contract.ts';
import { Kernel } from '../../src/engine/vfs/kernel.ts';
import type { Process } from '../../src/engine/vfs/process.ts';
import { MemoryVolume } from '../support/memory-volume.ts';
import type { MemoryLimits } from '../support/memory-volume.ts';

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
  /** Findings of the format's own fsck, except that the volume is in use. */
  findings(): string[];
}

export interface FormatCase {
  readonly name: string;
  readonly facts: FormatFacts;
  newDisk(): TestDisk;
}

const memory = (name: string, facts: FormatFacts, limits: Partial<MemoryLimits>): FormatCase => ({
  name,
  facts,
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
    this.user.exit();
    this.root.exit();
    this.kernel.unmount('/Volumes/TEST');
    this.#mount({ isReadOnly: options.isReadOnly ?? false, policy: options.policy ?? 'each' });
  }

  findings(): string[] {
    return this.#disk.findings();
  }

  #mount(options: { isReadOnly: boolean; policy: CommitPolicy }): void {
    this.volume = this.#disk.mount({ clock: this.clock, ...options });
    this.kernel.mount(this.volume, { from: '/dev/disk1', name: 'TEST' });
    this.user = this.kernel.spawn();
    this.root = this.kernel.spawn({ credentials: { uid: 0, gid: 0 } });
  }
}
