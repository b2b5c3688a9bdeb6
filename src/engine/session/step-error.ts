import { isErrnoCode, strerror } from '../base/errno.ts';
import type { ErrnoCode } from '../base/errno.ts';
import type { Tape, TapeRange } from '../device/tape.ts';
import type { StepView } from './view.ts';

/**
 * The errno that a step is known by. Programs ask for what is not there all the time, so ENOENT counts only when
 * nothing else went wrong, and a step that ended well is known only by what the format refused (`cp -c` that copied).
 */
export function firstErrorOf(tape: Tape, spans: TapeRange, exitCode: number): StepView['error'] {
  let missing: ErrnoCode | null = null;
  for (let i = spans.from; i < spans.to; i++) {
    const { level, result } = tape.span(i);
    if (level !== 'call' || !isErrnoCode(result)) continue;
    if (exitCode === 0 ? result === 'ENOTSUP' : result !== 'ENOENT') return described(result);
    missing ??= result;
  }
  return exitCode === 0 || missing === null ? null : described(missing);
}

const described = (code: ErrnoCode) => ({ code, text: strerror(code) });
