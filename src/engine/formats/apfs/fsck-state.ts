import { VOLUME_INCOMPATIBLE } from './layout-volume.ts';
import { visitRecord } from './fsck-catalog.ts';
import type { Check } from './fsck-check.ts';
import { checkCounters, checkIds, tellCounter } from './fsck-counters.ts';
import { checkCryptoStates } from './fsck-crypto.ts';
import { checkHierarchy, connectLinks } from './fsck-directories.ts';
import { markContents, ReferenceJudge, ReferenceReader } from './fsck-extents.ts';
import { cloneFlagsFrom } from './fsck-header.ts';
import type { Superblock } from './fsck-header.ts';
import { checkInodes } from './fsck-inodes.ts';
import { TREE_KINDS } from './fsck-kinds.ts';
import type { TreeKind } from './fsck-kinds.ts';
import { checkSiblings } from './fsck-links.ts';
import { isIntact } from './fsck-object.ts';
import type { ObjectMap } from './fsck-omap.ts';
import { ReferenceMap, ReferenceRecords } from './fsck-references.ts';
import type { FindingKind, ReferencePlan, Remedy } from './fsck-report.ts';
import { checkFileExtents, checkIntegrity } from './fsck-seal.ts';
import { planSiblings } from './fsck-siblings.ts';
import { checkStatistics } from './fsck-statistics.ts';
import { checkStreams, heldExtents } from './fsck-streams.ts';
import { physicalNodes, readTree } from './fsck-tree.ts';
import { View } from './fsck-view.ts';
import type { ViewFacts } from './fsck-view.ts';
import { wantedReferences } from './fsck-wanted.ts';

/** What the states of one volume share, from the oldest snapshot to the live one. */
export class VolumePass {
  /** Runs of blocks of all extent reference trees read so far; of one that will be made anew, what it will say. */
  runs = new ReferenceMap();
  /** Catalog nodes that several states have. */
  readonly verified = new Set<number>();
  /** Blocks that count as the volume's, besides those of the object map. */
  ownBlocks = 0;
  /** Something could not be read: what is missing is no finding. */
  isBroken = false;
  /** Blocks that a state holds are covered by none of its extent reference trees. */
  hasGap = false;
  /** Why references of a snapshot are left as they are has been said. */
  isReferenceFaultTold = false;
  /** Index in the report of the first problem that may be this volume's. */
  readonly firstProblem: number;
  /** Its catalog is encrypted: nothing in it can be said. */
  isLocked = false;
  /** Inode numbers of snapshots. */
  readonly snapshotInodes = new Map<number, string>();

  constructor(
    readonly check: Check,
    readonly index: number,
    readonly omap: ObjectMap,
  ) {
    this.firstProblem = check.report.problems.length;
  }

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
  checkReferences(pass, state, view, isWhole);
  for (const id of superblock.isSnapshot ? [] : pass.snapshotInodes.keys()) view.useId(id);
  planSiblings(view, Math.max(superblock.fields.nextObjectId, view.largestId + 1));
  if (view.largestId >= superblock.fields.nextObjectId) {
    tellCounter(view, superblock, 'nextObjectId', view.largestId + 1);
  }
}

/** The tree of extent references against the extents of the catalog. */
function checkReferences(pass: VolumePass, state: State, view: View, isWhole: boolean): void {
  const { check, index } = pass;
  const { report } = check;
  const { block: superblockBlock, isSnapshot } = state.superblock;
  const obstacle = isWhole ? obstacleOf(pass, view) : 'the fsroot tree cannot be read';
  const snapshotXid = isSnapshot ? state.xid : null;
  const plan: ReferencePlan | null =
    obstacle === null ? { volume: index, snapshotXid, nodes: [], wanted: [] } : null;
  const remedy: Remedy | undefined = plan ? { action: 'references', plan } : undefined;
  const errors = report.errors;
  // A live volume's next id follows from what is there; that of a snapshot stands.
  const ownersEnd = isSnapshot ? state.superblock.fields.nextObjectId : Infinity;
  const reader = new ReferenceReader(check, state.owner, index, ownersEnd, remedy);
  const nodes: number[] = [];
  const tree = readTree(
    check,
    {
      kind: TREE_KINDS.extentReferences,
      root: state.referencesBlock,
      resolve: (block) => {
        const located = pass.nodes(block);
        if (located) nodes.push(block);
        return located;
      },
      owner: `${state.owner} `,
      ...(remedy && { remedy }),
    },
    (record) => reader.visit(record),
  );
  pass.ownBlocks += nodes.length;
  if (tree.isBroken && !plan) loseSight(pass);
  view.useId(reader.largestId);
  const judge = new ReferenceJudge(check, state.owner, superblockBlock, remedy);
  const older = pass.runs.copy();
  if (!pass.isBroken) pass.runs.apply(reader.records, judge);
  const held = isWhole && !pass.isBroken ? heldExtents(view) : null;
  if (held) pass.runs.compare(held, judge);
  if (plan && held && report.errors > errors) {
    plan.nodes = nodes;
    plan.wanted = wantedReferences(view, older, reader.records, held);
    const mended = new ReferenceRecords();
    for (const { firstBlock, blockCount, count, isUpdate } of plan.wanted) {
      mended.add(firstBlock, blockCount, count, isUpdate, state.referencesBlock);
      if (!isUpdate && markContents(check, index, firstBlock, blockCount)) pass.ownBlocks += blockCount;
    }
    // Newer states are judged by what this tree will say.
    older.apply(mended, NOBODY);
    pass.runs = older;
    return;
  }
  pass.ownBlocks += reader.markNew();
  keepUncovered(pass, judge);
  if (report.errors === errors || (isSnapshot && pass.isReferenceFaultTold)) return;
  report.line(`${capital(state.owner)}: its extent references are left as they are: ${obstacle}.`);
  // Newer states repeat what is wrong in a snapshot.
  pass.isReferenceFaultTold ||= isSnapshot;
}

/** Why the extent references cannot be made anew, or null. */
function obstacleOf(pass: VolumePass, view: View): string | null {
  if (pass.isBroken) return 'an older tree, or the object map, cannot be read';
  if (pass.hasGap) return 'blocks of a snapshot have none; delete the snapshot, then check again';
  if (view.facts.isSealed || view.facts.isEncrypted) return 'the volume is sealed or encrypted';
  const doubt = pass.check.report.problems
    .slice(pass.firstProblem)
    .find(({ kind, severity, remedy }) => severity === 'error' && !remedy && DOUBTS.has(kind));
  return doubt ? `the fsroot tree, from which they follow, is doubtful (${doubt.message})` : null;
}

/** Errors after which it is not sure which blocks files hold. */
const DOUBTS: ReadonlySet<FindingKind> = new Set([
  'extent',
  'dstream',
  'xattr',
  'tree',
  'checksum',
  'omap',
  'unreadable',
]);

/** What is held is in use, whether a record says so or not: nobody else may be given it. Told once for all states. */
function keepUncovered(pass: VolumePass, { uncovered }: ReferenceJudge): void {
  const { check, index } = pass;
  for (let i = 0; i < uncovered.first.length; i++) {
    const blockCount = uncovered.end.at(i) - uncovered.first.at(i);
    if (markContents(check, index, uncovered.first.at(i), blockCount)) pass.ownBlocks += blockCount;
  }
  if (uncovered.first.length === 0) return;
  pass.hasGap = true;
  pass.runs.apply(uncovered, NOBODY);
}

const NOBODY = { overlap: () => undefined, missing: () => undefined };

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

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
