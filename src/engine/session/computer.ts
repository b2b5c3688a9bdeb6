import { SimulatedClock } from '../base/clock.ts';
import type { Timespec } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import { Prng } from '../base/prng.ts';
import type { PrngState } from '../base/prng.ts';
import type { Trace } from '../base/trace.ts';
import type { Head, ProfileName } from '../device/profile.ts';
import type { Store } from '../device/store.ts';
import type { CommitPolicy } from '../formats/contract.ts';
import { Kernel } from '../vfs/kernel.ts';
import type { Process } from '../vfs/process.ts';
import { Disk } from './disk.ts';
import { Mounts } from './mounts.ts';
import { MutedTrace } from './muted-trace.ts';
import type { SavedMount } from './mounts.ts';

/**
 * One simulated machine without its shell: a disk, a kernel with the mounted volumes, and the process that a shell
 * runs in. Going back in time makes a new one on the disk as it was then.
 */
export interface ComputerOptions {
  readonly store: Store;
  /** What the disk is called, for people. */
  readonly name: string;
  readonly profile: ProfileName;
  readonly policy: CommitPolicy;
  readonly seed: number;
  readonly trace: Trace;
}

export interface ComputerState {
  readonly clock: Timespec;
  readonly random: PrngState;
  readonly head: Head;
  readonly mounts: readonly SavedMount[];
}

export class Computer {
  readonly policy: CommitPolicy;
  readonly clock: SimulatedClock;
  readonly random: Prng;
  readonly disk: Disk;
  readonly kernel: Kernel;
  readonly mounts: Mounts;
  /** What went wrong when volumes were to be mounted. */
  readonly #mountProblem: string | null;
  readonly process: Process;
  readonly trace: MutedTrace;

  private constructor(
    { store, name, profile, policy, seed, trace: recorder }: ComputerOptions,
    clock: SimulatedClock,
    mount: (computer: Computer) => string | null,
  ) {
    const trace = new MutedTrace(recorder);
    this.trace = trace;
    this.policy = policy;
    this.clock = clock;
    this.random = new Prng(seed);
    this.disk = new Disk('disk1', name, store, profile, clock);
    this.kernel = new Kernel({ clock, random: this.random, trace });
    this.kernel.addDevice(this.disk.device, this.disk.metered);
    for (const { device, index, metered } of this.disk.slices) {
      if (index > 0) this.kernel.addDevice(device, metered);
    }
    this.mounts = new Mounts({ disk: this.disk, kernel: this.kernel, clock, trace });
    this.#mountProblem = mount(this);
    this.process = this.kernel.spawn();
  }

  /** Mounts everything that can be mounted, unless the disk is to be left alone. */
  static boot(options: ComputerOptions, mountsVolumes: boolean): Computer {
    return new Computer(options, new SimulatedClock(), (computer) =>
      mountsVolumes ? computer.#mountAll() : null,
    );
  }

  /** The machine that `save` described, on a store that holds what its disk held then. */
  static resume(options: ComputerOptions, state: ComputerState): Computer {
    const clock = new SimulatedClock(state.clock);
    const computer = new Computer(options, clock, (computer) => computer.#mountAgain(state));
    computer.random.restore(state.random);
    computer.disk.metered.head = state.head;
    return computer;
  }

  /** Why there is no volume to look at; null when there is one. */
  get problem(): string | null {
    const { slices, mapProblems, name } = this.disk;
    if (this.mounts.first !== undefined) return null;
    if (this.#mountProblem !== null) return this.#mountProblem;
    const known = slices.find(({ format }) => format !== null);
    if (known !== undefined) return `${known.device} is not mounted; diskutil mount ${known.device} does it.`;
    return mapProblems[0] ?? `${name} holds no file system that is known here.`;
  }

  save(): ComputerState {
    return {
      clock: this.clock.now(),
      random: this.random.save(),
      head: this.disk.metered.head,
      mounts: this.mounts.save(),
    };
  }

  /** True when everything the machine knows is on the disk: mounting the blocks again would give this very state. */
  get isSettled(): boolean {
    const isIdle = this.process.openFiles().length === 0;
    return (
      isIdle &&
      this.mounts.all.every(({ volume, options }) => options.policy === 'each' || volume.isDirty === false)
    );
  }

  /** The first problem that left something out. */
  #mountAll(): string | null {
    const { slices, store } = this.disk;
    const problems = slices
      .filter(({ format }) => format !== null)
      .map(({ device }) => this.#tryMount(device, { isReadOnly: store.isReadOnly, policy: this.policy }));
    return problems.find((problem) => problem !== null) ?? null;
  }

  #mountAgain({ mounts }: ComputerState): string | null {
    const problems = mounts.map((saved) => this.#tryMount(saved.device, saved, !saved.isReadOnly));
    return problems.find((problem) => problem !== null) ?? null;
  }

  /** Null, or why it did not work: inside a step a volume may be in pieces. */
  #tryMount(device: string, options: Omit<SavedMount, 'device'>, isContinued = false): string | null {
    const slice = this.disk.slice(device);
    if (slice === undefined) return `${device} is not there.`;
    try {
      this.mounts.mount(slice, options, isContinued);
      return null;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      return `${device} cannot be mounted: ${error.detail || error.message}.`;
    }
  }
}
