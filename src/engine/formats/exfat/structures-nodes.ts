import type { Device } from '../../device/device.ts';
import type { Page, StructureId, StructureNode, StructurePage } from '../contract.ts';
import type { Geometry } from './layout.ts';
import type { OwnerIndex } from './owner-index.ts';

/** What the makers of structure nodes share. */
export interface VolumeView {
  readonly device: Device;
  readonly index: OwnerIndex;
  readonly geometry: Geometry;
}

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

export const leaf = (
  id: StructureId,
  title: string,
  text: string,
  deviceOffsetBytes: number,
  lengthBytes: number,
): StructureNode => ({ id, title, text, hasChildren: false, deviceOffsetBytes, lengthBytes });

export const branch = (...given: Parameters<typeof leaf>): StructureNode => ({
  ...leaf(...given),
  hasChildren: true,
});
