import { program } from '../program.ts';

const SHOWN_MAX = 1000;

export const history = program({
  name: 'history',
  summary: 'lines typed so far',
  manual: `history [count]

Lists the lines typed so far with their numbers, the last ${SHOWN_MAX} or as many as asked for.`,
  letters: '',
  usage: 'usage: history [count]',
  usageExitCode: 1,
  *main(call) {
    const [wish = String(SHOWN_MAX)] = call.operands;
    if (!/^\d{1,9}$/.test(wish)) return yield* call.fail(`${wish}: numeric argument required`);
    const lines = call.context.history;
    const start = Math.max(0, lines.length - Number(wish));
    for (const [index, line] of lines.slice(start).entries())
      yield* call.printLine(`${String(start + index + 1).padStart(5)}  ${line}`);
    return 0;
  },
});
