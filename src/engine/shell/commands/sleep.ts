import { program } from '../program.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };
const SECONDS_MAX = 10 * 365 * 86400;

export const sleep = program({
  name: 'sleep',
  summary: 'let time pass',
  manual: `sleep number[unit] …

Lets the simulated clock go on by that many seconds (units: s m h d), without waiting. File times and the 5 seconds
of the writeback policy see it.`,
  letters: '',
  usage:
    'usage: sleep number[unit] [...]\nUnit can be s (seconds, the default), m (minutes), h (hours), or d (days).',
  usageExitCode: 1,
  *main(call) {
    if (call.operands.length === 0) return yield* call.showUsage();
    let seconds = 0;
    for (const operand of call.operands) {
      const [, digits, unit = 's'] = /^(\d+\.?\d*|\.\d+)([smhd])?$/.exec(operand) ?? [];
      if (digits === undefined) return yield* call.fail(`invalid time interval: ${operand}`);
      seconds += Number(digits) * (SECONDS[unit] ?? 1);
    }
    if (seconds > SECONDS_MAX) return yield* call.fail('more than ten years; the clock would not survive it');
    call.context.machine.advanceTime(Math.round(seconds * 1e9));
    return 0;
  },
});
