import type { Annotation } from '../../codec/struct.ts';
import type { Page, StructureId, StructureNode, StructurePage } from '../survey.ts';
import { paged } from '../structure-page.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { shown } from './annotate-pieces.ts';
import type { OwnerIndex } from './owner-index.ts';

/** What the makers of structure nodes share. */

/** `head` and behind it a long list. */
export function pagedBehind(
  head: readonly StructureNode[],
  total: number,
  page: Page,
  make: (at: number) => StructureNode,
): StructurePage {
  return paged(head.length + total, page, (at) => head[at] ?? make(at - head.length));
}

/** Bytes of the device. */
export interface Where {
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
}

export const NOWHERE: Where = { deviceOffsetBytes: 0, lengthBytes: 0 };

export const leaf = (
  id: StructureId,
  title: string,
  text: string,
  { deviceOffsetBytes, lengthBytes }: Where,
): StructureNode => ({
  id,
  title: shown(title),
  text: shown(text),
  hasChildren: false,
  deviceOffsetBytes,
  lengthBytes,
});

export const branch = (...given: Parameters<typeof leaf>): StructureNode => ({
  ...leaf(...given),
  hasChildren: true,
});

/** Blocks of the container, cut where the device ends. */
export function whereBlocks({ container }: OwnerIndex, first: number, count = 1): Where {
  const { sizeBytes } = container.medium;
  const deviceOffsetBytes = first * BLOCK_SIZE_BYTES;
  if (!(deviceOffsetBytes < sizeBytes)) return NOWHERE;
  return {
    deviceOffsetBytes,
    lengthBytes: Math.min(count * BLOCK_SIZE_BYTES, sizeBytes - deviceOffsetBytes),
  };
}

/** Bytes of an object that lies in these blocks; of a stretch across two of them the first part. */
export const whereInObject =
  (blocks: readonly number[]) =>
  (offsetBytes: number, lengthBytes: number): Where => {
    const place = Math.floor(offsetBytes / BLOCK_SIZE_BYTES);
    const within = offsetBytes - place * BLOCK_SIZE_BYTES;
    return {
      deviceOffsetBytes: (blocks[place] ?? 0) * BLOCK_SIZE_BYTES + within,
      lengthBytes: Math.min(lengthBytes, BLOCK_SIZE_BYTES - within),
    };
  };

/** Annotations as leaves; `whereOf` says where a field of so many bytes lies. */
export const fieldNodes = (
  fields: readonly Annotation[],
  whereOf: (offsetBytes: number, lengthBytes: number) => Where,
): StructureNode[] =>
  fields.map((field) => {
    const where = whereOf(field.offsetBytes, field.lengthBytes);
    return leaf(`field:${where.deviceOffsetBytes}`, titleOf(field.name), field.text, where);
  });

/** 'NxSuperblock.blockCount' → 'blockCount'; what stands before the structure's name stays. */
const titleOf = (name: string): string => name.replace(/^(.*: )?\w+\.(?=\w)/, '$1');

/** A number within an id; NaN, which nothing has, when it is none. */
export const numberOf = (word: string | undefined): number =>
  /^\d+$/.test(word ?? '') ? Number(word) : Number.NaN;
