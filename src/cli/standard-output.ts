import { once } from 'node:events';
import type { Output } from './report.ts';

/** The process's own streams. A reader that goes away (`| head`) ends the process without a word, as SIGPIPE would. */
export function standardOutput(): Output {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(141);
      throw error;
    });
  }
  return {
    print: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    drained: async () => {
      if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
    },
    isTerminal: process.stderr.isTTY === true,
    columns: process.stdout.columns ?? 80,
  };
}
