import { CNID, VOLUME_BIT } from './layout.ts';
import {
  ATTRIBUTE_KEY_LENGTH_BYTES,
  CATALOG_KEY_LENGTH_BYTES,
  EXTENTS_KEY_LENGTH_BYTES,
} from './layout-catalog.ts';
import { KEY_COMPARE, LARGE_KEY_NODE_SIZE_BYTES_MIN, NODE_SIZE_BYTES_MIN, TREE_BIT } from './layout-tree.ts';
import { Attributes, checkAttributeFlags, closeValue, visitAttribute } from './fsck-attributes.ts';
import { checkBitmap, checkFreeBlocks, makeBitmap } from './fsck-bitmap.ts';
import { Catalog, nameOf, visitCatalogRecord } from './fsck-catalog.ts';
import { CLAIM, Claims } from './fsck-claims.ts';
import { checkOrphanedExtents, claimBadBlocks, Overflow } from './fsck-extents.ts';
import type { ClaimTarget } from './fsck-extents.ts';
import { runsAt, SpecialFile } from './fsck-forks.ts';
import type { HeaderState } from './fsck-header.ts';
import { checkHierarchy, checkThreads } from './fsck-hierarchy.ts';
import { attributeKeys, catalogKeys, extentsKeys } from './fsck-keys.ts';
import { checkDirectoryLinks, checkFileLinks } from './fsck-links.ts';
import { checkTree } from './fsck-map.ts';
import type { Draft } from '../../device/draft.ts';
import { Mover } from './fsck-moving.ts';
import { checkInternalOverlaps, checkOverlaps } from './fsck-overlaps.ts';
import type { Pass, Trees } from './fsck-pass.ts';
import { shown } from './fsck-report.ts';
import type { Report } from './fsck-report.ts';
import { blocksInHeader, checkSpecialSize, claimHeaders, openSpecial, SPECIAL } from './fsck-special.ts';
import { Tree } from './fsck-tree.ts';
import { checkHeaders, checkVolumeInformation } from './fsck-volume.ts';
import type { LeafRecord } from './fsck-walk.ts';

export interface Look {
  readonly pass: Pass;
  readonly name: string;
  /** Special files lie on each other: whatever is written for one is written into the other. */
  readonly mustStop: boolean;
}

/**
 * One look at the whole volume, in fsck_hfs's order. A tree whose structure is broken ends it, as there: what hangs on
 * it could only be judged wrongly.
 */
export function checkOnce(medium: Draft, report: Report, headers: HeaderState): Look {
  const { geometry } = headers;
  const claims = new Claims();
  const overflow = new Overflow();
  const open = (kind: (typeof SPECIAL)[keyof typeof SPECIAL], nodeSizeBytes: number): SpecialFile => {
    const target: ClaimTarget = { claims, overflow, totalBlocks: geometry.totalBlocks, nodeSizeBytes };
    return openSpecial(medium, report, headers, target, kind);
  };
  const nameLine = report.lines.length;
  claimHeaders(
    { claims, overflow, totalBlocks: geometry.totalBlocks, nodeSizeBytes: 512 },
    geometry.blockSizeBytes,
  );

  report.phase('Checking extents overflow file.');
  const mustErase = (headers.attributes & VOLUME_BIT.unusedNodeFix) !== 0;
  const extents = extentsTree(open(SPECIAL.extents, NODE_SIZE_BYTES_MIN));
  checkExtentsTree(report, extents, overflow);
  checkTreeSize(report, headers, SPECIAL.extents, extents);
  const size = extents.nodeSizeBytes;
  const catalogFile = extents.isBroken
    ? noFile(medium, headers, SPECIAL.catalog)
    : open(SPECIAL.catalog, size);
  const catalogTree = makeCatalogTree(catalogFile, headers.isHfsx);
  const hasAttributes = !extents.isBroken && blocksInHeader(headers, SPECIAL.attributes) > 0;
  const trees: Trees = {
    extents,
    catalog: catalogTree,
    attributes: hasAttributes ? attributesTree(open(SPECIAL.attributes, size)) : null,
  };
  const pass: Pass = {
    medium,
    report,
    headers,
    geometry,
    claims,
    trees,
    overflow,
    catalog: new Catalog(),
    bitmap: null,
    taken: [],
    renames: [],
  };
  if (extents.isBroken) {
    for (const kind of Object.values(SPECIAL)) claimInline(pass, kind);
    return { pass, name: '', mustStop: haveOverlap(pass) };
  }
  const bitmap = open(SPECIAL.allocation, size);
  pass.bitmap = bitmap;
  open(SPECIAL.startup, size);
  checkAllocationSize(pass);
  if (haveOverlap(pass)) return { pass, name: '', mustStop: true };
  claimBadBlocks(pass);
  const name = checkContents(pass, bitmap, mustErase, nameLine);
  return { pass, name, mustStop: false };
}

function checkExtentsTree(report: Report, tree: Tree, overflow: Overflow): void {
  const bad: { node: number; keyAt: number }[] = [];
  const visit = (record: LeafRecord): void => {
    if (!overflow.add(record)) bad.push({ node: record.node, keyAt: record.keyAt });
  };
  checkTree(tree, report, visit, false);
  for (const { node, keyAt } of bad) {
    report.add({
      kind: 'extent',
      severity: 'error',
      message: 'Invalid extent entry',
      detail: 'a record of the extents overflow file that is none',
      place: [CNID.extentsFile, node],
      offsetBytes: tree.deviceOffset(node, keyAt),
      repair: () => tree.remove(node, keyAt),
    });
  }
}

function checkContents(pass: Pass, bitmap: SpecialFile, mustErase: boolean, nameLine: number): string {
  const { report, trees, headers } = pass;
  report.phase('Checking catalog file.');
  checkTree(trees.catalog, report, (record) => visitCatalogRecord(pass, record), mustErase);
  checkTreeSize(report, headers, SPECIAL.catalog, trees.catalog);
  const name = sayName(pass, nameLine);
  if (trees.catalog.isBroken) return name;
  const mover = new Mover(pass);
  checkThreads(pass, mover);
  report.phase('Checking multi-linked files.');
  checkFileLinks(pass, mover);
  report.phase('Checking catalog hierarchy.');
  checkHierarchy(pass, mover);
  report.phase('Checking extended attributes file.');
  if (!checkAttributes(pass, mustErase)) return name;
  checkOrphanedExtents(pass);
  const pairs: [number, number][] = [];
  const runs = pass.claims.merge((first, second) => pairs.push([first, second]));
  if (pairs.length > 0) checkOverlaps(pass, pairs, runs);
  else
    for (const tree of [trees.catalog, trees.attributes]) for (const erase of tree?.erasures ?? []) erase();
  checkDirectoryLinks(pass, mover);
  report.phase('Checking volume bitmap.');
  if (isShort(pass)) makeBitmap(pass, runs);
  else checkBitmap(pass, bitmap, runs);
  report.phase('Checking volume information.');
  checkVolumeInformation(pass);
  checkFreeBlocks(pass, runs);
  checkHeaders(pass);
  return name;
}

/** The extents of the volume header itself: all there is while the extents overflow file cannot be read. */
function claimInline(pass: Pass, kind: (typeof SPECIAL)[keyof typeof SPECIAL]): void {
  if (kind.id === CNID.extentsFile) return;
  for (const { start, count } of runsAt(pass.headers.bytes, kind.headerAt + 16, pass.geometry.totalBlocks)) {
    pass.claims.add(start, count, kind.id, CLAIM.special, 0, kind.headerAt);
  }
}

/** Special files that share blocks: no repair may touch either, for it would write into the other. */
function haveOverlap(pass: Pass): boolean {
  const pairs: [number, number][] = [];
  pass.claims.merge((first, second) => pairs.push([first, second]));
  if (pairs.length > 0) checkInternalOverlaps(pass, pairs);
  return pairs.length > 0;
}

/** False when the tree is broken. */
function checkAttributes(pass: Pass, mustErase: boolean): boolean {
  const { trees, report, headers } = pass;
  const state = new Attributes();
  if (trees.attributes) {
    checkTree(trees.attributes, report, (record) => visitAttribute(pass, state, record), mustErase);
    closeValue(pass, state);
    checkTreeSize(report, headers, SPECIAL.attributes, trees.attributes);
    if (trees.attributes.isBroken) return false;
  }
  checkAttributeFlags(pass, state);
  return true;
}

/** fsck_hfs says both before its first phase, as soon as it has the catalog open. */
function sayName(pass: Pass, at: number): string {
  const { catalog, trees, headers, report } = pass;
  const root = catalog.byId.get(CNID.root);
  const name = root === undefined ? 'untitled' : shown(nameOf(pass, root));
  const lines = [`   The volume name is ${name}`];
  if (headers.isHfsx && trees.catalog.header.keyCompareType === KEY_COMPARE.binary) {
    lines.unshift('   Detected a case-sensitive volume.');
  }
  report.lines.splice(at, 0, ...lines);
  return name;
}

const noFile = (medium: Draft, headers: HeaderState, kind: { id: number; name: string }): SpecialFile =>
  new SpecialFile(medium, headers.geometry, kind.id, kind.name, []);

const extentsTree = (file: SpecialFile): Tree =>
  new Tree(file, () => extentsKeys, NODE_SIZE_BYTES_MIN, {
    maxKeyLengthBytes: EXTENTS_KEY_LENGTH_BYTES,
    attributes: TREE_BIT.bigKeys,
    keyCompareType: 0,
  });

const attributesTree = (file: SpecialFile): Tree =>
  new Tree(file, () => attributeKeys, LARGE_KEY_NODE_SIZE_BYTES_MIN, {
    maxKeyLengthBytes: ATTRIBUTE_KEY_LENGTH_BYTES.max,
    attributes: TREE_BIT.bigKeys | TREE_BIT.variableIndexKeys,
    keyCompareType: 0,
  });

const FOLDING_KEYS = catalogKeys(false);
const BINARY_KEYS = catalogKeys(true);

/** On HFSX the header record says how names compare; where it says nothing sensible, as most such volumes do. */
function makeCatalogTree(file: SpecialFile, isHfsx: boolean): Tree {
  const isBinary = (compare: number): boolean => isHfsx && compare !== KEY_COMPARE.folding;
  const found = file.read(0, NODE_SIZE_BYTES_MIN)[14 + 37] ?? 0;
  return new Tree(
    file,
    ({ keyCompareType }) => (isBinary(keyCompareType) ? BINARY_KEYS : FOLDING_KEYS),
    LARGE_KEY_NODE_SIZE_BYTES_MIN,
    {
      maxKeyLengthBytes: CATALOG_KEY_LENGTH_BYTES.max,
      attributes: TREE_BIT.bigKeys | TREE_BIT.variableIndexKeys,
      keyCompareType: isBinary(found) ? KEY_COMPARE.binary : isHfsx ? KEY_COMPARE.folding : found,
    },
  );
}

function checkTreeSize(
  report: Report,
  headers: HeaderState,
  kind: (typeof SPECIAL)[keyof typeof SPECIAL],
  tree: Tree,
): void {
  const whole = tree.totalNodes * tree.nodeSizeBytes;
  checkSpecialSize(report, headers, kind, (size) => size === whole || size === tree.file.sizeBytes, whole);
}

const allocationRoom = (pass: Pass): number =>
  blocksInHeader(pass.headers, SPECIAL.allocation) * pass.geometry.blockSizeBytes;

const isShort = (pass: Pass): boolean => allocationRoom(pass) < Math.ceil(pass.geometry.totalBlocks / 8);

function checkAllocationSize(pass: Pass): void {
  const { headers, geometry, report } = pass;
  if (isShort(pass)) return;
  const needed = Math.ceil(geometry.totalBlocks / 8);
  const room = allocationRoom(pass);
  checkSpecialSize(report, headers, SPECIAL.allocation, (size) => size >= needed && size <= room, room);
}
