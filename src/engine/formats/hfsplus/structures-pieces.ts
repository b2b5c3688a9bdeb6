import type { Annotation } from '../../codec/struct.ts';
import type { Page, StructureId, StructureNode, StructurePage } from '../survey.ts';
import { paged } from '../structure-page.ts';
import { shown } from './annotate-pieces.ts';
import type { Explainer } from './annotate.ts';
import type { OwnerIndex } from './owner-index.ts';
import type { ViewFork } from './view-fork.ts';

/** What the makers of structure nodes share. */
export interface VolumeView {
  readonly index: OwnerIndex;
  readonly explainer: Explainer;
}

/** `head` and behind it a long list. */
export function pagedBehind(
  head: readonly StructureNode[],
  total: number,
  page: Page,
  make: (at: number) => StructureNode,
): StructurePage {
  return paged(head.length + total, page, (at) => head[at] ?? make(at - head.length));
}

export const leaf = (
  id: StructureId,
  title: string,
  text: string,
  { deviceOffsetBytes, lengthBytes }: Where,
): StructureNode => ({ id, title, text, hasChildren: false, deviceOffsetBytes, lengthBytes });

export const branch = (...given: Parameters<typeof leaf>): StructureNode => ({
  ...leaf(...given),
  hasChildren: true,
});

/** Bytes of the device. */
export interface Where {
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
}

export const at = (deviceOffsetBytes: number, lengthBytes: number): Where => ({
  deviceOffsetBytes,
  lengthBytes,
});

export const NOWHERE = at(0, 0);

/** Where a stretch of a fork lies; of one in several pieces the first. */
export function whereIn(fork: ViewFork, offsetBytes: number, lengthBytes: number): Where {
  const [piece] = fork.pieces(offsetBytes, lengthBytes);
  return piece ? at(piece.deviceOffsetBytes, piece.lengthBytes) : NOWHERE;
}

/** Annotations as leaves; `whereOf` says where a field of so many bytes lies. */
export const fieldNodes = (
  fields: readonly Annotation[],
  whereOf: (offsetBytes: number, lengthBytes: number) => Where,
  prefix = '',
): StructureNode[] =>
  fields.map((field) => {
    const where = whereOf(field.offsetBytes, field.lengthBytes);
    const title = field.name.startsWith(prefix) ? field.name.slice(prefix.length) : field.name;
    return leaf(`field:${where.deviceOffsetBytes}`, title, shown(field.text), where);
  });

/** A number within an id; NaN, which nothing has, when it is none. */
export const numberOf = (word: string | undefined): number =>
  /^\d+$/.test(word ?? '') ? Number(word) : Number.NaN;
