import type { Page, StructureNode, StructurePage } from './survey.ts';

/** Pages of structure nodes, for whatever format: what is asked for of a list, and how long the list is. */

export const EMPTY: StructurePage = { nodes: [], total: 0 };

export const slice = (nodes: readonly StructureNode[], { offset, countMax }: Page): StructurePage => ({
  nodes: nodes.slice(offset, offset + countMax),
  total: nodes.length,
});

/** One page of a long list, of which only the nodes on the page are made. */
export function paged(
  total: number,
  { offset, countMax }: Page,
  make: (at: number) => StructureNode,
): StructurePage {
  const nodes: StructureNode[] = [];
  for (let at = Math.max(0, offset); at < Math.min(total, offset + countMax); at++) nodes.push(make(at));
  return { nodes, total };
}
