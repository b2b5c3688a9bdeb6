import type { Session } from '../engine/session/session.ts';
import type { Costs } from '../engine/session/view.ts';
import { withImage } from './image-session.ts';
import { UsageError } from './options.ts';
import type { Arguments } from './options.ts';
import { runPrompt } from './prompt.ts';
import { pump } from './pump.ts';
import { EXIT, printable } from './report.ts';
import type { Output } from './report.ts';
import type { Subcommand } from './run.ts';
import { readScript } from './script.ts';
import {
  choiceOf,
  IMAGE_OPERAND,
  POLICY_OPTION,
  policyOf,
  READ_ONLY,
  READ_WRITE,
  SEED_OPTION,
  seedOf,
  VOLUME_OPTION,
} from './settings.ts';

export const shCommand: Subcommand = {
  synopsis: {
    name: 'sh',
    summary: 'Run macOS commands on an image',
    operands: [
      IMAGE_OPERAND,
      { name: 'SCRIPT', isOptional: true, help: 'file of the host with lines to run; - is standard input' },
    ],
    options: [
      { name: 'command', short: 'c', value: 'LINE', help: 'run this line' },
      { name: 'read-only', help: 'only look: works on packed images too (.img.gz, .dmg)' },
      POLICY_OPTION,
      VOLUME_OPTION,
      SEED_OPTION,
      { name: 'stats', help: 'print what it cost as JSON on standard error' },
    ],
    notes: [
      'Starts in the root of the volume. Without LINE and SCRIPT: a prompt. The exit code is that of the script.',
      'The image is written when the script has come to its end, whatever its exit code; a script that is stopped',
      'leaves the image as it was.',
    ],
  },
  async run(args, output) {
    const text = scriptText(args);
    const isInteractive = text === null;
    const settings = {
      ...(args.has('read-only') ? READ_ONLY : READ_WRITE),
      ...choiceOf(args),
      seed: seedOf(args),
      policy: policyOf(args),
      isRecording: isInteractive,
      isTerminal: isInteractive && process.stdin.isTTY,
    };
    const began = performance.now();
    return withImage(args.required('IMAGE'), { ...settings, output }, async (opened) => {
      const { session } = opened;
      session.columns = output.columns;
      for (const warning of session.volume?.warnings ?? []) {
        output.complain(`diskoscope sh: ${printable(warning)}\n`);
      }
      const exitCode = isInteractive
        ? await runPrompt(session, output)
        : await runScript(session, text, output, args.operand('SCRIPT') === '-');
      if (!settings.isReadOnly) opened.save();
      if (args.has('stats')) printStats(session.totalCosts, performance.now() - began, output);
      return exitCode;
    });
  },
};

/** Null: a person is to type. */
function scriptText(args: Arguments): string | null {
  const line = args.value('command');
  const script = args.operand('SCRIPT');
  if (line !== undefined && script !== undefined) throw new UsageError('Give -c LINE or SCRIPT, not both.');
  if (line !== undefined) return line;
  if (script === undefined) return null;
  return readScript(script);
}

async function runScript(
  session: Session,
  text: string,
  output: Output,
  isInputTaken: boolean,
): Promise<number> {
  const outcome = await pump(session, text, output, isInputTaken ? null : process.stdin);
  if (outcome.isComplete) return session.exitCode ?? outcome.exitCode;
  output.complain('diskoscope sh: The script ends in the middle of a command.\n');
  return EXIT.usage;
}

function printStats(costs: Costs, wallMilliseconds: number, output: Output): void {
  const wall = Math.round(wallMilliseconds * 1000) / 1000;
  output.complain(`${JSON.stringify({ ...costs, wallMilliseconds: wall })}\n`);
}
