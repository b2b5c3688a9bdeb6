import type { MapView } from '../../rpc/protocol.ts';
import { ROLES } from '../../rpc/protocol.ts';
import { blocksOfCell } from './grid.ts';
import type { Grid } from './grid.ts';
import { sampleOf } from './paint-map.ts';
import { lookOf } from './roles.ts';
import { blocksInWords, plural, visible } from './words.ts';

/** A cell of the map in words: 'block 57, file data, end of chain, /a.txt, shared by 2, written by this step'. */
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
  const end = view.chainEnds[at] !== 1 ? '' : blocks.blockCount > 1 ? 'a chain ends here' : 'end of chain';
  const parts = [place, lookOf(role).label, end, visible(owner), sharedInWords(view.holders[at] ?? 0), share];
  parts.push(ageInWords(view.age[at] ?? 255));
  return parts.filter((part) => part !== '').join(', ');
}

const sharedInWords = (holders: number): string =>
  holders < 2 ? '' : `shared by ${holders === 255 ? 'many' : holders}`;

function ageInWords(age: number): string {
  if (age === 255) return '';
  return age === 0 ? 'written by this step' : `written ${plural(age, 'step')} ago`;
}
