import type { Format } from '../contract.ts';
import { fsck } from './fsck.ts';
import { detect, mount } from './mount.ts';
import { newfs } from './newfs.ts';

/** exFAT. See README.md. */
export const exfat: Format = {
  name: 'exfat',
  title: 'ExFAT',
  detect,
  newfs,
  mount,
  fsck,
  regions: () => {
    throw new Error('TEMPORARY');
  },
  annotate: () => {
    throw new Error('TEMPORARY');
  },
  structures: () => {
    throw new Error('TEMPORARY');
  },
};
