import type { Device } from '../../device/device.ts';
import type { StructureId, StructureNode } from '../survey.ts';
import type { Geometry } from './layout.ts';
import type { OwnerIndex } from './owner-index.ts';

/** What the makers of structure nodes share. */
export interface VolumeView {
  readonly device: Device;
  readonly index: OwnerIndex;
  readonly geometry: Geometry;
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
