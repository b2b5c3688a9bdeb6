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

type Column = { readonly cell: Cell; readonly blockSizeBytes: number };

/** Rows of one command, or of the total. Always the same rows, so that tables below each other line up. */
export function tableRows({ disks, profile }: Comparison, cells: readonly Cell[]): TableRow[] {
  const columns = disks.map(({ blockSizeBytes }, at): Column => ({
    cell: cells[at] ?? null,
    blockSizeBytes,
  }));
  const row = (
    label: string,
    say: (figures: Figures, blockSizeBytes: number) => string,
    group: RoleGroup | null = null,
  ): TableRow => ({
    ...{ label, group },
    cells: columns.map(({ cell, blockSizeBytes }) => (cell === null ? NO_FIGURE : say(cell, blockSizeBytes))),
  });
  return [
    { label: 'result', group: null, cells: columns.map(({ cell }) => resultOf(cell)) },
    row('written', ({ bytes, blocks }, size) => amount(bytes, blocks, size)),
    ...ROLE_GROUPS.map((group) =>
      row(
        group,
        ({ bytesByGroup, blocksByGroup }, size) => amount(bytesByGroup[group], blocksByGroup[group], size),
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

/** Nothing, or bytes and the blocks they are; a block that is not the disk's sector says its size. */
const amount = (bytes: number, blocks: number, blockSizeBytes: number): string =>
  bytes === 0
    ? '0'
    : `${printedSize(bytes)} (${grouped(blocks)}${blockSizeBytes === SECTOR_BYTES ? '' : ` × ${printedSize(blockSizeBytes)}`})`;
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
