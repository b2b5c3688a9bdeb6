import type { Command } from '../command.ts';
import { echo } from './echo.ts';
import { ls } from './ls.ts';

/** Every command of the machine, one line each, in the order of the alphabet. Builtins of the shell are elsewhere. */
export const COMMANDS: readonly Command[] = [echo, ls];
