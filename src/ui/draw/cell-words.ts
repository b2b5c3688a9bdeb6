import type { MapView } from '../../rpc/protocol.ts';
import { ROLES } from '../../rpc/protocol.ts';
import { blocksOfCell } from './grid.ts';
import type { Grid } from './grid.ts';
import { sampleOf } from './paint-map.ts';
import { lookOf } from './roles.ts';
import { blocksInWords, visible } from './words.ts';

/** A cell of the map in words: 'blocks 57 to 64, file data, /a.txt, written by this step'. */
export function cellInWords(grid: Grid, view: MapView | null, cell: number): string {
  const blocks = blocksOfCell(grid, cell);
  if (blocks === null) return 'beyond the end of the disk';
  const place = blocksInWords(blocks.firstBlock, blocks.blockCount);
  const at = view === null ? -1 : sampleOf(grid, view, cell);
  if (view === null || at < 0) return place;

  const role = ROLES[view.roles[at] ?? 0] ?? 'free';
  const owner = view.owners[view.owner[at] ?? 0] ?? '';
  const fill = view.fill[at] ?? 0;
  const share =
    role !== 'free' && fill < 255 ? `${Math.max(1, Math.round((fill / 255) * 100))} % in use` : '';
  const parts = [place, lookOf(role).label, visible(owner), share];
  if (view.written[at] === 1) parts.push('written by this step');
  return parts.filter((part) => part !== '').join(', ');
}
