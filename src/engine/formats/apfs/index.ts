import type { Format } from '../contract.ts';
import { checkpointStates } from './checkpoint-trees.ts';
import { fsck } from './fsck.ts';
import { LABELS } from './labels.ts';
import { mend } from './mend.ts';
import { detect, mountFirstVolume, openContainer } from './mount.ts';
import { newfs } from './newfs.ts';
import { survey } from './survey.ts';

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
  survey,
  mend,
  checkpoints: checkpointStates,
};
