/**
 * What a format draws of its own: rings, strips, layers, trees and entry sets as plain data, so that pages and reports can
 * show them without knowing the format. Bounded: a diagram has a few hundred parts at most, however large the volume is.
 */
export type DiagramKind = 'ring' | 'strip' | 'layers' | 'tree' | 'sets';

/** `now`: what counts. `kept`: older, still whole. `old`: on its way out. `broken`: cannot be used. */
export type DiagramTone = 'now' | 'kept' | 'old' | 'broken';

export interface DiagramPart {
  /** The same part has the same key at every moment. */
  readonly key: string;
  readonly title: string;
  readonly text: string;
  readonly tone: DiagramTone;
  /** Where it lies in the ring, strip or row: shares 0 … 1; beyond 1 a ring goes on at its beginning. */
  readonly from: number;
  readonly to: number;
  /** How full it is, 0 … 1. */
  readonly fill: number;
  /** Of a tree: 0 is the root's. Of sets: all parts of one stand in one row. */
  readonly row: number;
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
}

export interface Diagram {
  readonly id: string;
  readonly kind: DiagramKind;
  readonly title: string;
  readonly text: string;
  /** Places that have a name: 'start' and 'end' of a ring. Shares 0 … 1. */
  readonly marks: readonly { readonly name: string; readonly at: number }[];
  readonly parts: readonly DiagramPart[];
}

/** Pieces of a strip. */
export const STRIP_PIECES = 64;
/** Nodes of one level of a tree that are drawn. */
export const LEVEL_NODES = 48;

/** Counts used units in equal pieces of 0 … total. Runs: [first, end). Cost follows the runs and the pieces. */
export function fillOf(total: number, runs: Iterable<readonly [first: number, end: number]>): number[] {
  const piece = Math.max(1, Math.ceil(total / STRIP_PIECES));
  const used = new Array<number>(Math.ceil(total / piece)).fill(0);
  for (const [first, end] of runs) {
    for (let at = first; at < Math.min(end, total);) {
      const index = Math.floor(at / piece);
      const next = Math.min((index + 1) * piece, end, total);
      used[index] = (used[index] ?? 0) + next - at;
      at = next;
    }
  }
  return used.map((count, index) => count / Math.min(piece, total - index * piece));
}

/** A strip from such counts; `whereOf` says where the record of units `first` to `end` lies. */
export function stripOf(
  head: Pick<Diagram, 'id' | 'title' | 'text'>,
  strip: {
    readonly total: number;
    readonly unit: string;
    readonly firstNumber: number;
    readonly runs: Iterable<readonly [number, number]>;
    whereOf(first: number, end: number): Pick<DiagramPart, 'deviceOffsetBytes' | 'lengthBytes'>;
  },
): Diagram {
  const { total, unit, firstNumber, runs } = strip;
  const piece = Math.max(1, Math.ceil(total / STRIP_PIECES));
  const parts = fillOf(total, runs).map((fill, index): DiagramPart => {
    const first = index * piece;
    const end = Math.min(first + piece, total);
    return {
      ...{ key: `${first}`, title: `${unit}s ${first + firstNumber} to ${end - 1 + firstNumber}` },
      ...{ text: fill === 0 ? 'free' : `${Math.max(1, Math.round(fill * 100))} % in use`, tone: 'now' },
      ...{ from: first / total, to: end / total, fill, row: 0 },
      ...strip.whereOf(first, end),
    };
  });
  return { ...head, kind: 'strip', marks: [], parts };
}

export interface TreeNode {
  readonly key: string;
  readonly title: string;
  readonly text: string;
  readonly fill: number;
  readonly isBroken: boolean;
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
  /** Nodes below, at most so many, and how many there are in all. */
  below(countMax: number): { readonly nodes: readonly TreeNode[]; readonly total: number };
}

/** Deeper than any tree of any format. */
const LEVELS_MAX = 16;

/** The tree level by level from its left: cost follows the nodes drawn. */
export function treeOf(head: Pick<Diagram, 'id' | 'title' | 'text'>, root: TreeNode): Diagram {
  const parts: DiagramPart[] = [];
  let level: readonly TreeNode[] = [root];
  for (let row = 0; row < LEVELS_MAX && level.length > 0; row++) {
    level.forEach((node, at) => {
      const { key, title, text, fill, isBroken, deviceOffsetBytes, lengthBytes } = node;
      parts.push({
        ...{ key, title, text, fill, row, deviceOffsetBytes, lengthBytes },
        ...{ tone: isBroken ? 'broken' : 'now', from: at / level.length, to: (at + 1) / level.length },
      });
    });
    const next: TreeNode[] = [];
    for (const node of level) {
      if (next.length >= LEVEL_NODES) break;
      next.push(...node.below(LEVEL_NODES - next.length).nodes);
    }
    level = next;
  }
  return { ...head, kind: 'tree', marks: [], parts };
}
