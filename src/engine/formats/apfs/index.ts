import type { Format } from '../contract.ts';
import { annotate } from './annotate.ts';
import { checkpointStates } from './checkpoint-trees.ts';
import { diagrams } from './diagrams.ts';
import { fsck } from './fsck.ts';
import { LABELS } from './labels.ts';
import { mend } from './mend.ts';
import { detect, mountFirstVolume, openContainer } from './mount.ts';
import { newfs } from './newfs.ts';
import { regions } from './regions.ts';
import { structures } from './structures.ts';

/** A container of volumes that share its space. See README.md. */
export const apfs: Format = {
  name: 'apfs',
  title: 'APFS',
  labels: LABELS,
  detect,
  newfs,
  mount: mountFirstVolume,
  openContainer,
  fsck,
  regions,
  annotate,
  mend,
  structures,
  diagrams: (device) => diagrams(device),
  checkpoints: checkpointStates,
};
