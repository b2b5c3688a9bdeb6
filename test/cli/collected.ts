import { runCommandLine } from '../../src/cli/run.ts';
import type { Outcome } from './built.ts';

/**
 * The command line in this process, for tests that give it hundreds of commands: a program takes longer to start than
 * most of them to run. What is about the program itself (streams, signals, crashes) starts it: see built.ts.
 */
export async function collected(args: readonly string[]): Promise<Outcome> {
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  const exitCode = await runCommandLine(args, {
    print: (text) => void stdout.push(Buffer.from(text)),
    complain: (text) => void stderr.push(Buffer.from(text)),
    drained: () => Promise.resolve(),
    isTerminal: false,
    columns: 80,
  });
  return { exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}
