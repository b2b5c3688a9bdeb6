import { FsError } from '../../base/errno.ts';
import { containersReport, snapshotsReport } from '../apfs-report.ts';
import type { Running } from '../command.ts';
import { containerNamed, mountRemarks, reasonOf, volumeNamed } from '../disk-names.ts';
import type { NamedContainer, NamedVolume } from '../disk-names.ts';
import { failed, leave, notFound } from '../diskutil-verb.ts';
import type { Verb } from '../diskutil-verb.ts';
import type { NewPoolVolume, PoolVolumeDescription, SliceDescription } from '../machine.ts';
import { personalityNamed } from '../personalities.ts';
import type { Invocation } from '../program.ts';
import { decimalSize, expandNumber, withCommas } from '../sizes-text.ts';
import { suggest } from '../suggest.ts';
import { outcomeOf } from '../system-outcome.ts';

/** `diskutil apfs …`: containers, their volumes and snapshots. */

const USAGE = `Usage:  diskutil [quiet] ap[fs] <verb> <options>
        where <verb> is as follows:

     list                 (Show status of all current APFS Containers)
     resizeContainer      (Resize an APFS Container and its disk space usage)
     addVolume            (Export a new APFS Volume from an APFS Container)
     deleteVolume         (Remove an APFS Volume from its APFS Container)
     eraseVolume          (Erase contents of, but keep, an APFS Volume)
     changeVolumeRole     (Change the Role metadata bits of an APFS Volume)
     listSnapshots        (List APFS Snapshots associated with an APFS Volume)
     deleteSnapshot       (Remove an APFS Snapshot from an APFS Volume)`;

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['list', list],
  ['resizecontainer', resizeContainer],
  ['addvolume', addVolume],
  ['deletevolume', deleteVolume],
  ['erasevolume', eraseVolume],
  ['changevolumerole', changeRole],
  ['chrole', changeRole],
  ['listsnapshots', listSnapshots],
  ['listvolumesnapshots', listSnapshots],
  ['deletesnapshot', deleteSnapshot],
]);

const FORMS: ReadonlyMap<string, string> = new Map([
  ['list', '[containerReferenceDevice]'],
  ['resizecontainer', 'containerReferenceDevice|apfsPhysicalStoreDevice size|0|limits'],
  [
    'addvolume',
    'containerReferenceDevice format name [-reserve size] [-quota size] [-role role] [-nomount | -mountpoint path]',
  ],
  ['deletevolume', 'volumeDevice|mountPoint'],
  ['erasevolume', 'volumeDevice|mountPoint -name newName [-role role]'],
  ['changevolumerole', 'volumeDevice|mountPoint role'],
  ['listsnapshots', 'volumeDevice|mountPoint'],
  ['deletesnapshot', 'volumeDevice|mountPoint -uuid uuid | -xid xid | -name name'],
]);

/** Verbs of macOS that would need what containers here do not have. */
const UNBUILT: Readonly<Record<string, string>> = {
  create: 'give a disk to eraseDisk APFS, or a slice to newfs_apfs: a container lies on one device here',
  createcontainer: 'newfs_apfs makes a container on a slice, diskutil eraseDisk APFS on a whole disk',
  deletecontainer: 'diskutil eraseDisk makes another file system of the whole disk',
  convert: 'an HFS+ volume cannot be converted in place here; copy its files into a new APFS volume',
  unlockvolume: 'encrypted volumes can be looked at, not opened',
  lockvolume: 'encrypted volumes can be looked at, not opened',
  encryptvolume: 'nothing is encrypted here',
  decryptvolume: 'nothing is decrypted here',
  listvolumegroups: 'there are no volume groups here',
  defragment: 'nothing is defragmented here; scope extents shows the pieces of a file',
};

export function* apfs(call: Invocation, words: readonly string[]): Running<number | null> {
  const [verb, ...rest] = words;
  if (verb === undefined) {
    yield* call.printLine(USAGE);
    return 0;
  }
  const name = verb.toLowerCase();
  const unbuilt = UNBUILT[name];
  if (unbuilt !== undefined) return yield* failed(call, `diskutil apfs ${verb} is not built: ${unbuilt}`);
  const run = VERBS.get(name);
  if (!run) {
    const near = suggest(name, [...VERBS.keys()]);
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    return yield* failed(
      call,
      `diskutil: did not recognize APFS verb "${verb}"${hint}; type "diskutil apfs" for a list`,
    );
  }
  return (
    (yield* run(call, rest)) ??
    (yield* failed(call, `Usage:  diskutil apfs ${verb} ${FORMS.get(name) ?? 'volumeDevice'}`))
  );
}

// ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function* list(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, more] = words;
  if (more !== undefined) return null;
  const { machine } = call.context;
  const all = machine.disks().flatMap(({ device, container }) => {
    const found = container === undefined ? undefined : containerNamed(machine, device);
    return found === undefined ? [] : [found];
  });
  const one = name === undefined ? undefined : containerNamed(machine, name);
  if (name !== undefined && one === undefined) return yield* notFound(call, name);
  yield* call.print(containersReport(one === undefined ? all : [one]));
  return 0;
}

function* printLimits(call: Invocation, found: NamedContainer): Running {
  const limits = outcomeOf(() => call.context.machine.resizeLimits(found.device));
  if (limits instanceof FsError) return yield* failed(call, `${found.device}: ${reasonOf(limits)}`);
  const row = (key: string, bytes: number) =>
    `  ${`${key}:`.padEnd(47)} ${decimalSize(bytes)} (${bytes} Bytes)\n`;
  const { currentBytes, minimumBytes, maximumBytes } = limits;
  yield* call.print(
    `Limits for APFS Physical Store partition ${found.container.physicalStore.device}:\n` +
      row('Current Physical Store partition size on map', currentBytes) +
      row('Minimum (constrained by file/snapshot usage)', minimumBytes) +
      row('Maximum (constrained by partition map space)', maximumBytes),
  );
  return 0;
}

function* resizeContainer(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, size, more] = words;
  if (name === undefined || size === undefined || more !== undefined) return null;
  const { machine } = call.context;
  const found = containerNamed(machine, name);
  if (!found) return yield* notFound(call, name);
  if (size.toLowerCase() === 'limits') return yield* printLimits(call, found);
  const wanted = expandNumber(size);
  if (wanted === null) {
    return yield* failed(
      call,
      `${size} is not a size: give a number and k, m, g or t, such as 20g, 0 for all the room there is, or "limits"`,
    );
  }
  return yield* resize(call, found, wanted);
}

/** `wanted` 0: as large as there is room for. */
function* resize(call: Invocation, found: NamedContainer, wanted: number): Running {
  const { machine } = call.context;
  const { device } = found;
  const store = found.container.physicalStore.device;
  yield* call.printLine('Started APFS operation');
  const limits = outcomeOf(() => machine.resizeLimits(device));
  if (limits instanceof FsError) return yield* failed(call, `${device}: ${reasonOf(limits)}`);
  const { currentBytes, minimumBytes, minimumReason, maximumBytes } = limits;
  const target = wanted === 0 ? maximumBytes : wanted - (wanted % BLOCK_BYTES);
  const grows = target > currentBytes;
  const delta = Math.abs(target - currentBytes);
  const least = `Determined the minimum size for the APFS Container to be ${withCommas(minimumBytes)} bytes\n`;
  const most = `Determined the maximum size for the APFS Container to be ${withCommas(maximumBytes)} bytes\n`;
  yield* call.print(
    `Aligning ${grows ? 'grow' : 'shrink'} delta to ${withCommas(delta)} bytes and targeting a new container size of ${withCommas(target)} bytes\n` +
      (grows ? most : least),
  );
  if (target < minimumBytes || target > maximumBytes) {
    const why = grows
      ? `Error resizing APFS Container ${device}: The new size is larger than the partition map has room for`
      : `${BELOW_MINIMUM}\nThe new size is smaller than ${withCommas(minimumBytes)} bytes: ${minimumReason}`;
    return yield* failed(call, why);
  }
  yield* call.print(
    `Resizing APFS Container designated by APFS Container Reference ${device}\n` +
      `The specific APFS Physical Store being resized is ${store}\n`,
  );
  if (!(yield* verifyStore(call, store))) return 1;
  yield* call.print(
    grows
      ? `Growing APFS Physical Store ${store} from ${withCommas(currentBytes)} to ${withCommas(target)} bytes\n`
      : `Shrinking APFS Physical Store ${store} by ${withCommas(delta)} bytes\n`,
  );
  const done = outcomeOf(() => machine.resizeContainer(device, target));
  if (done instanceof FsError) {
    return yield* failed(call, `Error resizing APFS Container ${device}: ${reasonOf(done)}`);
  }
  const [container, map] = [
    `${grows ? 'Growing' : 'Shrinking'} APFS data structures\n`,
    mapLine(call, found),
  ];
  yield* call.print(`${grows ? map + container : container + map}Finished APFS operation\n`);
  return 0;
}

/** As macOS says it: it does not move what snapshots hold either. What follows says what is in the way. */
const BELOW_MINIMUM =
  'Error: -69521: Your APFS Container resize request is below the APFS-system-imposed minimal container size (perhaps caused by APFS Snapshot usage by Time Machine)';

const BLOCK_BYTES = 4096;

/** A disk without a partition map has none to change. */
function mapLine({ context }: Invocation, { container }: NamedContainer): string {
  const store = container.physicalStore.device;
  const isPartition = context.machine
    .disks()
    .some(({ device }) => store !== device && store.startsWith(device));
  return isPartition ? 'Modifying partition map\n' : '';
}

/** A damaged container is not resized. */
function* verifyStore(call: Invocation, store: string): Running<boolean> {
  yield* call.print(
    `Verifying storage system\nUsing live mode\nPerforming fsck_apfs -n -x -l /dev/${store}\n`,
  );
  const report = outcomeOf(() => call.context.machine.fsck(store, { repair: false }));
  if (report instanceof FsError) {
    yield* failed(call, `${store}: ${reasonOf(report)}`);
    return false;
  }
  const isSound = report.isReadable && report.findings.every(({ severity }) => severity !== 'error');
  yield* call.print(
    report.lines.map((line) => `${line.replace(/^\*\* /, '')}\n`).join('') +
      `Storage system check exit code is ${isSound ? 0 : 8}\n`,
  );
  if (!isSound)
    yield* failed(call, `Error resizing APFS Container: repair ${store} first, with diskutil repairVolume`);
  return isSound;
}

// ── volumes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type PoolVolume = NamedVolume & {
  readonly container: NamedContainer;
  readonly slice: SliceDescription & { readonly volume: PoolVolumeDescription };
};

/** Null when there is none, and that has been said. */
function* volumeIn(call: Invocation, name: string): Running<PoolVolume | null> {
  const { machine } = call.context;
  const found = volumeNamed(machine, name);
  const container = found === undefined ? undefined : containerNamed(machine, found.slice.device);
  const volume = found?.slice.volume;
  if (found === undefined || container === undefined) {
    yield* notFound(call, name);
    return null;
  }
  if (volume === undefined) {
    yield* failed(call, `${name} is not an APFS Volume`);
    return null;
  }
  return { ...found, container, slice: { ...found.slice, volume } };
}

/** Letters of diskutil(8), and what clears a role. */
const ROLES: Readonly<Record<string, string>> = {
  b: 'Preboot',
  r: 'Recovery',
  v: 'VM',
  i: 'Installer',
  t: 'Backup',
  s: 'System',
  d: 'Data',
  e: 'Update',
  x: 'xART',
  h: 'Hardware',
  y: 'Enterprise',
  n: 'Baseband',
  '0': '',
  clear: '',
};

const roleNamed = (text: string): string => ROLES[text.toLowerCase()] ?? text;

interface AddOptions {
  readonly settings: Pick<NewPoolVolume, 'role' | 'quotaBytes' | 'reserveBytes'>;
  readonly mounts: boolean;
  readonly mountPoint: string | undefined;
}

/** What is wrong with them, as a sentence; null when they do not fit the verb. */
function optionsOf(words: readonly string[]): AddOptions | string | null {
  const settings: { role?: string; quotaBytes?: number; reserveBytes?: number } = {};
  let mounts = true;
  let mountPoint: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const option = words[at]?.toLowerCase();
    if (option === '-nomount') {
      mounts = false;
      continue;
    }
    const value = words[++at];
    if (value === undefined) return null;
    if (option === '-role') settings.role = roleNamed(value);
    else if (option === '-mountpoint') mountPoint = value;
    else if (option === '-quota' || option === '-reserve') {
      const bytes = expandNumber(value);
      if (bytes === null) return `${value} is not a size: give a number and k, m, g or t, such as 512m`;
      if (option === '-quota') settings.quotaBytes = bytes;
      else settings.reserveBytes = bytes;
    } else if (option === '-passphrase' || option === '-stdinpassphrase') {
      return 'Encrypted volumes are not built: leave out the passphrase';
    } else return null;
  }
  return { settings, mounts, mountPoint };
}

function* addVolume(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, format, label, ...rest] = words;
  if (name === undefined || format === undefined || label === undefined) return null;
  const options = optionsOf(rest);
  if (options === null) return null;
  if (typeof options === 'string') return yield* failed(call, options);
  const found = containerNamed(call.context.machine, name);
  if (!found) return yield* notFound(call, name);
  const personality = personalityNamed(format);
  if (personality?.format !== 'apfs') {
    return yield* failed(call, `${format} is not an APFS format: APFS or "Case-sensitive APFS"`);
  }
  const isCaseSensitive = personality.settings['case-sensitive'] === 'yes';
  const kind = isCaseSensitive ? 'APFS (Case-sensitive)' : 'APFS';
  yield* call.print(
    `Will export new ${kind} Volume "${label}" from APFS Container Reference ${found.device}\n` +
      `Started APFS operation on ${found.device}\n`,
  );
  const device = yield* add(call, found.device, { label, isCaseSensitive, ...options.settings });
  if (device === null) return 1;
  if (options.mounts && !(yield* mountNew(call, device, options.mountPoint))) return 1;
  yield* call.print(`Disk from APFS operation: ${device}\nFinished APFS operation on ${found.device}\n`);
  return 0;
}

/** The lines of the operation itself; null when it failed, and that has been said. */
function* add(call: Invocation, container: string, volume: NewPoolVolume): Running<string | null> {
  yield* call.print(`Preparing to add APFS Volume to APFS Container ${container}\nCreating APFS Volume\n`);
  const device = outcomeOf(() => call.context.machine.addVolume(container, volume));
  if (device instanceof FsError) {
    yield* failed(call, `Error adding APFS Volume to ${container}: ${reasonOf(device)}`);
    return null;
  }
  yield* call.printLine(`Created new APFS Volume ${device}`);
  return device;
}

function* mountNew(call: Invocation, device: string, mountPoint?: string): Running<boolean> {
  const { machine } = call.context;
  yield* call.printLine('Mounting APFS Volume');
  const on = outcomeOf(() =>
    machine.mount(device, { isReadOnly: false, ...(mountPoint === undefined ? {} : { mountPoint }) }),
  );
  if (on instanceof FsError) {
    yield* failed(call, `Volume on ${device} failed to mount: ${reasonOf(on)}`);
    return false;
  }
  yield* call.printLine('Setting volume permissions');
  yield* call.say(mountRemarks(machine, device));
  return true;
}

function* deleteVolume(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, more] = words;
  if (name === undefined || more !== undefined) return null;
  const found = yield* volumeIn(call, name);
  if (!found) return 1;
  yield* call.printLine('Started APFS operation');
  if (!(yield* remove(call, found))) return 1;
  yield* call.printLine('Finished APFS operation');
  return 0;
}

function* remove(call: Invocation, found: PoolVolume): Running<boolean> {
  const { device, mountPoint } = found.slice;
  yield* call.printLine('Deleting APFS Volume from its APFS Container');
  if (mountPoint !== null) {
    yield* call.printLine(`Unmounting ${device}`);
    if (!(yield* leave(call, found))) return false;
  }
  yield* call.printLine('Deleting Volume');
  const done = outcomeOf(() => call.context.machine.deleteVolume(device));
  if (!(done instanceof FsError)) return true;
  yield* failed(call, `Error deleting APFS Volume ${device}: ${reasonOf(done)}`);
  return false;
}

function* eraseVolume(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, ...rest] = words;
  if (name === undefined) return null;
  const at = rest.findIndex((word) => word.toLowerCase() === '-name');
  const label = at === -1 ? undefined : rest[at + 1];
  if (label === undefined) return null;
  const options = optionsOf(rest.filter((_, i) => i !== at && i !== at + 1));
  if (options === null) return null;
  if (typeof options === 'string') return yield* failed(call, options);
  return yield* erasePoolVolume(call, name, { label, role: options.settings.role });
}

/** `diskutil apfs eraseVolume`, and `diskutil eraseVolume` of a volume of a container. */
export function* erasePoolVolume(
  call: Invocation,
  name: string,
  wanted: { label: string; role?: string | undefined; isCaseSensitive?: boolean },
): Running {
  const found = yield* volumeIn(call, name);
  if (!found) return 1;
  const { device, label: before, volume } = found.slice;
  const what = before === '' ? device : `${device} (${before})`;
  yield* call.print(
    `Started erase on ${what}\nPreparing to erase APFS Volume content\n` +
      `Erasing APFS Volume ${device} by deleting and re-adding\n`,
  );
  if (!(yield* remove(call, found))) return 1;
  const made = yield* add(call, found.container.device, {
    label: wanted.label,
    isCaseSensitive: wanted.isCaseSensitive ?? volume.isCaseSensitive,
    role: wanted.role ?? volume.role,
    quotaBytes: volume.quotaBytes,
    reserveBytes: volume.reserveBytes,
  });
  if (made === null || !(yield* mountNew(call, made))) return 1;
  yield* call.printLine(`Finished erase on ${made}${wanted.label === '' ? '' : ` (${wanted.label})`}`);
  return 0;
}

function* changeRole(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, role, more] = words;
  if (name === undefined || role === undefined || more !== undefined) return null;
  const found = yield* volumeIn(call, name);
  if (!found) return 1;
  const { device } = found.slice;
  yield* call.printLine(`Started APFS operation on ${device}`);
  const done = outcomeOf(() => call.context.machine.changeRole(device, roleNamed(role)));
  if (done instanceof FsError) {
    return yield* failed(call, `Error changing the role of ${device}: ${reasonOf(done)}`);
  }
  yield* call.printLine(`Finished APFS operation on ${device}`);
  return 0;
}

// ── snapshots ───────────────────────────────────────────────────────────────────────────────────────────────────────

function* listSnapshots(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, more] = words;
  if (name === undefined || more !== undefined) return null;
  const found = yield* volumeIn(call, name);
  if (!found) return 1;
  yield* call.print(snapshotsReport(found.slice.device, found.slice.volume.snapshots));
  return 0;
}

function* deleteSnapshot(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, option, text, more] = words;
  if (name === undefined || option === undefined || text === undefined || more !== undefined) return null;
  const key = option.toLowerCase();
  if (key !== '-uuid' && key !== '-xid' && key !== '-name') return null;
  const found = yield* volumeIn(call, name);
  if (!found) return 1;
  const { device, volume } = found.slice;
  const snapshot = volume.snapshots.find((each) =>
    key === '-uuid'
      ? each.uuid.toLowerCase() === text.toLowerCase()
      : key === '-xid'
        ? String(each.xid) === text
        : each.name === text,
  );
  if (!snapshot) return yield* failed(call, `Could not find APFS Snapshot ${text} on APFS Volume ${device}`);
  yield* call.print(
    `Deleting APFS Snapshot ${snapshot.uuid} "${snapshot.name}" from APFS Volume ${device}\n` +
      'Started APFS operation\n',
  );
  const done = outcomeOf(() => call.context.machine.deleteSnapshot(device, snapshot.name));
  if (done instanceof FsError) {
    return yield* failed(call, `Error deleting APFS Snapshot "${snapshot.name}": ${reasonOf(done)}`);
  }
  yield* call.printLine('Finished APFS operation');
  return 0;
}
