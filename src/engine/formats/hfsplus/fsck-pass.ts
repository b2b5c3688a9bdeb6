import type { Geometry } from './layout.ts';
import { CNID, VolumeHeader } from './layout.ts';
import type { Catalog } from './fsck-catalog.ts';
import type { Claims } from './fsck-claims.ts';
import type { Overflow } from './fsck-extents.ts';
import type { SpecialFile } from './fsck-forks.ts';
import type { HeaderState } from './fsck-header.ts';
import type { Draft } from '../../device/draft.ts';
import type { Report } from './fsck-report.ts';
import type { Tree } from './fsck-tree.ts';

/** Everything that one look at the volume gathers; the next pass begins with a new one. */
export interface Pass {
  readonly medium: Draft;
  readonly report: Report;
  readonly headers: HeaderState;
  readonly geometry: Geometry;
  readonly claims: Claims;
  readonly trees: Trees;
  readonly overflow: Overflow;
  readonly catalog: Catalog;
  /** The allocation file, once it is open. */
  bitmap: SpecialFile | null;
  /** Blocks that repairs of this pass have taken: free on the disk still, promised to somebody. */
  readonly taken: { start: number; count: number }[];
  /** Items whose names have to change, by row of the catalog's objects. */
  readonly renames: { row: number; name: string }[];
}

export interface Trees {
  readonly extents: Tree;
  readonly catalog: Tree;
  /** Null on a volume without extended attributes. */
  readonly attributes: Tree | null;
}

/** In whose bytes an extent stands: 0 is the volume header, else the catalog node id of a tree. */
export function slotFileOf(trees: Trees, slotFile: number): Tree | null {
  if (slotFile === CNID.extentsFile) return trees.extents;
  if (slotFile === CNID.catalogFile) return trees.catalog;
  return slotFile === CNID.attributesFile ? trees.attributes : null;
}

/** Change bytes of a record, wherever it stands. */
export function patchSlot(pass: Pass, slotFile: number, at: number, bytes: Uint8Array, reason: string): void {
  const tree = slotFileOf(pass.trees, slotFile);
  if (tree) tree.patch(Math.floor(at / tree.nodeSizeBytes), at % tree.nodeSizeBytes, bytes, reason);
  else pass.headers.patch(at, bytes, reason);
}

export function slotOffset(pass: Pass, slotFile: number, at: number): number {
  const tree = slotFileOf(pass.trees, slotFile);
  return tree ? tree.file.deviceOffset(at) : pass.geometry.headerOffsetBytes + at;
}

/** A catalog node id that nobody uses, for what a repair makes. */
export function newId(pass: Pass): number {
  const at = VolumeHeader.fields.nextCatalogId.at;
  const id = Math.max(pass.headers.u32(at), pass.catalog.maxId + 1, CNID.firstUser);
  pass.catalog.maxId = id;
  pass.headers.set(at, id + 1, 'an item made by the repair took this catalog node id');
  return id;
}
