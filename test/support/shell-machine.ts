import { textOf } from '../../src/engine/base/bytes.ts';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { FsError } from '../../src/engine/base/errno.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import type { Machine } from '../../src/engine/shell/machine.ts';
import { Shell } from '../../src/engine/shell/shell.ts';
import type { Process } from '../../src/engine/vfs/process.ts';
import { Kernel } from '../../src/engine/vfs/kernel.ts';
import { MemoryVolume, type MemoryLimits } from './memory-volume.ts';

/** A shell on a volume in memory, with everything it prints collected: for tests of the language and of commands. */
export class ShellMachine {
  readonly clock = new SimulatedClock();
  readonly kernel = new Kernel({ clock: this.clock, random: new Prng(7) });
  readonly volume: MemoryVolume;
  readonly process: Process;
  readonly shell: Shell;
  /** Bytes of standard output and of both streams in the order they came. */
  readonly pieces: { stream: 'stdout' | 'stderr'; bytes: Uint8Array }[] = [];
  /** Steps the last line took: how often the host could have stopped it. */
  breaths = 0;

  constructor(options: { limits?: Partial<MemoryLimits>; isTerminal?: boolean } = {}) {
    this.volume = new MemoryVolume(this.clock, options.limits);
    const cwd = this.kernel.mount(this.volume, { from: '/dev/disk1', typeName: 'msdos' });
    this.process = this.kernel.spawn({ cwd });
    this.shell = new Shell({
      system: this.process,
      machine: machineWithout(this.clock),
      random: new Prng(42),
      isTerminal: options.isTerminal ?? false,
      onOutput: (stream, bytes) => this.pieces.push({ stream, bytes }),
    });
  }

  /** Runs a script to its end, or for `breathsMax` steps and then Ctrl-C. */
  run(script: string, breathsMax = Number.POSITIVE_INFINITY): Outcome {
    this.pieces.length = 0;
    this.breaths = 0;
    const running = this.shell.run(script);
    for (;;) {
      const step = running.next();
      if (step.done) return this.#outcome(step.value);
      if (++this.breaths < breathsMax) continue;
      running.return(130);
      return this.#outcome(130);
    }
  }

  #outcome(status: number): Outcome {
    const of = (stream: string) =>
      this.pieces
        .filter((piece) => piece.stream === stream)
        .map((piece) => textOf(piece.bytes))
        .join('');
    return { status, stdout: of('stdout'), stderr: of('stderr') };
  }
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine on which only time passes. */
function machineWithout(clock: SimulatedClock): Machine {
  const refuse = (): never => {
    throw new FsError('ENOTSUP', '', '', 'this machine has no disks');
  };
  const answered = {
    disks: () => [],
    advanceTime: (nanoseconds: number) => clock.advance(nanoseconds),
  };
  return {
    ...answered,
    ...Object.fromEntries(
      [
        'info',
        'newfs',
        'eraseDisk',
        'mount',
        'unmount',
        'rename',
        'fsck',
        'why',
        'extentsOf',
        'map',
        'undo',
        'redo',
        'addVolume',
        'deleteVolume',
        'changeRole',
        'resizeLimits',
        'resizeContainer',
        'createSnapshot',
        'renameSnapshot',
        'deleteSnapshot',
        'revertToSnapshot',
        'snapshotSpace',
      ].map((name) => [name, refuse]),
    ),
  } as unknown as Machine;
}
