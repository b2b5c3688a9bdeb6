import type { Timespec } from '../base/clock.ts';
import type { Version } from '../device/store.ts';
import type { ShellState } from '../shell/shell.ts';
import type { ComputerState } from './computer.ts';

/** What brings the moment after a step back, beside the tape. */
export interface Kept {
  readonly computer: ComputerState;
  readonly shell: ShellState;
  /** Thinned out on old steps: then the tape leads there from an older one. */
  version: Version | null;
  /** False while a volume holds what is not on the disk yet: then the lines have to be run again. */
  readonly isSettled: boolean;
  readonly typed: readonly (string | null)[];
}

/** What is known of a step when it begins. */
export interface Begun {
  readonly startedAt: Timespec;
  readonly freeBytes: number;
  readonly firstEntry: number;
  readonly firstSpan: number;
}
