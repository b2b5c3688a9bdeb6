import { FsError, strerror } from '../base/errno.ts';
import type { DiskDescription, Machine, SliceDescription } from './machine.ts';

/** Disks and slices as people name them: 'disk1s1', '/dev/disk1s1', '/dev/rdisk1s1', or where the volume is mounted. */

export interface NamedVolume {
  readonly disk: DiskDescription;
  readonly slice: SliceDescription;
}

/** 'disk1s1' of all its spellings; other text as it is. */
export const plainDeviceName = (text: string): string =>
  text.replace(/^(?:\/dev\/)?r?(?=disk\d+(?:s\d+)?$)/, '');

export const rawDevicePath = (device: string): string => `/dev/r${plainDeviceName(device)}`;

/** The whole disk of that name. */
export const diskNamed = (machine: Machine, text: string): DiskDescription | undefined =>
  machine.disks().find(({ device }) => device === plainDeviceName(text));

/**
 * The slice of that name or mount point. A whole disk stands for the volume on it when it has no map, or just one
 * volume.
 */
export function volumeNamed(machine: Machine, text: string): NamedVolume | undefined {
  const name = plainDeviceName(text);
  const mountPoint = text.replace(/(.)\/+$/, '$1');
  const volumes = machine.disks().flatMap((disk) => disk.slices.map((slice) => ({ disk, slice })));
  const found = volumes.find(({ slice }) => slice.device === name || slice.mountPoint === mountPoint);
  if (found) return found;
  const onDisk = volumes.filter(({ disk, slice }) => disk.device === name && slice.formatName !== null);
  return onDisk.length === 1 ? onDisk[0] : undefined;
}

/** What the kernel would have put into its log about a volume just mounted, one sentence a line. */
export const mountRemarks = (machine: Machine, device: string): string =>
  (volumeNamed(machine, device)?.slice.warnings ?? [])
    .map((sentence) => `kernel: ${plainDeviceName(device)}: ${sentence}\n`)
    .join('');

/** newfs's own lines know no device: '127006 sectors in …' and 'Initialized as a …' get its name here. */
export const withDeviceName = (lines: readonly string[], device: string): string[] =>
  lines.map((line) => {
    if (/^\d+ sectors? in /.test(line)) return `${rawDevicePath(device)}: ${line}`;
    return line.replace(/^Initialized (?=as a )/, `Initialized ${rawDevicePath(device)} `);
  });

/** The errno's text and, where there is one, the sentence that says why. */
export const reasonOf = (error: FsError): string =>
  `${strerror(error.code)}${error.detail === '' ? '' : ` (${error.detail})`}`;
