import type { Format } from '../contract.ts';
import { fsck } from './fsck.ts';
import { detect, mount } from './mount.ts';
import { newfs } from './newfs.ts';

/** FAT32, and FAT12 and FAT16, which share all but a few lines with it. See README.md. */
export const fat32: Omit<Format, 'regions' | 'annotate' | 'structures'> = {
  name: 'fat32',
  title: 'MS-DOS (FAT32)',
  detect,
  newfs,
  mount,
  fsck,
};
