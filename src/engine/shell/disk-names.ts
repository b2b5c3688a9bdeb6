import { FsError, strerror } from '../base/errno.ts';
import type { DiskDescription, Machine, SliceDescription, SnapshotDescription } from './machine.ts';

/** Disks and slices as people name them: 'disk1s1', '/dev/disk1s1', '/dev/rdisk1s1', or where the volume is mounted. */

export interface NamedVolume {
  readonly disk: DiskDescription;
  readonly slice: SliceDescription;
}

export interface NamedSnapshot extends NamedVolume {
  readonly snapshot: SnapshotDescription;
}

/** A synthesized disk. */
export type NamedContainer = DiskDescription & Required<Pick<DiskDescription, 'container'>>;

/** 'disk1s1' of all its spellings; other text as it is. */
export const plainDeviceName = (text: string): string =>
  text.replace(/^(?:\/dev\/)?r?(?=disk\d+(?:s\d+){0,2}$)/, '');

export const rawDevicePath = (device: string): string => `/dev/r${plainDeviceName(device)}`;

const mountPointIn = (text: string): string => text.replace(/(.)\/+$/, '$1');

/** The whole disk of that name. */
export const diskNamed = (machine: Machine, text: string): DiskDescription | undefined =>
  machine.disks().find(({ device }) => device === plainDeviceName(text));

/**
 * The slice of that name or mount point. A whole disk stands for the volume on it when it has no map, or just one
 * volume.
 */
export function volumeNamed(machine: Machine, text: string): NamedVolume | undefined {
  const name = plainDeviceName(text);
  const mountPoint = mountPointIn(text);
  const volumes = machine.disks().flatMap((disk) => disk.slices.map((slice) => ({ disk, slice })));
  const found = volumes.find(({ slice }) => slice.device === name || slice.mountPoint === mountPoint);
  if (found) return found;
  const onDisk = volumes.filter(({ disk, slice }) => disk.device === name && slice.formatName !== null);
  return onDisk.length === 1 ? onDisk[0] : undefined;
}

/** The snapshot of that device name or mount point, with its volume. */
export function snapshotNamed(machine: Machine, text: string): NamedSnapshot | undefined {
  const name = plainDeviceName(text);
  const mountPoint = mountPointIn(text);
  for (const disk of machine.disks()) {
    for (const slice of disk.slices) {
      const snapshot = slice.volume?.snapshots.find(
        (each) => each.device === name || each.mountPoint === mountPoint,
      );
      if (snapshot) return { disk, slice, snapshot };
    }
  }
  return undefined;
}

/** `volumeNamed`, or a snapshot as if it were a volume of its own: what can be mounted and unmounted. */
export function mountableNamed(machine: Machine, text: string): NamedVolume | undefined {
  const volume = volumeNamed(machine, text);
  if (volume) return volume;
  const found = snapshotNamed(machine, text);
  if (!found) return undefined;
  const { device, mountPoint, name: label } = found.snapshot;
  return { disk: found.disk, slice: { ...found.slice, device, mountPoint, label } };
}

const isContainer = (disk: DiskDescription): disk is NamedContainer => disk.container !== undefined;

/** The container of that name, of the volume of that name, or on the physical store of that name. */
export function containerNamed(machine: Machine, text: string): NamedContainer | undefined {
  const name = plainDeviceName(text);
  const containers = machine.disks().filter(isContainer);
  const found = containers.find(
    ({ device, container, slices }) =>
      device === name ||
      container.physicalStore.device === name ||
      slices.some((slice) => slice.device === name || slice.mountPoint === mountPointIn(text)),
  );
  if (found) return found;
  const onDisk = containers.filter(({ container }) => container.physicalStore.device.startsWith(`${name}s`));
  return onDisk.length === 1 ? onDisk[0] : undefined;
}

/** Volumes that are mounted from this slice: itself, or those of the container on it, with their snapshots. */
export function mountedFrom(machine: Machine, { disk, slice }: NamedVolume): NamedVolume[] {
  const container =
    slice.containerDevice === undefined ? undefined : diskNamed(machine, slice.containerDevice);
  const volumes = container?.slices.map((each) => ({ disk: container, slice: each })) ?? [{ disk, slice }];
  return volumes.flatMap((each) => {
    const snapshots = (each.slice.volume?.snapshots ?? []).map(({ device, name: label, mountPoint }) => ({
      ...each,
      slice: { ...each.slice, device, label, mountPoint },
    }));
    return [...snapshots, each].filter((one) => one.slice.mountPoint !== null);
  });
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
