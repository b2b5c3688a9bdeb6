import { VOLUME_INCOMPATIBLE } from './layout-volume.ts';
import { visitRecord } from './fsck-catalog.ts';
import type { Check } from './fsck-check.ts';
import { checkCounters, checkIds, tellCounter } from './fsck-counters.ts';
import { checkCryptoStates } from './fsck-crypto.ts';
import { checkHierarchy, connectLinks } from './fsck-directories.ts';
import { ReferenceJudge, ReferenceReader } from './fsck-extents.ts';
import { cloneFlagsFrom } from './fsck-header.ts';
import type { Superblock } from './fsck-header.ts';
import { checkInodes } from './fsck-inodes.ts';
import { TREE_KINDS } from './fsck-kinds.ts';
import type { TreeKind } from './fsck-kinds.ts';
import { checkSiblings } from './fsck-links.ts';
import { isIntact } from './fsck-object.ts';
import type { ObjectMap } from './fsck-omap.ts';
import { ReferenceMap } from './fsck-references.ts';
import { checkFileExtents, checkIntegrity } from './fsck-seal.ts';
import { checkStatistics } from './fsck-statistics.ts';
import { checkStreams, heldExtents } from './fsck-streams.ts';
import { physicalNodes, readTree } from './fsck-tree.ts';
import { View } from './fsck-view.ts';
import type { ViewFacts } from './fsck-view.ts';

/** What the states of one volume share, from the oldest snapshot to the live one. */
export class VolumePass {
  /** Runs of blocks of all extent reference trees read so far. */
  readonly runs = new ReferenceMap();
  /** Catalog nodes that several states have. */
  readonly verified = new Set<number>();
  /** Blocks that count as the volume's, besides those of the object map. */
  ownBlocks = 0;
  /** Something could not be read: what is missing is no finding. */
  isBroken = false;
  /** Its catalog is encrypted: nothing in it can be said. */
  isLocked = false;
  /** Inode numbers of snapshots. */
  readonly snapshotInodes = new Map<number, string>();

  constructor(
    readonly check: Check,
    readonly index: number,
    readonly omap: ObjectMap,
  ) {}

  /** In messages. */
  get owner(): string {
    return `volume ${this.index}`;
  }

  /** Resolver of physical trees. */
  get nodes(): ReturnType<typeof physicalNodes> {
    return physicalNodes(this.check, 'trees of volume', this.index);
  }
}

export interface State {
  readonly superblock: Superblock;
  readonly xid: number;
  readonly referencesBlock: number;
  /** 'volume 0', 'volume 0, snapshot daily' */
  readonly owner: string;
}

/** One state of the volume. Older ones must have been checked before: their extents are part of this one's. */
export function checkState(
  pass: VolumePass,
  state: State,
  catalogPhase: () => void,
  referencesPhase: () => void,
): void {
  const { check, omap } = pass;
  const { superblock, xid } = state;
  omap.openView(xid);
  const view = new View(check, factsOf(pass, superblock));
  catalogPhase();
  const isWhole = readCatalog(pass, state, view);
  if (isWhole) checkCatalog(pass, state, view);
  referencesPhase();
  const reader = new ReferenceReader(check, state.owner, pass.index);
  const references = readTree(
    check,
    {
      kind: TREE_KINDS.extentReferences,
      root: state.referencesBlock,
      resolve: pass.nodes,
      owner: `${state.owner} `,
    },
    (record) => reader.visit(record),
  );
  pass.ownBlocks += references.nodeCount + reader.newBlocks;
  if (references.isBroken) loseSight(pass);
  const judge = new ReferenceJudge(check, state.owner, superblock.block);
  if (!pass.isBroken) pass.runs.apply(reader.records, judge);
  if (isWhole && !pass.isBroken) pass.runs.compare(heldExtents(view), judge);
  view.useId(reader.largestId);
  for (const id of superblock.isSnapshot ? [] : pass.snapshotInodes.keys()) view.useId(id);
  if (view.largestId >= superblock.fields.nextObjectId) {
    tellCounter(view, superblock, 'nextObjectId', view.largestId + 1);
  }
}

/** What cannot be read may use blocks: none may be called leaked, and no number can be recounted. */
function loseSight(pass: VolumePass): void {
  pass.isBroken = true;
  pass.check.isUsageUnknown = true;
}

function factsOf(pass: VolumePass, superblock: Superblock): ViewFacts {
  const features = superblock.fields.incompatibleFeatures;
  const has = (bit: number): boolean => (features & bit) !== 0;
  return {
    volume: superblock.isSnapshot ? null : pass.index,
    isHashed: has(VOLUME_INCOMPATIBLE.caseInsensitive) || has(VOLUME_INCOMPATIBLE.normalizationInsensitive),
    isCaseInsensitive: has(VOLUME_INCOMPATIBLE.caseInsensitive),
    isSealed: has(VOLUME_INCOMPATIBLE.sealed),
    isEncrypted: superblock.isEncrypted,
    hasPreallocationFlag: has(VOLUME_INCOMPATIBLE.preallocationFlag),
    cloneFlagsFrom: cloneFlagsFrom(superblock),
  };
}

/** False when nothing can be concluded from what is missing in it. */
function readCatalog(pass: VolumePass, state: State, view: View): boolean {
  const { check, omap } = pass;
  const { superblock, xid } = state;
  const { isSealed } = view.facts;
  const root = superblock.fields.catalogOid;
  const block = omap.peek(root, xid);
  if (superblock.isEncrypted && block !== null && check.isInside(block, 1) && !isIntact(check.read(block))) {
    pass.isLocked = true;
    return false;
  }
  if (isSealed) checkIntegrity(pass, state);
  let isBroken = isSealed && checkFileExtents(pass, state, view);
  const tree = readTree(
    check,
    {
      kind: catalogKind(view),
      root,
      resolve: (oid) => omap.locate(oid, isSealed),
      owner: `${state.owner} `,
      xidMax: xid,
      isEncrypted: superblock.isEncrypted,
      verified: pass.verified,
    },
    (record) => visitRecord(view, record),
  );
  isBroken ||= tree.isBroken;
  if (isBroken) loseSight(pass);
  return !isBroken;
}

function catalogKind(view: View): TreeKind {
  const { isHashed, isSealed } = view.facts;
  if (isSealed) return isHashed ? TREE_KINDS.sealedCatalog : TREE_KINDS.sealedPlainCatalog;
  return isHashed ? TREE_KINDS.hashedCatalog : TREE_KINDS.plainCatalog;
}

/** What its records say of each other. */
function checkCatalog(pass: VolumePass, { superblock }: State, view: View): void {
  connectLinks(view);
  checkHierarchy(view, superblock.block);
  checkSiblings(view);
  checkInodes(view);
  checkStreams(view);
  checkStatistics(view);
  checkCryptoStates(view);
  checkIds(view, pass.snapshotInodes);
  checkCounters(view, superblock);
}
