import type { Format } from '../contract.ts';
import { annotate } from './annotate.ts';
import { diagrams } from './diagrams.ts';
import { fsck } from './fsck.ts';
import { LABELS } from './labels.ts';
import { mend } from './mend.ts';
import { detect, mount } from './mount.ts';
import { newfs } from './newfs.ts';
import { regions } from './regions.ts';
import { structures } from './structures.ts';

/** exFAT. See README.md. */
export const exfat: Format = {
  name: 'exfat',
  title: 'ExFAT',
  labels: LABELS,
  detect,
  newfs,
  mount,
  fsck,
  regions: (device) => regions(device),
  annotate: (device, block) => annotate(device, block),
  mend,
  structures: (device, parent, page) => structures(device, parent, page),
  diagrams: (device, chosen) => diagrams(device, chosen),
};
