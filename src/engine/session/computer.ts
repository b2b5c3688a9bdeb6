import { SimulatedClock } from '../base/clock.ts';
import type { Timespec } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import { Prng } from '../base/prng.ts';
import type { PrngState } from '../base/prng.ts';
import type { Trace } from '../base/trace.ts';
import { PARKED } from '../device/profile.ts';
import type { Head, ProfileName } from '../device/profile.ts';
import type { Store } from '../device/store.ts';
import { Kernel } from '../vfs/kernel.ts';
import type { Process } from '../vfs/process.ts';
import type { Tape, TapeRange } from '../device/tape.ts';
import { deviceName, Disk } from './disk.ts';
import type { Slice } from './disk.ts';
import { Mounts } from './mounts.ts';
import { MutedTrace } from './muted-trace.ts';
import type { SavedMount } from './mounts.ts';
import { writePoliciesOf } from './settings.ts';
import type { WritePolicies } from './settings.ts';
import type { VolumePlace } from './containers.ts';
import { stepFigures } from './step-figures.ts';
import type { Costs, StepFigures } from './view.ts';

/**
 * One simulated machine without its shell: a disk, a kernel with the mounted volumes, and the process that a shell
 * runs in. Going back in time makes a new one on the disk as it was then.
 */
export interface ComputerOptions extends WritePolicies {
  readonly store: Store;
  /** What the disk is called, for people. */
  readonly name: string;
  readonly profile: ProfileName;
  readonly seed: number;
  readonly trace: Trace;
}

/** What to look at, where a disk has more than one volume: the first one otherwise. */
export interface VolumeChoice {
  /** Its name or device. */
  readonly volume?: string;
  /** The name of a snapshot of it. */
  readonly snapshot?: string;
}

export interface ComputerState {
  readonly clock: Timespec;
  readonly random: PrngState;
  readonly head: Head;
  readonly mounts: readonly SavedMount[];
}

export class Computer {
  readonly policies: WritePolicies;
  readonly clock: SimulatedClock;
  readonly random: Prng;
  readonly disk: Disk;
  readonly kernel: Kernel;
  readonly mounts: Mounts;
  /** What went wrong when volumes were to be mounted. */
  #mountProblem: string | null;
  readonly process: Process;
  readonly trace: MutedTrace;
  /** Where the disk's arm stood when the step began. */
  #headBefore: Head = PARKED;

  private constructor(
    options: ComputerOptions,
    clock: SimulatedClock,
    mount: (computer: Computer) => string | null,
  ) {
    const { store, name, profile, seed } = options;
    const trace = new MutedTrace(options.trace);
    this.trace = trace;
    this.policies = writePoliciesOf(options);
    this.clock = clock;
    this.random = new Prng(seed);
    this.disk = new Disk('disk1', name, store, profile, clock);
    this.kernel = new Kernel({ clock, random: this.random, trace });
    this.kernel.addDevice(this.disk.device, this.disk.metered);
    for (const { device, index, metered } of this.disk.slices) {
      if (index > 0) this.kernel.addDevice(device, metered);
    }
    this.mounts = new Mounts({ disk: this.disk, kernel: this.kernel, clock, trace });
    for (const { device, slice } of this.mounts.containers.all) this.kernel.addDevice(device, slice.metered);
    this.kernel.snapshotMounter = (from, snapshot, on) => this.#mountSnapshot(from, snapshot, on);
    this.#mountProblem = mount(this);
    this.process = this.kernel.spawn();
  }

  /** fs_snapshot_mount(2) of a volume that is mounted. */
  #mountSnapshot(from: string, snapshot: string, on: string): void {
    const place = this.mounts.containers.place(deviceName(from));
    if (place === undefined) throw new FsError('ENOTSUP', 'mount', from, 'it is no volume of a container');
    this.mounts.mount(place, { ...this.policies, isReadOnly: true, snapshot, on });
  }

  /** Mounts everything that can be mounted; null: the disk is left alone. */
  static boot(options: ComputerOptions, choice: VolumeChoice | null): Computer {
    return new Computer(options, new SimulatedClock(), (computer) =>
      choice === null ? null : computer.#mountAll(choice),
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
    if (known !== undefined) {
      const { device } = this.mounts.containers.places()[0] ?? known;
      return `${device} is not mounted; diskutil mount ${device} does it.`;
    }
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

  /** What is counted from here on belongs to a new step. Returns what was spent since the last one. */
  beginStep(): Costs {
    this.#headBefore = this.disk.metered.head;
    this.kernel.takeHandedBytes();
    return this.disk.metered.take();
  }

  /** Of the step since `beginStep`, whose accesses are `entries` of the tape. */
  figures(tape: Tape, entries: TapeRange): StepFigures {
    return stepFigures(tape, entries, this.#headBefore, this.kernel.takeHandedBytes());
  }

  /** True when everything the machine knows is on the disk: mounting the blocks again would give this very state. */
  get isSettled(): boolean {
    const isIdle = this.process.openFiles().length === 0;
    return (
      isIdle &&
      this.mounts.all.every(({ volume, options }) => options.policy === 'each' || volume.isDirty === false)
    );
  }

  /** Nothing can be run afterwards. FsError where the disk is too damaged. */
  unmountAll(): void {
    this.process.exit();
    for (const record of this.mounts.all) this.mounts.unmount(record);
  }

  /** The disk as that leaves it; null when it is too damaged. */
  shutDown(): Disk | null {
    try {
      this.unmountAll();
      return this.disk;
    } catch (error) {
      if (error instanceof FsError) return null;
      throw error;
    }
  }

  /** The first problem that left something out. The volume asked for is mounted first: it is the one to look at. */
  #mountAll({ volume: wanted, snapshot }: VolumeChoice): string | null {
    const { store } = this.disk;
    const problems: (string | null)[] = [];
    const places = this.mounts.containers.places();
    const chosen = wanted === undefined ? places[0] : places.find((place) => this.#isNamed(place, wanted));
    if (wanted !== undefined && chosen === undefined) {
      const names = places.map((place) => this.mounts.describe(place).label || place.device);
      return `${this.disk.name} has no volume '${wanted}'; it has ${names.join(', ') || 'none'}.`;
    }
    const options = { ...this.policies, isReadOnly: store.isReadOnly };
    if (chosen !== undefined && snapshot !== undefined) {
      const problem = this.#tryMount(chosen.device, { ...options, snapshot });
      if (problem !== null) return problem;
    }
    for (const place of chosen === undefined
      ? places
      : [chosen, ...places.filter((each) => each !== chosen)]) {
      problems.push(this.#tryMount(place.device, options));
    }
    return problems.find((problem) => problem !== null) ?? this.#emptyContainer();
  }

  #isNamed(place: VolumePlace, wanted: string): boolean {
    return place.device === wanted || this.mounts.describe(place).label === wanted;
  }

  /** Why a disk with a container has no volume to mount: there is none in it, or it cannot be read. */
  #emptyContainer(): string | null {
    const { containers } = this.mounts;
    for (const { slice } of containers.all) {
      try {
        const count = containers.look(slice, (container) => container.volumes().length);
        if (count === 0) return `the container on ${slice.device} has no volumes`;
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        return `${slice.device} cannot be mounted: ${error.detail || error.message}.`;
      }
    }
    return null;
  }

  /**
   * Lets `change` write to the disk under its mounted volumes, as a debugger does: they are taken out without a word, and
   * mounted again from what is there then. Returns why those that did not come back did not. EBUSY while a file is open.
   */
  underneath(change: () => void): readonly string[] {
    const { kernel, mounts } = this;
    if (!this.isSettled) kernel.sync();
    const goBack = kernel.stepOut(mounts.all.map(({ on }) => on));
    let saved: readonly SavedMount[];
    try {
      saved = mounts.abandon();
    } catch (error) {
      goBack('/');
      throw error;
    }
    change();
    const tried = saved.map((mount) => this.#tryMount(mount.device, mount, !mount.isReadOnly));
    const problems = tried.filter((problem) => problem !== null);
    this.#mountProblem = problems[0] ?? null;
    goBack(mounts.first?.on ?? '/');
    return problems;
  }

  /**
   * What is mounted from a slice is mounted anew, otherwise, without being unmounted: nothing is written but what was
   * still in memory. FsError, and all as it was, where one of the volumes cannot be mounted so; EBUSY while a file is open.
   */
  remount(slice: Slice, options: Omit<SavedMount, 'device' | 'on' | 'snapshot'>): void {
    const { kernel, mounts } = this;
    if (!this.isSettled) kernel.sync();
    const goBack = kernel.stepOut(mounts.all.map(({ on }) => on));
    const changed = new Set(mounts.on(slice).map(({ device }) => device));
    try {
      const saved = mounts.abandon();
      try {
        for (const { device, on, snapshot, ...before } of saved) {
          const place = {
            ...(on === undefined ? {} : { on }),
            ...(snapshot === undefined ? {} : { snapshot }),
          };
          this.#mountOne({ ...(changed.has(device) ? options : before), ...place, device });
        }
      } catch (error) {
        mounts.abandon();
        for (const each of saved) this.#mountOne(each);
        throw error;
      }
    } finally {
      goBack(mounts.first?.on ?? '/');
    }
  }

  #mountOne(saved: SavedMount): void {
    const place = this.mounts.containers.place(saved.device);
    if (place === undefined) throw new FsError('ENXIO', 'mount', saved.device, 'there is no such volume');
    this.mounts.mount(place, saved, true);
  }

  #mountAgain({ mounts }: ComputerState): string | null {
    const problems = mounts.map((saved) => this.#tryMount(saved.device, saved, !saved.isReadOnly));
    return problems.find((problem) => problem !== null) ?? null;
  }

  /** Null, or why it did not work: inside a step a volume may be in pieces. */
  #tryMount(device: string, options: Omit<SavedMount, 'device'>, isContinued = false): string | null {
    const place = this.mounts.containers.place(device);
    if (place === undefined) return `${device} cannot be mounted: nothing on the disk is known as it.`;
    try {
      this.mounts.mount(place, options, isContinued);
      return null;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      return `${device} cannot be mounted: ${error.detail || error.message}.`;
    }
  }
}
