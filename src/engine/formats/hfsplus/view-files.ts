import { EXTENT_SIZE_BYTES, EXTENTS_PER_RECORD, FORK_SIZE_BYTES } from './layout.ts';
import { ATTRIBUTE_RECORD, AttributeKey, FORK_TYPE, RECORD_TYPE, storedUnits } from './layout-catalog.ts';
import type { Place, ViewNode, ViewTree } from './view-tree.ts';

/**
 * Which file holds which blocks: one pass over the leaves of the three trees, in the order found. Numbers are read in
 * place, names only when somebody asks, for twenty thousand files go by here whenever one block is looked at.
 */
export interface FileRun {
  readonly startBlock: number;
  readonly blockCount: number;
  /** Blocks of the fork before this run. */
  readonly forkBlock: number;
  readonly owner: RunOwner;
}

export type ForkKind = 'data' | 'resource' | 'attribute' | 'bad';

export interface RunOwner {
  readonly fileId: number;
  readonly kind: ForkKind;
  /** Of an attribute. */
  readonly name: string;
  /** Its record in the catalog, where that was at hand. */
  readonly place?: Place;
  /** Logical size of the fork; −1 where the record at hand does not say (extents beyond the first eight). */
  readonly sizeBytes: number;
}

/** Offsets within a file's record. */
const FORKS: readonly { readonly at: number; readonly kind: ForkKind }[] = [
  { at: 88, kind: 'data' },
  { at: 168, kind: 'resource' },
];
const FILE_RECORD_SIZE_BYTES = 248;

export type RunVisitor = (run: FileRun) => void;

/** `mayHold`: a cheap look at start and length before anything is made of them. */
export type RunFilter = (startBlock: number, blockCount: number) => boolean;

export function visitCatalog(catalog: ViewTree, mayHold: RunFilter, visit: RunVisitor): void {
  for (const node of catalog.leaves()) {
    const { view } = node;
    let to = node.offset(0);
    for (let i = 0; i < node.count; i++) {
      const from = to;
      to = node.offset(i + 1);
      const at = from + node.keyLengthBytes(from, to);
      if (at + FILE_RECORD_SIZE_BYTES > to || view.getUint16(at) !== RECORD_TYPE.file) continue;
      for (const { at: forkAt, kind } of FORKS) {
        const fork = at + forkAt;
        if (view.getUint32(fork + 12) === 0) continue;
        const fileId = view.getUint32(at + 8);
        visitFork(view, fork, { fileId, kind, name: '', place: { node, record: i } }, mayHold, visit);
      }
    }
  }
}

function visitFork(
  view: DataView,
  fork: number,
  owner: Omit<RunOwner, 'sizeBytes'>,
  mayHold: RunFilter,
  visit: RunVisitor,
): void {
  const sizeBytes = view.getUint32(fork) * 2 ** 32 + view.getUint32(fork + 4);
  visitExtents(view, fork + 16, 0, () => ({ ...owner, sizeBytes }), mayHold, visit);
}

function visitExtents(
  view: DataView,
  at: number,
  forkBlock: number,
  ownerOf: () => RunOwner,
  mayHold: RunFilter,
  visit: RunVisitor,
): void {
  let owner: RunOwner | null = null;
  let before = forkBlock;
  for (let i = 0; i < EXTENTS_PER_RECORD; i++) {
    const startBlock = view.getUint32(at + i * EXTENT_SIZE_BYTES);
    const blockCount = view.getUint32(at + i * EXTENT_SIZE_BYTES + 4);
    if (blockCount === 0) return;
    if (mayHold(startBlock, blockCount)) {
      owner ??= ownerOf();
      visit({ startBlock, blockCount, forkBlock: before, owner });
    }
    before += blockCount;
  }
}

export function visitOverflow(extents: ViewTree, mayHold: RunFilter, visit: RunVisitor): void {
  for (const node of extents.leaves()) {
    for (let i = 0; i < node.count; i++) {
      const record = overflowRecord(node, i);
      if (!record) continue;
      const { fileId, kind, startBlock, dataAt } = record;
      visitExtents(
        node.view,
        dataAt,
        startBlock,
        () => ({ fileId, kind, name: '', sizeBytes: -1 }),
        mayHold,
        visit,
      );
    }
  }
}

/** Of a record of the extents overflow tree: whose it is and where its eight extents stand. */
export function overflowRecord(
  node: ViewNode,
  index: number,
): { fileId: number; kind: ForkKind; startBlock: number; dataAt: number } | null {
  const { from, to } = node.span(index);
  const dataAt = node.keyEnd(index);
  if (dataAt - from < 12 || dataAt + EXTENTS_PER_RECORD * EXTENT_SIZE_BYTES > to) return null;
  const { view } = node;
  const fileId = view.getUint32(from + 4);
  const isResource = view.getUint8(from + 2) === FORK_TYPE.resource;
  const kind = fileId === BAD_BLOCKS_ID ? 'bad' : isResource ? 'resource' : 'data';
  return { fileId, kind, startBlock: view.getUint32(from + 8), dataAt };
}

const BAD_BLOCKS_ID = 5;

export function visitAttributes(attributes: ViewTree, mayHold: RunFilter, visit: RunVisitor): void {
  for (const node of attributes.leaves()) {
    const { view } = node;
    for (let i = 0; i < node.count; i++) {
      const at = node.keyEnd(i);
      const { to } = node.span(i);
      if (at + 4 > to) continue;
      const type = view.getUint32(at);
      if (type === ATTRIBUTE_RECORD.fork && at + 8 + FORK_SIZE_BYTES <= to) {
        const owner = { fileId: node.idOf(i), kind: 'attribute', name: attributeName(node, i) } as const;
        visitFork(view, at + 8, owner, mayHold, visit);
      } else if (type === ATTRIBUTE_RECORD.extents && at + 72 <= to) {
        const { startBlock } = AttributeKey.peek(node.bytes, node.span(i).from);
        const ownerOf = (): RunOwner => ({
          fileId: node.idOf(i),
          kind: 'attribute',
          name: attributeName(node, i),
          sizeBytes: -1,
        });
        visitExtents(view, at + 8, startBlock, ownerOf, mayHold, visit);
      }
    }
  }
}

export function attributeName(node: ViewNode, index: number): string {
  const { from } = node.span(index);
  const key = node.bytes.subarray(0, node.keyEnd(index));
  return storedUnits(key, from + AttributeKey.sizeBytes, AttributeKey.peek(key, from).nameUnits);
}

/** Runs that overlap nothing, ascending. Of two that claim a block the one that begins first keeps it. */
export function sortedRuns(runs: readonly FileRun[], totalBlocks: number): FileRun[] {
  const sorted: FileRun[] = [];
  let free = 0;
  for (const run of [...runs].sort((a, b) => a.startBlock - b.startBlock)) {
    const start = Math.max(run.startBlock, free);
    const end = Math.min(run.startBlock + run.blockCount, totalBlocks);
    if (end <= start) continue;
    const { owner } = run;
    const forkBlock = run.forkBlock + start - run.startBlock;
    sorted.push(
      start === run.startBlock && end - start === run.blockCount
        ? run
        : { startBlock: start, blockCount: end - start, forkBlock, owner },
    );
    free = end;
  }
  return sorted;
}

/** As sortedRuns would answer for one block, without sorting. */
export function runHolding(
  block: number,
  visitAll: (mayHold: RunFilter, visit: RunVisitor) => void,
): FileRun | undefined {
  let found: FileRun | undefined;
  visitAll(
    (start, length) => block >= start && block < start + length,
    (run) => {
      if (!found || run.startBlock < found.startBlock) found = run;
    },
  );
  return found;
}
