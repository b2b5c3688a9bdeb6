import { viewOf } from '../../base/bytes.ts';
import type { ContentHost } from './content-host.ts';
import type { StreamExtent } from './extents.ts';
import { extentOf, seekExtent } from './extents.ts';
import { objectIdAt, RECORD_TYPE, recordTypeAt } from './layout-catalog.ts';
import { EXTENT_KIND } from './layout-extents.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import type { Reference } from './references.ts';
import { referenceBehind } from './references.ts';

/** A run of blocks as one stream holds it. */
export interface Holder {
  readonly firstBlock: number;
  readonly endBlock: number;
  readonly streamId: number;
  /** Where in the stream the run begins. */
  readonly offsetBytes: number;
  readonly cryptoId: number;
}

/**
 * Which streams of the live volume hold blocks from `block` on, in the order of blocks. An extent reference names the
 * stream that allocated a run; where that is not the only one that holds it, or is gone, the whole catalog is read. EIO.
 */
export function holdersBehind(host: ContentHost, block: number): Holder[] {
  const records: Reference[] = [];
  for (let at = block; ;) {
    const record = referenceBehind(host.references, at);
    if (record === undefined) break;
    records.push(record);
    at = record.endBlock;
  }
  const found = ofOwners(host, block, records) ?? ofAll(host, block);
  return found.sort((a, b) => a.firstBlock - b.firstBlock);
}

/** Null: the owners alone do not account for all. */
function ofOwners(host: ContentHost, block: number, records: readonly Reference[]): Holder[] | null {
  if (records.some(({ kind, count }) => kind !== EXTENT_KIND.new || count !== 1)) return null;
  const owners = new Set(records.map(({ ownerLow, ownerHigh }) => ownerHigh * 2 ** 32 + ownerLow));
  const holders: Holder[] = [];
  for (const streamId of owners) {
    for (const cursor = seekExtent(host.catalog, streamId, 0); ; cursor.next()) {
      const extent = extentOf(cursor, streamId);
      if (extent === undefined) break;
      add(holders, extent, streamId, block);
    }
  }
  const blocksOf = (sum: number, run: { readonly firstBlock: number; readonly endBlock: number }): number =>
    sum + run.endBlock - Math.max(run.firstBlock, block);
  return holders.reduce(blocksOf, 0) === records.reduce(blocksOf, 0) ? holders : null;
}

function ofAll(host: ContentHost, block: number): Holder[] {
  const holders: Holder[] = [];
  for (const cursor = host.catalog.seek(new Uint8Array(8)); cursor.isValid; cursor.next()) {
    const view = viewOf(cursor.key);
    if (recordTypeAt(view, 0) !== RECORD_TYPE.fileExtent) continue;
    const streamId = objectIdAt(view, 0);
    const extent = extentOf(cursor, streamId);
    if (extent !== undefined) add(holders, extent, streamId, block);
  }
  return holders;
}

function add(holders: Holder[], extent: StreamExtent, streamId: number, block: number): void {
  const { firstBlock, lengthBytes, offsetBytes, cryptoId } = extent;
  const endBlock = firstBlock + lengthBytes / BLOCK_SIZE_BYTES;
  if (firstBlock === 0 || endBlock <= block) return;
  holders.push({ firstBlock, endBlock, streamId, offsetBytes, cryptoId });
}
