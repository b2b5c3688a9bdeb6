import { HASH_DIGITS } from '../storage/link.ts';
import type { SharedBench, SharedPanes } from '../storage/link.ts';
import type { Bench } from './bench.svelte.ts';
import { scriptOf } from './bench-script.ts';
import type { Column } from './column.svelte.ts';
import { TABS } from './inspection.svelte.ts';
import type { Tab } from './inspection.svelte.ts';

/** Fingerprints read all that is used: of more than this they would take too long to wait for. */
const HASHED_BYTES_MAX = 2 ** 28;

/** The bench as a link says it; a sentence where no link can. */
export async function sharedOf(bench: Bench): Promise<SharedBench | string> {
  const { columns, history, column } = bench;
  const origins = columns.flatMap(({ disk }) => disk.origin ?? []);
  if (origins.some(({ kind }) => kind === 'image')) return 'a link cannot carry an image file';
  const way = history.path.slice(0, history.index).map((number) => history.step(number));
  if (way.some((step) => [...(step?.taken.values() ?? [])].some(({ isInterrupted }) => isInterrupted)))
    return 'a line that Ctrl-C ended cannot be run again to the same point';
  const { lines, shown, numbers } = scriptOf(history, columns);
  const lineAt = new Map([0, ...numbers.slice(0, shown)].map((number, line) => [number, line]));
  const { tab, block, path } = column.inspection;
  return {
    disks: origins.flatMap((origin) => (origin.kind === 'new' ? origin.request : [])),
    lines: lines.slice(0, shown),
    write: history.now.write ?? null,
    panes: { disk: columns.indexOf(column), tab, block, path },
    hashes: await Promise.all(columns.map(hashOf)),
    bookmarks: bench.bookmarks.list.flatMap(({ name, moment: { number, write = null } }) => {
      const line = lineAt.get(number);
      return line === undefined ? [] : { name, line, write };
    }),
  };
}

async function hashOf({ disk }: Column): Promise<string> {
  const { volume } = disk.view ?? {};
  const usedBytes = volume == null ? 0 : volume.totalBytes - volume.freeBytes;
  if (usedBytes > HASHED_BYTES_MAX) return '';
  return (await disk.api.imageHash()).slice(0, HASH_DIGITS);
}

/** The disks of the bench that hold other bytes than the link says. */
export async function othersThan(bench: Bench, hashes: readonly string[]): Promise<Column[]> {
  const now = await Promise.all(
    bench.columns.map((column, at) => (hashes[at] ? hashOf(column) : Promise.resolve(''))),
  );
  return bench.columns.filter((_, at) => hashes[at] !== undefined && hashes[at] !== now[at]);
}

/** Open the panes that were open. */
export function showPanes(bench: Bench, panes: Omit<SharedPanes, 'disk'>, column: Column | undefined): void {
  if (column === undefined) return;
  bench.select(column);
  const { inspection, disk } = column;
  const tab = TABS.find((known): known is Tab & (typeof TABS)[number] => known === panes.tab);
  if (tab !== undefined) inspection.tab = tab;
  if (panes.block !== null && panes.block < (disk.view?.blockCount ?? 0)) inspection.selectBlock(panes.block);
  else if (panes.path !== null) inspection.selectFile(panes.path);
}
