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
  /** Why there is no volume, or not the one there should be. */
  readonly problem: string | null;
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
    this.problem = mount(this);
    this.process = this.kernel.spawn();
  }

  /** Mounts everything that can be mounted, unless the disk is to be left alone. */
  static boot(options: ComputerOptions, mountsVolumes: boolean): Computer {
    return new Computer(options, new SimulatedClock(), (computer) => computer.#mountAll(mountsVolumes));
  }

  /** The machine that `save` described, on a store that holds what its disk held then. */
  static resume(options: ComputerOptions, state: ComputerState): Computer {
    const clock = new SimulatedClock(state.clock);
    const computer = new Computer(options, clock, (computer) => computer.#mountAgain(state));
    computer.random.restore(state.random);
    computer.disk.metered.head = state.head;
    return computer;
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

  #mountAll(mountsVolumes: boolean): string | null {
    const { slices, mapProblems, name, store } = this.disk;
    const problems = [...mapProblems];
    if (slices.every(({ format }) => format === null)) {
      problems.push(`${name} holds no file system that is known here.`);
    }
    for (const slice of mountsVolumes ? slices : []) {
      if (slice.format === null) continue;
      const problem = this.#tryMount(slice.device, { isReadOnly: store.isReadOnly, policy: this.policy });
      if (problem !== null) problems.push(problem);
    }
    return this.mounts.first === undefined ? (problems[0] ?? null) : null;
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
