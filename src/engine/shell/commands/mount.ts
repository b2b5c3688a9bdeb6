import { FsError } from '../../base/errno.ts';
import type { MountStatistics } from '../../vfs/calls.ts';
import type { Running } from '../command.ts';
import { mountableNamed, mountRemarks, reasonOf, snapshotNamed } from '../disk-names.ts';
import { isDirectory } from '../permissions-text.ts';
import type { MountRequest } from '../machine.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

/** f_fstypename by the format's own name, and back. */
const TYPES: Readonly<Record<string, string>> = {
  fat32: 'msdos',
  exfat: 'exfat',
  hfsplus: 'hfs',
  hfsx: 'hfs',
  apfs: 'apfs',
};

export const mount = program({
  name: 'mount',
  summary: 'show and make mounts',
  manual: `mount
mount [-rvw] [-o options] [-t type] special mount_point
mount special | mount_point
mount -u [-r] [-o options] special | mount_point

Without words: what is mounted where. -r or -o rdonly: read only. -t: msdos, exfat, hfs, apfs.
-u: mount what is mounted anew with these options, without unmounting it; of APFS, where it means the whole container.

Differs from macOS: no -a, -f; of the options rdonly (ro) and rw mean something; with APFS and HFS+ nodiscard (do not tell the disk
what became free; discard is the usual); and with APFS inplace (overwrite data that nobody else holds; copyonwrite is the
usual) and checkpoint=N (the container as transaction N left it, read only), of all volumes of a container alike.
nodev, nosuid, noowners, nobrowse and async are accepted.`,
  usage: [
    'usage: mount [-dfFrkuvw] [-o options] [-t external_type] special mount_point',
    '       mount [-adfFrkuvw] [-t external_type]',
    '       mount [-dfrkuvw] special | mount_point',
  ].join('\n'),
  usageExitCode: 64,
  letters: 'o:rt:uvw',
  *main(call) {
    const { operands, system } = call;
    const [special, point] = operands;
    const type = call.valueOf('t');
    if (special === undefined) {
      for (const each of system.getfsstat()) {
        if (type === undefined || each.typeName === type) yield* call.printLine(describe(each));
      }
      return 0;
    }
    if (operands.length > 2) return yield* call.showUsage();
    const words = call.options
      .filter(({ letter }) => letter === 'o')
      .flatMap(({ value }) => value.split(','));
    const read = readMountWords(words);
    if ('strange' in read) return yield* call.fail(`-o ${read.strange}: option not supported`, 64);
    const isReadOnly = call.lastOf('rw') === 'r' || read.isReadOnly;
    if (call.has('u')) return yield* mountAnew(call, special, { ...read, isReadOnly });
    return yield* mountOne(call, special, point, type, { ...read, isReadOnly });
  },
});

/** `mount -u`. */
function* mountAnew(call: Invocation, special: string, request: MountRequest): Running {
  const { machine } = call.context;
  const found = mountableNamed(machine, special);
  if (!found) return yield* call.fail(`${special}: unknown special file or file system.`);
  const on = outcomeOf(() => machine.remount(found.slice.device, request));
  if (on instanceof FsError) return yield* call.fail(`${special}: ${reasonOf(on)}`);
  if (call.has('v')) yield* call.printLine(describe(call.system.statfs(on)));
  yield* call.say(mountRemarks(machine, found.slice.device));
  return 0;
}

/** Accepted; they mean nothing here. */
const IDLE_OPTIONS = ['rw', 'nodev', 'nosuid', 'noowners', 'nobrowse', 'async', 'local', ''];

/** What the words of `-o` ask for, or the first that nobody knows. */
export function readMountWords(
  words: readonly string[],
): Pick<MountRequest, 'isReadOnly' | 'checkpointXid' | 'overwritesInPlace' | 'trims'> | { strange: string } {
  const xid = words.flatMap((word) => /^checkpoint=(\d{1,15})$/.exec(word)?.[1] ?? [])[0];
  const isPolicy = (word: string) =>
    /^(inplace|copyonwrite|discard|nodiscard|checkpoint=\d{1,15})$/.test(word);
  const strange = words.find(
    (word) => !IDLE_OPTIONS.includes(word) && word !== 'rdonly' && word !== 'ro' && !isPolicy(word),
  );
  if (strange !== undefined) return { strange };
  const isNamed = (word: string) => words.includes(word);
  return {
    isReadOnly: isNamed('rdonly') || isNamed('ro') || xid !== undefined,
    ...(xid === undefined ? {} : { checkpointXid: Number(xid) }),
    ...(isNamed('inplace') || isNamed('copyonwrite') ? { overwritesInPlace: isNamed('inplace') } : {}),
    ...(isNamed('discard') || isNamed('nodiscard') ? { trims: isNamed('discard') } : {}),
  };
}

/** `mount`'s line for one volume, its words in the order of mount.c. */
function describe({ from, on, typeName, title, isReadOnly }: MountStatistics): string {
  const words = [typeName, 'local'];
  if (typeName === 'devfs') words.push('nobrowse');
  else words.push('nodev', 'nosuid');
  if (isReadOnly) words.push('read-only');
  if (typeName === 'apfs' || (typeName === 'hfs' && title.includes('Journaled'))) words.push('journaled');
  if (typeName === 'msdos' || typeName === 'exfat') words.push('noowners');
  return `${from} on ${on} (${words.join(', ')})`;
}

/** mount_msdos and the others: `mount -t` of one type, both words given. */
const mountTool = (type: string, title: string) =>
  program({
    name: `mount_${type}`,
    summary: `mount ${title} volume`,
    manual: `mount_${type} [-o options] special mount_point

The same as mount -t ${type}. Differs from macOS: no options of its own.`,
    usage: `usage: mount_${type} [-o options] special mount_point`,
    usageExitCode: 64,
    letters: 'o:r',
    *main(call) {
      const [special, point, more] = call.operands;
      if (special === undefined || point === undefined || more !== undefined) return yield* call.showUsage();
      const words = (call.valueOf('o') ?? '').split(',');
      const read = readMountWords(words);
      if ('strange' in read) return yield* call.fail(`-o ${read.strange}: option not supported`, 64);
      return yield* mountOne(call, special, point, type, {
        ...read,
        isReadOnly: call.has('r') || read.isReadOnly,
      });
    },
  });

export const mountMsdos = mountTool('msdos', 'a FAT');
export const mountExfat = mountTool('exfat', 'an exFAT');
export const mountHfs = mountTool('hfs', 'an HFS+');

export function* mountOne(
  call: Invocation,
  special: string,
  point: string | undefined,
  type: string | undefined,
  request: MountRequest,
): Running {
  const { machine } = call.context;
  const found = mountableNamed(machine, special);
  if (!found) {
    const exists = outcomeOf(() => call.system.stat(special));
    if (exists instanceof FsError) yield* call.complain(special, exists);
    else yield* call.warn(`${special}: unknown special file or file system.`);
    return 1;
  }
  const { slice } = found;
  const own = TYPES[slice.formatName ?? ''];
  if (type !== undefined && type !== own) {
    const isKnown = Object.values(TYPES).includes(type);
    if (!isKnown)
      return yield* call.fail(
        `exec /Library/Filesystems/${type}.fs/Contents/Resources/mount_${type} for ${point ?? special}: No such file or directory`,
        72,
      );
    return yield* call.fail(
      `${special} on ${point ?? ''}: Invalid argument (it holds ${own ?? 'no file system that is known here'})`,
    );
  }
  const directory = point === undefined ? undefined : outcomeOf(() => call.system.realpath(point));
  if (directory instanceof FsError) {
    yield* call.complain(`realpath ${point ?? ''}`, directory);
    return 1;
  }
  if (directory !== undefined && !isDirectory(call.system.stat(directory).mode)) {
    yield* call.complain(point ?? '', 'ENOTDIR');
    return 1;
  }
  const on = outcomeOf(() =>
    machine.mount(slice.device, {
      ...request,
      ...(directory === undefined ? {} : { mountPoint: directory }),
    }),
  );
  if (on instanceof FsError)
    return yield* call.fail(
      `${special}${directory === undefined ? '' : ` on ${directory}`}: ${reasonOf(on)}`,
    );
  if (call.has('v')) yield* call.printLine(describe(call.system.statfs(on)));
  yield* call.say(mountRemarks(machine, slice.device));
  return 0;
}

export const umount = program({
  name: 'umount',
  summary: 'undo a mount',
  manual: `umount [-v] [-t type] special | node
umount -a [-v]

Refused while something on the volume is in use: an open file, a current directory.

Differs from macOS: no -f.`,
  usage: [
    'usage: umount [-fv] [-t fstypelist] special | node',
    '       umount -a[fv] [-h host] [-t fstypelist]',
  ].join('\n'),
  usageExitCode: 1,
  letters: 'aft:v',
  *main(call) {
    const { system } = call;
    const type = call.valueOf('t');
    const isWanted = (each: MountStatistics) => type === undefined || type.split(',').includes(each.typeName);
    if (call.has('f')) {
      return yield* call.fail(
        '-f is not simulated: unmounting by force would lose what is open. Close it first.',
      );
    }
    if (call.has('a') ? call.operands.length > 0 : call.operands.length === 0) return yield* call.showUsage();
    const all = system.getfsstat().filter(({ typeName }) => typeName !== 'devfs');
    if (call.has('a')) {
      for (const each of all.filter(isWanted).reverse()) yield* unmountOne(call, each);
      return call.exitCode;
    }
    for (const operand of call.operands) {
      const real = outcomeOf(() => system.realpath(operand));
      const snapshot = snapshotNamed(call.context.machine, operand)?.snapshot.mountPoint;
      const names = [
        ...(snapshot == null ? [] : [snapshot]),
        operand,
        operand.replace(/(.)\/+$/, '$1'),
        ...(real instanceof FsError ? [] : [real]),
      ];
      const found = all.find(
        ({ from, on }) =>
          names.includes(from) || names.includes(on) || names.includes(from.replace('/dev/', '')),
      );
      if (!found) yield* call.warn(`${operand}: not currently mounted`);
      else if (isWanted(found)) yield* unmountOne(call, found);
      else call.exitCode = 1;
    }
    return call.exitCode;
  },
});

function* unmountOne(call: Invocation, { from, on }: MountStatistics): Running<void> {
  if (call.has('v')) yield* call.printLine(`${from} unmount from ${on}`);
  const done = outcomeOf(() => call.context.machine.unmount(on));
  if (!(done instanceof FsError)) return;
  call.exitCode = 1;
  if (done.code === 'EBUSY') yield* call.say(`umount(${on}): ${reasonOf(done)} -- try 'diskutil unmount'\n`);
  else yield* call.warn(`unmount(${on}): ${reasonOf(done)}`);
}
