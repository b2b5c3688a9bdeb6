import type { Device } from '../../device/device.ts';
import type { Format, MountOptions } from '../contract.ts';
import { annotate } from './annotate.ts';
import { diagrams } from './diagrams.ts';
import { fsck } from './fsck.ts';
import { LABELS } from './labels.ts';
import { mend } from './mend.ts';
import { detect, openVolume } from './mount.ts';
import { newfs } from './newfs.ts';
import { regions } from './regions.ts';
import { structures } from './structures.ts';
import { HfsVolume } from './volume.ts';

/** What HFS+ and HFSX share: nearly all. See README.md. */
const common = {
  labels: LABELS,
  mount: (device: Device, options: MountOptions) => new HfsVolume(openVolume(device, options), options),
  fsck,
  regions: (device) => regions(device),
  annotate: (device, block) => annotate(device, block),
  mend,
  structures: (device, parent, page) => structures(device, parent, page),
  diagrams: (device) => diagrams(device),
} satisfies Partial<Format>;

/** HFS+, with or without a journal: names fold their case. */
export const hfsplus: Format = {
  ...common,
  name: 'hfsplus',
  title: 'Journaled HFS+',
  detect: (device) => detect(device, false),
  newfs: (device, options) => newfs(device, options, false),
};

/** HFSX: its header says whether names fold their case. */
export const hfsx: Format = {
  ...common,
  name: 'hfsx',
  title: 'Case-sensitive Journaled HFS+',
  detect: (device) => detect(device, true),
  newfs: (device, options) => newfs(device, options, true),
};
