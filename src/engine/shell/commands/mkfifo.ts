import { parseMode } from '../permissions-text.ts';
import { attempt, program } from '../program.ts';

const BASE_MODE = 0o666;

export const mkfifo = program({
  name: 'mkfifo',
  summary: 'make FIFOs',
  manual: `mkfifo [-m mode] fifo_name ...

Names for pipes, on volumes that keep special files (APFS); others answer "Operation not supported".

  -m  permissions, as chmod takes them; otherwise rw for all that the umask leaves

Differs from macOS: no process waits at the other end, so a FIFO here is made, listed, copied and removed, never opened.`,
  usage: 'usage: mkfifo [-m mode] fifo_name ...',
  usageExitCode: 1,
  letters: 'm:',
  *main(call) {
    if (call.operands.length === 0) return yield* call.showUsage();
    const text = call.valueOf('m');
    const change = text === undefined ? null : parseMode(text, 0);
    if (text !== undefined && change === null) return yield* call.fail(`invalid file mode: ${text}`);
    for (const path of call.operands) {
      // The umask heeds only modes that were not asked for.
      const mask = call.system.umask(0);
      call.system.umask(change === null ? mask : 0);
      try {
        yield* attempt(call, path, () => call.system.mkfifo(path, change?.(BASE_MODE) ?? BASE_MODE));
      } finally {
        call.system.umask(mask);
      }
    }
    return call.exitCode;
  },
});
