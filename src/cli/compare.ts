import { textOf } from '../engine/base/bytes.ts';
import { FsError, strerror } from '../engine/base/errno.ts';
import { PROFILES } from '../engine/device/profile.ts';
import type { ProfileName } from '../engine/device/profile.ts';
import { FORMAT_NAMES } from '../engine/formats/registry.ts';
import { comparedFile, compare, missingFile } from '../engine/session/compare.ts';
import { comparisonCsv, comparisonJson } from '../engine/session/compare-export.ts';
import { columnTitles, fileRows, tableRows } from '../engine/session/compare-rows.ts';
import type { TableRow } from '../engine/session/compare-rows.ts';
import { countedBlockBytes } from '../engine/session/comparison.ts';
import type { ComparedFile, ComparedSteps, Comparison } from '../engine/session/comparison.ts';
import { createDisk } from '../engine/session/new-disk.ts';
import { counted } from '../engine/session/sentences.ts';
import { Session } from '../engine/session/session.ts';
import { DEFAULT_SETTINGS } from '../engine/session/settings.ts';
import type { SessionSettings } from '../engine/session/settings.ts';
import type { StepView } from '../engine/session/view.ts';
import { isComplete } from '../engine/shell/parse.ts';
import { suggestion, UsageError } from './options.ts';
import type { Arguments } from './options.ts';
import { pump } from './pump.ts';
import { EXIT, printable } from './report.ts';
import type { Output } from './report.ts';
import type { Subcommand } from './run.ts';
import { commandsOf, readScript } from './script.ts';
import { JSON_OPTION, POLICY_OPTION, policyOf, SEED_OPTION, seedOf } from './settings.ts';
import { parseSize } from './size.ts';

/** `compare`: a script on a fresh disk of each format, and what it cost, side by side. */
const DEFAULT_TYPES = 'apfs,hfsplus,exfat,fat32';
const DEFAULT_SIZE_BYTES = 64 * 2 ** 20;
const DISK_LABEL = 'COMPARE';
/** As people call the formats. */
const TITLES: Readonly<Record<string, string>> = {
  ...{ apfs: 'APFS', hfsplus: 'HFS+', hfsx: 'HFSX', exfat: 'exFAT', fat32: 'FAT32' },
};
const PROFILE_NAMES = Object.keys(PROFILES) as ProfileName[];

export const compareCommand: Subcommand = {
  synopsis: {
    name: 'compare',
    summary: 'Run a script on several formats and compare what it cost',
    operands: [{ name: 'SCRIPT', help: 'file of the host with lines to run; - is standard input' }],
    options: [
      { name: 'types', short: 't', value: 'LIST', help: `formats, with commas (default ${DEFAULT_TYPES})` },
      { name: 'size', short: 's', value: 'SIZE', help: 'of each disk: 64m, 2g, 1t or bytes (default 64m)' },
      {
        ...{ name: 'device', value: 'PROFILE', choices: PROFILE_NAMES },
        help: `device whose times are simulated (default ${DEFAULT_SETTINGS.profile})`,
      },
      {
        ...{ name: 'file', short: 'f', value: 'PATH', isRepeatable: true },
        help: 'say how this file lies on each disk in the end',
      },
      POLICY_OPTION,
      SEED_OPTION,
      JSON_OPTION,
      { name: 'csv', help: 'print CSV instead of text' },
    ],
    notes: [
      'Each disk is new and in memory; no image is touched. Starts in the root of the volume, COMPARE. What commands',
      'print is left out; what they complain about goes to standard error with the name of the format. A command that',
      'fails is a result: the exit code is 0 when the script was run.',
      'In brackets stand blocks, of 512 bytes where the heading says nothing else; times are simulated, never measured.',
    ],
  },
  async run(args, output) {
    if (args.has('json') && args.has('csv')) throw new UsageError('Give --json or --csv, not both.');
    const run = runOf(args);
    const commands = commandsOf(readScript(args.required('SCRIPT')), isComplete);
    if (commands === null) {
      output.complain('diskoscope compare: The script ends in the middle of a command.\n');
      return EXIT.usage;
    }
    if (commands.length === 0) throw new UsageError('SCRIPT holds no command.');
    const disks: ComparedSteps[] = [];
    for (const format of run.formats) disks.push(await runOn(format, run, commands, output));
    const comparison = compare(disks, run.settings.profile);
    if (args.has('json')) output.print(comparisonJson(comparison));
    else if (args.has('csv')) output.print(comparisonCsv(comparison));
    else output.print(reportOf(comparison));
    return EXIT.ok;
  },
};

interface Run {
  readonly formats: readonly string[];
  readonly sizeBytes: number;
  readonly settings: SessionSettings;
  readonly paths: readonly string[];
}

function runOf(args: Arguments): Run {
  const size = args.value('size');
  const profile = PROFILE_NAMES.find((name) => name === args.value('device')) ?? DEFAULT_SETTINGS.profile;
  return {
    formats: formatsOf(args.value('types') ?? DEFAULT_TYPES),
    sizeBytes: size === undefined ? DEFAULT_SIZE_BYTES : parseSize(size),
    settings: { ...DEFAULT_SETTINGS, profile, seed: seedOf(args), policy: policyOf(args) },
    paths: [...new Set(args.values('file'))],
  };
}

function formatsOf(list: string): string[] {
  const names = list.split(',').map((name) => name.trim());
  for (const [at, name] of names.entries()) {
    if (!FORMAT_NAMES.some((known) => known === name)) {
      throw new UsageError(
        `-t does not know '${name}'${suggestion(name, FORMAT_NAMES)}; it takes ${FORMAT_NAMES.join(', ')}.`,
      );
    }
    if (names.indexOf(name) !== at) throw new UsageError(`-t names ${name} twice.`);
  }
  return names;
}

async function runOn(
  format: string,
  { sizeBytes, settings, paths }: Run,
  commands: readonly string[],
  output: Output,
): Promise<ComparedSteps> {
  const { store } = createDisk({
    ...{ format, sizeBytes, label: DISK_LABEL, scheme: 'none', settings: {}, seed: settings.seed },
  });
  const complaints = new Complaints(output);
  const session = Session.open(store, DISK_LABEL, settings, (stream, bytes) => {
    if (stream === 'stderr') complaints.add(bytes);
  });
  const view = session.views.disk();
  const title = TITLES[format] ?? format;
  complaints.title = title;
  const steps: (StepView | null)[] = [];
  for (const command of commands) {
    const isOver = session.exitCode !== null;
    steps.push(isOver ? null : (await pump(session, command, output, null)).step);
    complaints.end();
  }
  return {
    title,
    blockSizeBytes: countedBlockBytes(view),
    steps,
    files: paths.map((path) => look(session, path)),
  };
}

/** A path counts from the root of the volume, as the script's do at its beginning. */
function look(session: Session, path: string): ComparedFile {
  try {
    return comparedFile(path, session.views.file(path));
  } catch (error) {
    if (error instanceof FsError) return missingFile(path, strerror(error.code));
    throw error;
  }
}

/** What commands complain about, a line at a time, under the name of the format. */
class Complaints {
  title = '';
  readonly #output: Output;
  #rest = '';

  constructor(output: Output) {
    this.#output = output;
  }

  add(bytes: Uint8Array): void {
    const lines = (this.#rest + textOf(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#output.complain(`${this.title}: ${printable(line)}\n`);
  }

  end(): void {
    if (this.#rest !== '') this.add(new Uint8Array([0x0a]));
  }
}

// ── the report ────────────────────────────────────────────────────────────────────────────────────────────────────────

function reportOf(comparison: Comparison): string {
  const { commands, total, sentences, files } = comparison;
  const blocks: { readonly title: string; readonly rows: readonly TableRow[] }[] = [
    ...commands.map(({ line, cells }) => ({ title: `% ${line}`, rows: tableRows(comparison, cells) })),
    ...(commands.length < 2
      ? []
      : [{ title: counted(commands.length, 'command'), rows: tableRows(comparison, total) }]),
    ...(files.length === 0 ? [] : [{ title: 'Files', rows: fileRows(comparison) }]),
  ];
  const titles = columnTitles(comparison);
  const widths = columnWidths(
    titles,
    blocks.flatMap(({ rows }) => rows),
  );
  const text = blocks.map(({ title, rows }) =>
    [
      title.split('\n').map(printable).join('\n> '),
      line(['', ...titles], widths),
      ...rows.map((row) => line([labelOf(row), ...row.cells], widths)),
      '',
    ].join('\n'),
  );
  return [...text, ...sentences.map(printable), ''].join('\n');
}

const labelOf = ({ label, group }: TableRow): string => printable(group === null ? label : `  ${label}`);

function columnWidths(titles: readonly string[], rows: readonly TableRow[]): number[] {
  const lines = [['', ...titles], ...rows.map((row) => [labelOf(row), ...row.cells])];
  return lines[0]?.map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0))) ?? [];
}

const line = (cells: readonly string[], widths: readonly number[]): string =>
  cells
    .map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[at] ?? 0) + 2)))
    .join('')
    .trimEnd();
