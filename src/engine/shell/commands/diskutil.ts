import { FsError } from '../../base/errno.ts';
import type { Running } from '../command.ts';
import { diskNamed, mountableNamed, mountedFrom, mountRemarks, plainDeviceName } from '../disk-names.ts';
import { reasonOf, volumeNamed } from '../disk-names.ts';
import type { Verb } from '../diskutil-verb.ts';
import { failed, leave, notFound, title } from '../diskutil-verb.ts';
import type { DiskDescription, SliceDescription } from '../machine.ts';
import { PERSONALITIES } from '../personalities.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { decimalSize } from '../sizes-text.ts';
import { suggest } from '../suggest.ts';
import { outcomeOf } from '../system-outcome.ts';
import { apfs } from './diskutil-apfs.ts';
import { checkVolume, eraseDisk, eraseVolume, partitionDisk } from './diskutil-volumes.ts';

const USAGE = `Disk Utility Tool
Usage:  diskutil <verb> <options>, where <verb> is as follows:

     list                 (List the partitions of a disk)
     info[rmation]        (Get information on a specific disk or partition)
     u[n]mount            (Unmount a single volume)
     unmountDisk          (Unmount an entire disk (all volumes))
     mount                (Mount a single volume)
     mountDisk            (Mount an entire disk (all mountable volumes))
     rename               (Rename a volume)
     verifyVolume         (Verify the file system data structures of a volume)
     repairVolume         (Repair the file system data structures of a volume)
     eraseDisk            (Erase an existing disk, removing all volumes)
     eraseVolume          (Erase an existing volume)
     partitionDisk        ((re)Partition a disk, removing all volumes)
     listFilesystems      (List file systems available for formatting)
     apfs <verb>          (Perform additional verbs related to APFS)`;

export const diskutil = program({
  name: 'diskutil',
  summary: 'manage disks, partitions and volumes',
  manual: `diskutil list [device]
diskutil info device | mount-point
diskutil mount [readOnly] device          diskutil unmount device | mount-point
diskutil mountDisk device                 diskutil unmountDisk device
diskutil rename device | mount-point name
diskutil verifyVolume device | mount-point
diskutil repairVolume device | mount-point
diskutil eraseVolume format name device | mount-point
diskutil eraseDisk format name [GPT | MBR | none] device
diskutil partitionDisk device [1] [GPT | MBR | none] format name R
diskutil listFilesystems
diskutil apfs list [container]
diskutil apfs addVolume container format name [-quota size] [-reserve size] [-role role] [-nomount] [-mountpoint path]
diskutil apfs deleteVolume volume         diskutil apfs eraseVolume volume -name name
diskutil apfs changeVolumeRole volume role
diskutil apfs resizeContainer container limits
diskutil apfs listSnapshots volume        diskutil apfs deleteSnapshot volume -name name | -xid xid | -uuid uuid

Formats: APFS, "Case-sensitive APFS", ExFAT, FAT32, MS-DOS, "MS-DOS FAT16", JHFS+, HFS+, "Case-sensitive HFS+" and what else listFilesystems shows.
Without a scheme eraseDisk makes a GPT.

Differs from macOS: no coreStorage, resizeVolume, enableJournal and what else changes a volume as it stands;
partitionDisk makes one partition, and a container lies on one device.`,
  usage: USAGE,
  usageExitCode: 1,
  letters: '',
  *main(call) {
    const [verb, ...rest] = call.operands;
    if (verb === undefined) {
      yield* call.printLine(USAGE);
      return 0;
    }
    const run = VERBS.get(verb.toLowerCase());
    if (!run) {
      const near = suggest(verb, [...VERBS.keys()]);
      const hint = near === undefined ? '' : `; did you mean "${near}"?`;
      yield* call.say(`diskutil: did not recognize verb "${verb}"${hint}; type "diskutil" for a list\n`);
      return 1;
    }
    return (yield* run(call, rest)) ?? (yield* misuse(call, verb));
  },
});

const FORMS: ReadonlyMap<string, string> = new Map([
  ['mount', '[readOnly] DiskIdentifier|DeviceNode'],
  ['unmount', 'MountPoint|DiskIdentifier|DeviceNode'],
  ['info', 'MountPoint|DiskIdentifier|DeviceNode'],
  ['rename', 'MountPoint|DiskIdentifier|DeviceNode newName'],
  ['erasevolume', 'format name MountPoint|DiskIdentifier|DeviceNode'],
  ['erasedisk', 'format name [MBR|GPT|none] MountPoint|DiskIdentifier|DeviceNode'],
  ['partitiondisk', 'MountPoint|DiskIdentifier|DeviceNode [1] [MBR|GPT|none] format name R'],
]);

function* misuse(call: Invocation, verb: string): Running {
  const form = FORMS.get(verb.toLowerCase()) ?? 'MountPoint|DiskIdentifier|DeviceNode';
  yield* call.say(`Usage:  diskutil ${verb} ${form}\n`);
  return 1;
}

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['list', list],
  ['info', info],
  ['information', info],
  ['mount', mountVolume],
  ['mountdisk', mountDisk],
  ['unmount', unmountVolume],
  ['umount', unmountVolume],
  ['unmountdisk', unmountDisk],
  ['rename', rename],
  ['renamevolume', rename],
  ['verifyvolume', (call, words) => checkVolume(call, words, false)],
  ['repairvolume', (call, words) => checkVolume(call, words, true)],
  ['erasevolume', eraseVolume],
  ['erasedisk', eraseDisk],
  ['partitiondisk', partitionDisk],
  ['listfilesystems', listFilesystems],
  ['apfs', apfs],
  ['ap', apfs],
]);

// ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const SCHEME_TYPES: Readonly<Record<DiskDescription['scheme'], string>> = {
  none: '',
  gpt: 'GUID_partition_scheme',
  mbr: 'FDisk_partition_scheme',
  apm: 'Apple_partition_scheme',
  apfs: 'APFS Container Scheme',
};

function* list(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, more] = words;
  if (more !== undefined) return null;
  const disks = call.context.machine.disks();
  const wanted = name === undefined ? disks : disks.filter(({ device }) => device === plainDeviceName(name));
  if (wanted.length === 0 && name !== undefined) return yield* notFound(call, name);
  for (const disk of wanted) yield* call.print(`${tableOf(disk)}\n`);
  return 0;
}

/** Of a name, as much as its column holds. */
const NAME_CHARACTERS = 23;
const shortened = (name: string): string =>
  name.length <= NAME_CHARACTERS ? name : `${name.slice(0, NAME_CHARACTERS - 3)}...`;

function tableOf(disk: DiskDescription): string {
  const { device, sizeBytes, scheme, isImage, slices, container } = disk;
  const row = (index: number, type: string, name: string, mark: string, size: number, identifier: string) =>
    `${String(index).padStart(4)}: ${type.padStart(26)} ${shortened(name).padEnd(NAME_CHARACTERS)}${mark}${decimalSize(size).padEnd(11)}${identifier}\n`;
  const whole = slices.find((slice) => slice.device === device);
  const kind = container !== undefined ? 'synthesized' : isImage ? 'disk image' : 'external, physical';
  const wholeName =
    container !== undefined
      ? '-'
      : whole?.containerDevice === undefined
        ? (whole?.label ?? '')
        : `Container ${whole.containerDevice}`;
  const wholeType = whole?.containerDevice === undefined ? SCHEME_TYPES[scheme] : whole.typeName;
  const head = [
    `/dev/${device} (${kind}):\n`,
    '   #:                       TYPE NAME                    SIZE       IDENTIFIER\n',
    row(0, wholeType, wholeName, isImage ? '+' : '*', sizeBytes, device),
  ];
  if (container === undefined) {
    const rows = slices
      .filter((slice) => slice !== whole)
      .map(({ index, typeName, label, containerDevice, sizeBytes: size, device: identifier }) => {
        const name = containerDevice === undefined ? label : `Container ${containerDevice}`;
        return row(index, typeName, name, ' ', size, identifier);
      });
    return [...head, ...rows].join('');
  }
  head.push(`${' '.repeat(33)}Physical Store ${container.physicalStore.device}\n`);
  let index = 0;
  const rows = slices.flatMap(({ typeName, label, volume, device: identifier, sizeBytes: size }) => {
    const used = volume?.consumedBytes ?? size;
    const shown = (volume?.snapshots ?? []).filter(({ mountPoint }) => mountPoint !== null);
    return [
      row(++index, typeName, label, ' ', used, identifier),
      ...shown.map(({ name, device: at }) => row(++index, 'APFS Snapshot', name, ' ', used, at)),
    ];
  });
  return [...head, ...rows].join('');
}

function* info(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, more] = words;
  if (name === undefined || more !== undefined) return null;
  const rows = outcomeOf(() => call.context.machine.info(name));
  if (rows instanceof FsError) return yield* notFound(call, name);
  for (const [key, value] of rows) {
    const row = key === '' ? value : `${`${key}:`.padEnd(26)} ${value}`;
    yield* call.printLine(row === '' ? '' : `   ${row}`);
  }
  yield* call.print('\n');
  return 0;
}

function* listFilesystems(call: Invocation): Running<number | null> {
  const line = '-'.repeat(79);
  yield* call.print(
    `Formattable file systems\n\n${'These file system personalities can be used for erasing and partitioning.'}\n`,
  );
  yield* call.print(`\n${line}\n${'PERSONALITY'.padEnd(32)} USER VISIBLE NAME\n${line}\n`);
  for (const { name, visibleName, alias } of PERSONALITIES) {
    yield* call.printLine(`${name.padEnd(32)} ${visibleName}`);
    if (alias !== undefined) yield* call.printLine(`  (or) ${alias}`);
  }
  return 0;
}

// ── mounting ────────────────────────────────────────────────────────────────────────────────────────────────────────

function* mountVolume(call: Invocation, words: readonly string[]): Running<number | null> {
  const isReadOnly = words[0]?.toLowerCase() === 'readonly';
  const [name, more] = isReadOnly ? words.slice(1) : words;
  if (name === undefined || more !== undefined) return null;
  const found = mountableNamed(call.context.machine, name);
  if (!found) return yield* notFound(call, name);
  if (found.slice.mountPoint !== null) {
    yield* call.printLine(`Volume ${title(found)} already mounted`);
    return 0;
  }
  const on = outcomeOf(() => call.context.machine.mount(found.slice.device, { isReadOnly }));
  if (on instanceof FsError)
    return yield* failed(call, `Volume on ${found.slice.device} failed to mount: ${reasonOf(on)}`);
  yield* call.printLine(`Volume ${title(mountableNamed(call.context.machine, name) ?? found)} mounted`);
  yield* call.say(mountRemarks(call.context.machine, found.slice.device));
  return 0;
}

function* mountDisk(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, more] = words;
  if (name === undefined || more !== undefined) return null;
  const disk = diskNamed(call.context.machine, name);
  if (!disk) return yield* notFound(call, name);
  for (const slice of volumesOn(call, disk)) {
    if (slice.mountPoint !== null || slice.formatName === null) continue;
    const on = outcomeOf(() => call.context.machine.mount(slice.device, { isReadOnly: false }));
    if (on instanceof FsError)
      call.exitCode = yield* failed(call, `Volume on ${slice.device} failed to mount: ${reasonOf(on)}`);
    yield* call.say(mountRemarks(call.context.machine, slice.device));
  }
  if (call.exitCode === 0) yield* call.printLine('Volume(s) mounted successfully');
  return call.exitCode;
}

/** Slices with a file system of their own, and instead of a physical store the volumes of its container. */
const volumesOn = (call: Invocation, disk: DiskDescription): SliceDescription[] =>
  disk.slices.flatMap((slice) =>
    slice.containerDevice === undefined
      ? [slice]
      : (diskNamed(call.context.machine, slice.containerDevice)?.slices ?? []),
  );

function* unmountVolume(call: Invocation, words: readonly string[]): Running<number | null> {
  const names = words.filter((word) => word !== 'force');
  const [name] = names;
  if (name === undefined || names.length > 1) return null;
  const found = mountableNamed(call.context.machine, name);
  if (!found) return yield* notFound(call, name);
  if (found.slice.mountPoint === null) {
    yield* call.printLine(`${found.slice.device} was already unmounted`);
    return 0;
  }
  if (!(yield* leave(call, found))) return 1;
  yield* call.printLine(`Volume ${title(found)} unmounted`);
  return 0;
}

function* unmountDisk(call: Invocation, words: readonly string[]): Running<number | null> {
  const names = words.filter((word) => word !== 'force');
  const [name] = names;
  if (name === undefined || names.length > 1) return null;
  const disk = diskNamed(call.context.machine, name);
  if (!disk) return yield* notFound(call, name);
  const { machine } = call.context;
  for (const mounted of disk.slices.flatMap((slice) => mountedFrom(machine, { disk, slice }))) {
    if (yield* leave(call, mounted)) continue;
    yield* call.say(`Unmount of ${disk.device} failed: at least one volume could not be unmounted\n`);
    return 1;
  }
  yield* call.printLine(`Unmount of all volumes on ${disk.device} was successful`);
  return 0;
}

function* rename(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, label, more] = words;
  if (name === undefined || label === undefined || more !== undefined) return null;
  const found = volumeNamed(call.context.machine, name);
  if (!found) return yield* notFound(call, name);
  const done = outcomeOf(() => call.context.machine.rename(found.slice.device, label));
  if (done instanceof FsError)
    return yield* failed(call, `Error renaming volume on ${found.slice.device}: ${reasonOf(done)}`);
  yield* call.printLine(`Volume on ${found.slice.device} renamed to ${label}`);
  return 0;
}
