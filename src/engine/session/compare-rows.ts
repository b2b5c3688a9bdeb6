import { ROLE_GROUPS } from './comparison.ts';
import type { Cell, ComparedFile, Comparison, Figures, RoleGroup } from './comparison.ts';
import { counted, grouped, printedDuration, printedRatio, printedSize } from './sentences.ts';

/** The comparison as rows of words, one cell a disk: what the command line prints and the page shows. */
export interface TableRow {
  readonly label: string;
  /** A part of the row above it: the bytes of one group of roles. */
  readonly group: RoleGroup | null;
  readonly cells: readonly string[];
}

/** In place of figures of a disk that did not run the command. */
export const NOT_RUN = 'not run';
export const NO_FIGURE = '–';

/** Rows of one command, or of the total. Always the same rows, so that tables below each other line up. */
export function tableRows({ profile }: Comparison, cells: readonly Cell[]): TableRow[] {
  const row = (
    label: string,
    say: (figures: Figures) => string,
    group: RoleGroup | null = null,
  ): TableRow => ({
    ...{ label, group },
    cells: cells.map((cell) => (cell === null ? NO_FIGURE : say(cell))),
  });
  return [
    { label: 'result', group: null, cells: cells.map(resultOf) },
    row('written', ({ bytes, blocks }) => amount(bytes, blocks)),
    ...ROLE_GROUPS.map((group) =>
      row(
        group,
        ({ bytesByGroup, blocksByGroup }) => amount(bytesByGroup[group], blocksByGroup[group]),
        group,
      ),
    ),
    row('handed over', ({ handedBytes }) => printedSize(handedBytes)),
    row('write amplification', ({ writeAmplification: ratio }) =>
      ratio === null ? NO_FIGURE : printedRatio(ratio),
    ),
    row('writes', ({ writes }) => grouped(writes)),
    row('barriers', ({ barriers }) => grouped(barriers)),
    row('trims', ({ trims, trimmedBytes }) =>
      trims === 0 ? '0' : `${grouped(trims)} (${printedSize(trimmedBytes)})`,
    ),
    row(`time, ${profile.title}`, ({ simulatedNanoseconds }) => printedDuration(simulatedNanoseconds)),
    row('free space', ({ freeBytesChange: change }) =>
      change === 0 ? 'unchanged' : `${change > 0 ? '+' : '−'}${printedSize(Math.abs(change))}`,
    ),
  ];
}

/** Nothing, or bytes and the blocks they are. */
const amount = (bytes: number, blocks: number): string =>
  bytes === 0 ? '0' : `${printedSize(bytes)} (${grouped(blocks)})`;

/** Over the columns: the disk, and how large its blocks are where they are not sectors. */
export const columnTitles = ({ disks }: Comparison): string[] =>
  disks.map(({ title, blockSizeBytes }) =>
    blockSizeBytes === SECTOR_BYTES ? title : `${title} (${printedSize(blockSizeBytes)})`,
  );
const SECTOR_BYTES = 512;

/** 'done', 'ENOTSUP', 'done, ENOTSUP met', '2 failed, ENOSPC'. */
export function resultOf(cell: Cell): string {
  if (cell === null) return NOT_RUN;
  const { error, failures } = cell;
  if (failures === 0) return error === null ? 'done' : `done, ${error.code} met`;
  return `${failures === 1 ? 'failed' : `${grouped(failures)} failed`}${error === null ? '' : `, ${error.code}`}`;
}

export const fileRows = ({ files }: Comparison): TableRow[] =>
  files.map(({ path, cells }) => ({ label: path, group: null, cells: cells.map(fileWords) }));

const PLACES_MAX = 3;

function fileWords(file: ComparedFile | null): string {
  if (file === null) return NO_FIGURE;
  if (file.problem !== null) return file.problem;
  const extents = file.extentCount === 0 ? 'no extents' : counted(file.extentCount, 'extent');
  const first = file.extents.slice(0, PLACES_MAX).map(({ firstBlock }) => grouped(firstBlock));
  const places =
    first.length === 0 ? '' : ` at ${first.join('; ')}${file.extentCount > first.length ? '; …' : ''}`;
  return `${printedSize(file.sizeBytes ?? 0)}, ${extents}${places}`;
}
