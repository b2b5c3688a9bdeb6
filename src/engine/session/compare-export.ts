import { MEANINGS, ROLE_GROUPS } from './comparison.ts';
import type { Cell, ComparedFile, Comparison } from './comparison.ts';

/** A comparison for other programs. Figures are whole numbers of bytes, blocks and nanoseconds, in no words. */

/** Version of both forms: grows when a member or column changes its meaning or goes. */
export const EXPORT_VERSION = 1;

export const comparisonJson = (comparison: Comparison): string =>
  `${JSON.stringify({ format: 'diskoscope comparison', version: EXPORT_VERSION, ...comparison, meanings: Object.fromEntries(MEANINGS) }, null, 2)}\n`;

type CsvValue = string | number | null;

const COLUMNS = [
  ...[
    'kind',
    'number',
    'command or file',
    'disk',
    'ran',
    'failures',
    'errno',
    'error text',
    'device profile',
  ],
  ...['block size bytes', 'writes', 'blocks', 'bytes'],
  ...ROLE_GROUPS.flatMap((group) => [`${group} blocks`, `${group} bytes`]),
  ...['handed over bytes', 'write amplification', 'barriers', 'trims', 'trimmed bytes'],
  ...[
    'simulated nanoseconds',
    'free bytes change',
    'file size bytes',
    'file allocated bytes',
    'file extents',
  ],
] as const;

/**
 * One line for each command on each disk (kind `command`), for each disk in total (`total`) and for each file on each
 * disk (`file`). RFC 4180: commas, CRLF, quotes doubled. A text that a spreadsheet would take for a formula begins with
 * an apostrophe.
 */
export function comparisonCsv(comparison: Comparison): string {
  const { disks, commands, total, files } = comparison;
  const lines: CsvValue[][] = [
    ...commands.flatMap(({ line, cells }, number) =>
      cells.map((cell, at) => [
        ...['command', number + 1, line],
        ...figureValues(comparison, at, cell),
        ...NO_FILE,
      ]),
    ),
    ...total.map((cell, at) => ['total', null, null, ...figureValues(comparison, at, cell), ...NO_FILE]),
    ...files.flatMap(({ path, cells }) =>
      cells.map((file, at) => [
        ...['file', null, path, disks[at]?.title ?? '', file === null ? 'no' : 'yes', null, null],
        ...[file?.problem ?? null, comparison.profile.name, disks[at]?.blockSizeBytes ?? null],
        ...NO_FIGURES,
        ...fileValues(file),
      ]),
    ),
  ];
  return [COLUMNS, ...lines].map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
}

const NO_FILE: readonly CsvValue[] = [null, null, null];
const fileValues = (file: ComparedFile | null): readonly CsvValue[] =>
  file === null || file.problem !== null ? NO_FILE : [file.sizeBytes, file.allocatedBytes, file.extentCount];

function figureValues({ disks, profile }: Comparison, at: number, cell: Cell): readonly CsvValue[] {
  const { title = '', blockSizeBytes = null } = disks[at] ?? {};
  const begin = [title, cell === null ? 'no' : 'yes', cell?.failures ?? null, cell?.error?.code ?? null];
  const device = [cell?.error?.text ?? null, profile.name, blockSizeBytes];
  if (cell === null) return [...begin, ...device, ...NO_FIGURES];
  return [
    ...[...begin, ...device, cell.writes, cell.blocks, cell.bytes],
    ...ROLE_GROUPS.flatMap((group) => [cell.blocksByGroup[group], cell.bytesByGroup[group]]),
    ...[cell.handedBytes, cell.writeAmplification, cell.barriers, cell.trims, cell.trimmedBytes],
    ...[cell.simulatedNanoseconds, cell.freeBytesChange],
  ];
}

/** writes, blocks, bytes, two for each group, and seven more. */
const NO_FIGURES: readonly CsvValue[] = Array<null>(3 + 2 * ROLE_GROUPS.length + 7).fill(null);

/** Only texts are guarded: a number below 0 is a number. */
function csvCell(value: CsvValue): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const guarded = /^[\s\p{Cf}]*[=+\-@＝＋－＠]|^[\t\r\n]/u.test(value) ? `'${value}` : value;
  return /[",\r\n']/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}
