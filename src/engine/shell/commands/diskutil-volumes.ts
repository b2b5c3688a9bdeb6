import { FsError } from '../../base/errno.ts';
import { checkerOf, exitCodeOf } from '../checking.ts';
import type { Running } from '../command.ts';
import { containerNamed, diskNamed, mountedFrom, rawDevicePath, reasonOf } from '../disk-names.ts';
import { volumeNamed, withDeviceName } from '../disk-names.ts';
import { failed, leave, notFound } from '../diskutil-verb.ts';
import { personalityNamed } from '../personalities.ts';
import type { Personality } from '../personalities.ts';
import type { Invocation } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';
import { erasePoolVolume } from './diskutil-apfs.ts';

/** The verbs of diskutil that write: checking with repair, and erasing. */

export function* checkVolume(
  call: Invocation,
  words: readonly string[],
  repair: boolean,
): Running<number | null> {
  const [name, more] = words;
  if (name === undefined || more !== undefined) return null;
  const { machine } = call.context;
  const found = volumeNamed(machine, name);
  if (!found) return yield* notFound(call, name);
  const { device, label, formatName } = found.slice;
  const what = `file system ${repair ? 'repair' : 'verification'} on ${device}${label === '' ? '' : ` ${label}`}`;
  yield* call.print(`Started ${what}\n${repair ? 'Repairing' : 'Verifying'} file system\n`);
  // A container is repaired as a whole: nothing of it may be mounted.
  const store = containerNamed(machine, device)?.container.physicalStore.device ?? device;
  const mounted = mountedFrom(machine, volumeNamed(machine, store) ?? found);
  const wasMounted = mounted.length > 0;
  if (repair && wasMounted) {
    for (const each of mounted) if (!(yield* leave(call, each))) return 1;
    yield* call.printLine('Volume was successfully unmounted');
  }
  yield* call.printLine(
    `Performing ${checkerOf(formatName)} -${repair ? 'y' : 'n'} ${rawDevicePath(device)}`,
  );
  const report = outcomeOf(() => machine.fsck(device, { repair }));
  if (report instanceof FsError) return yield* failed(call, `Error starting ${what}: ${reasonOf(report)}`);
  for (const line of report.lines) yield* call.printLine(line);
  const exitCode = exitCodeOf(report);
  yield* call.printLine(`File system check exit code is ${exitCode}`);
  if (repair) {
    yield* call.printLine(`Restoring the original state found as ${wasMounted ? 'mounted' : 'unmounted'}`);
    for (const { slice } of mounted.reverse()) {
      const again = outcomeOf(() => machine.mount(slice.device, { isReadOnly: false }));
      if (again instanceof FsError)
        call.exitCode = yield* failed(call, `Volume on ${slice.device} failed to mount: ${reasonOf(again)}`);
    }
  }
  if (exitCode !== 0) {
    yield* call.say('Error: -69845: File system verify or repair failed\n');
    yield* call.say(`Underlying error: ${exitCode}\n`);
    return 1;
  }
  yield* call.printLine(`Finished ${what}`);
  return call.exitCode;
}

function* personalityOf(call: Invocation, text: string): Running<Personality | null> {
  const found = personalityNamed(text);
  if (!found) {
    yield* call.say(
      `${text} does not appear to be a valid file system format\n` +
        'Use diskutil listFilesystems to view a list of supported file systems\n',
    );
  }
  return found ?? null;
}

export function* eraseVolume(call: Invocation, words: readonly string[]): Running<number | null> {
  const [format, label, name, more] = words;
  if (format === undefined || label === undefined || name === undefined || more !== undefined) return null;
  const personality = yield* personalityOf(call, format);
  if (!personality) return 1;
  const { machine } = call.context;
  const found = volumeNamed(machine, name);
  if (!found) return yield* notFound(call, name);
  const { device, label: before } = found.slice;
  if (found.disk.container !== undefined) {
    if (personality.format === 'apfs') {
      const isCaseSensitive = personality.settings['case-sensitive'] === 'yes';
      return yield* erasePoolVolume(call, device, { label, isCaseSensitive });
    }
    const { physicalStore } = found.disk.container;
    return yield* failed(
      call,
      `${device} is a volume of a container and stays APFS: erase the whole store ${physicalStore.device} to make it ${format}`,
    );
  }
  yield* call.print(`Started erase on ${device}${before === '' ? '' : ` ${before}`}\nUnmounting disk\n`);
  for (const mounted of mountedFrom(machine, found)) if (!(yield* leave(call, mounted))) return 1;
  yield* call.printLine('Erasing');
  const report = outcomeOf(() =>
    machine.newfs(device, {
      ...{ format: personality.format, label, settings: { ...personality.settings } },
      entersMap: true,
    }),
  );
  if (report instanceof FsError) return yield* failed(call, `Error: -69850: ${device}: ${reasonOf(report)}`);
  for (const line of withDeviceName(report.lines, device)) yield* call.printLine(line);
  for (const warning of report.warnings) yield* call.printLine(warning);
  yield* call.printLine('Mounting disk');
  const on = outcomeOf(() => machine.mount(device, { isReadOnly: false }));
  if (on instanceof FsError)
    return yield* failed(call, `Volume on ${device} failed to mount: ${reasonOf(on)}`);
  yield* call.printLine(`Finished erase on ${device}${label === '' ? '' : ` ${label}`}`);
  return 0;
}

const SCHEMES = /^(?:(gpt|mbr)(?:format)?|none)$/i;

export function* eraseDisk(call: Invocation, words: readonly string[]): Running<number | null> {
  const [format, label, ...rest] = words;
  const name = rest.at(-1);
  if (format === undefined || label === undefined || name === undefined || rest.length > 2) return null;
  return yield* erase(call, { format, label, name, scheme: rest.length === 2 ? (rest[0] ?? '') : 'GPT' });
}

/** All of the disk that is left: 'R', and what says so in numbers. */
const THE_REST = /^(?:r|100%|0(?:b|g|m|k|t)?)$/i;

/** One partition of all the space is eraseDisk by another name; the machine's disks hold no more than one volume. */
export function* partitionDisk(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, ...rest] = words;
  if (/^\d+$/.test(rest[0] ?? '')) rest.shift();
  const scheme = SCHEMES.test(rest[0] ?? '') ? (rest.shift() ?? '') : 'GPT';
  const [format, label, size] = rest;
  if (name === undefined || format === undefined || label === undefined || size === undefined) return null;
  if (rest.length > 3 || !THE_REST.test(size)) {
    yield* call.say('A disk is partitioned into one volume here that takes all of it: give R as its size\n');
    return 1;
  }
  return yield* erase(call, { format, label, name, scheme });
}

interface Erasure {
  readonly format: string;
  readonly label: string;
  readonly name: string;
  readonly scheme: string;
}

function* erase(call: Invocation, { format, label, name, scheme }: Erasure): Running {
  if (!SCHEMES.test(scheme)) {
    yield* call.say(`${scheme} is no partition scheme: GPT, MBR or none\n`);
    return 1;
  }
  const personality = yield* personalityOf(call, format);
  if (!personality) return 1;
  const { machine } = call.context;
  const named = diskNamed(machine, name) ?? volumeNamed(machine, name)?.disk;
  const store = named?.container?.physicalStore.device;
  const disk = store === undefined ? named : volumeNamed(machine, store)?.disk;
  if (!disk) return yield* notFound(call, name);
  const lines = outcomeOf(() =>
    machine.eraseDisk(disk.device, {
      ...{ format: personality.format, label, scheme },
      settings: { ...personality.settings },
    }),
  );
  if (lines instanceof FsError)
    return yield* failed(call, `Error: -69877: ${disk.device}: ${reasonOf(lines)}`);
  const formatted = lines.flatMap((line) => /^Formatting (disk\d+(?:s\d+)?) /.exec(line)?.[1] ?? [])[0];
  for (const line of withDeviceName(lines, formatted ?? disk.device)) yield* call.printLine(line);
  return 0;
}
