import type { Format } from '../contract.ts';
import { fsck } from './fsck.ts';
import { LABELS } from './labels.ts';
import { mend } from './mend.ts';
import { detect, mount } from './mount.ts';
import { newfs } from './newfs.ts';
import { survey } from './survey.ts';

/** FAT32, and FAT12 and FAT16, which share all but a few lines with it. See README.md. */
export const fat32: Format = {
  name: 'fat32',
  title: 'MS-DOS (FAT32)',
  labels: LABELS,
  detect,
  newfs,
  mount,
  fsck,
  survey,
  mend,
};
