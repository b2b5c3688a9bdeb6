import type { Format } from '../contract.ts';
import { fsck } from './fsck.ts';
import { LABELS } from './labels.ts';
import { mend } from './mend.ts';
import { detect, mount } from './mount.ts';
import { newfs } from './newfs.ts';
import { survey } from './survey.ts';

/** exFAT. See README.md. */
export const exfat: Format = {
  name: 'exfat',
  title: 'ExFAT',
  labels: LABELS,
  detect,
  newfs,
  mount,
  fsck,
  survey,
  mend,
};
