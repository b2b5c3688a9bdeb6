import type { Device } from '../../device/device.ts';
import type { Survey } from '../survey.ts';
import { annotate } from './annotate.ts';
import { diagrams } from './diagrams.ts';
import { OwnerIndex } from './owner-index.ts';
import { regions } from './regions.ts';
import { structures } from './structures.ts';

export function survey(device: Device): Survey {
  const index = new OwnerIndex(device);
  return {
    regions: () => regions(device, index),
    annotate: (block) => annotate(device, block, index),
    structures: (parent, page) => structures(device, parent, page, index),
    diagrams: () => diagrams(device, index),
  };
}
