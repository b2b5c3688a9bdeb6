import { FsError } from '../engine/base/errno.ts';
import { compareCommand } from './compare.ts';
import { exportCommand } from './export.ts';
import { fsckCommand } from './fsck.ts';
import { getCommand } from './get.ts';
import { infoCommand } from './info.ts';
import { inspectCommand } from './inspect.ts';
import { manifestCommand } from './manifest.ts';
import { mapCommand } from './map.ts';
import { newfsCommand } from './newfs.ts';
import { helpText, parseArguments, suggestion, usageLine, UsageError } from './options.ts';
import type { Arguments, Synopsis } from './options.ts';
import { putCommand } from './put.ts';
import { EXIT, fsErrorText, HostError } from './report.ts';
import type { Output } from './report.ts';
import { shCommand } from './sh.ts';

/** `diskoscope SUBCOMMAND …`: finds the subcommand, turns every expected failure into a sentence and an exit code. */
export interface Subcommand {
  readonly synopsis: Synopsis;
  run(args: Arguments, output: Output): Promise<number> | number;
}

const SUBCOMMANDS: readonly Subcommand[] = [
  newfsCommand,
  shCommand,
  putCommand,
  getCommand,
  manifestCommand,
  fsckCommand,
  exportCommand,
  infoCommand,
  mapCommand,
  inspectCommand,
  compareCommand,
];

export async function runCommandLine(argv: readonly string[], output: Output): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    output.complain(overview());
    return EXIT.usage;
  }
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
    output.print(overview());
    return EXIT.ok;
  }
  if (name === 'help') return runCommandLine([rest[0] ?? '', '--help'], output);

  const subcommand = SUBCOMMANDS.find(({ synopsis }) => synopsis.name === name);
  if (subcommand === undefined) {
    const names = SUBCOMMANDS.map(({ synopsis }) => synopsis.name);
    output.complain(`diskoscope: There is no command '${name}'${suggestion(name, names)}.\n`);
    output.complain(`It knows ${names.join(', ')}; diskoscope --help says more.\n`);
    return EXIT.usage;
  }
  return runSubcommand(subcommand, rest, output);
}

async function runSubcommand(
  { synopsis, run }: Subcommand,
  argv: readonly string[],
  output: Output,
): Promise<number> {
  const complain = (sentence: string) => output.complain(`diskoscope ${synopsis.name}: ${sentence}\n`);
  try {
    const args = parseArguments(synopsis, argv);
    if (args.has('help')) {
      output.print(helpText(synopsis));
      return EXIT.ok;
    }
    return await run(args, output);
  } catch (error) {
    if (error instanceof UsageError) {
      complain(error.message);
      output.complain(`${usageLine(synopsis)}\n`);
      return EXIT.usage;
    }
    if (error instanceof HostError) {
      complain(error.message);
      return error.exitCode;
    }
    if (error instanceof FsError) {
      complain(fsErrorText(error));
      return EXIT.failed;
    }
    throw error;
  }
}

const overview = (): string => {
  const width = Math.max(...SUBCOMMANDS.map(({ synopsis }) => synopsis.name.length)) + 2;
  return [
    'usage: diskoscope COMMAND [options] IMAGE …',
    '',
    'Makes, changes, checks and explains disk images: real volumes, byte for byte.',
    '',
    ...SUBCOMMANDS.map(({ synopsis }) => `  ${synopsis.name.padEnd(width)}${synopsis.summary}`),
    '',
    'diskoscope COMMAND --help lists the options. Exit codes: 0 fine, 1 it failed or something was found,',
    '2 called wrongly, 3 the image cannot be read.',
    '',
  ].join('\n');
};
