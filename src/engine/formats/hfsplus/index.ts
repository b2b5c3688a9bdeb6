import type { Device } from '../../device/device.ts';
import type { Format, MountOptions } from '../contract.ts';
import { fsck } from './fsck.ts';
import { LABELS } from './labels.ts';
import { mend } from './mend.ts';
import { detect, openVolume } from './mount.ts';
import { newfs } from './newfs.ts';
import { survey } from './survey.ts';
import { HfsVolume } from './volume.ts';

/** What HFS+ and HFSX share: nearly all. See README.md. */
const common = {
  labels: LABELS,
  mount: (device: Device, options: MountOptions) => new HfsVolume(openVolume(device, options), options),
  fsck,
  survey,
  mend,
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
