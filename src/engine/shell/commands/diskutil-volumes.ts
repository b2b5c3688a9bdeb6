import { FsError } from '../../base/errno.ts';
import type { Running } from '../command.ts';
import { diskNamed, rawDevicePath, reasonOf, volumeNamed, withDeviceName } from '../disk-names.ts';
import { failed, leave, notFound } from '../diskutil-verb.ts';
import type { Invocation } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';
import { exitCodeOf } from './fsck_msdos.ts';

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
  const { device, mountPoint, label } = found.slice;
  const what = `file system ${repair ? 'repair' : 'verification'} on ${device}${label === '' ? '' : ` ${label}`}`;
  yield* call.print(`Started ${what}\n${repair ? 'Repairing' : 'Verifying'} file system\n`);
  const wasMounted = mountPoint !== null;
  if (repair && wasMounted) {
    if (!(yield* leave(call, found))) return 1;
    yield* call.printLine('Volume was successfully unmounted');
  }
  yield* call.printLine(`Performing fsck_msdos -${repair ? 'y' : 'n'} ${rawDevicePath(device)}`);
  const report = outcomeOf(() => machine.fsck(device, { repair }));
  if (report instanceof FsError) return yield* failed(call, `Error starting ${what}: ${reasonOf(report)}`);
  for (const line of report.lines) yield* call.printLine(line);
  const exitCode = exitCodeOf(report);
  yield* call.printLine(`File system check exit code is ${exitCode}`);
  if (repair) {
    yield* call.printLine(`Restoring the original state found as ${wasMounted ? 'mounted' : 'unmounted'}`);
    const mounted = wasMounted ? outcomeOf(() => machine.mount(device, { isReadOnly: false })) : '';
    if (mounted instanceof FsError)
      call.exitCode = yield* failed(call, `Volume on ${device} failed to mount: ${reasonOf(mounted)}`);
  }
  if (exitCode !== 0) {
    yield* call.say('Error: -69845: File system verify or repair failed\n');
    yield* call.say(`Underlying error: ${exitCode}\n`);
    return 1;
  }
  yield* call.printLine(`Finished ${what}`);
  return call.exitCode;
}

interface Personality {
  readonly format: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** By the names people give them, in small letters and without blanks, dashes and brackets. */
const PERSONALITIES: ReadonlyMap<string, Personality> = new Map([
  ['msdos', { format: 'fat32', settings: {} }],
  ['fat', { format: 'fat32', settings: {} }],
  ['msdosfat', { format: 'fat32', settings: {} }],
  ['fat32', { format: 'fat32', settings: { type: 'fat32' } }],
  ['msdosfat32', { format: 'fat32', settings: { type: 'fat32' } }],
  ['msdosfat16', { format: 'fat32', settings: { type: 'fat16' } }],
  ['msdosfat12', { format: 'fat32', settings: { type: 'fat12' } }],
]);

function* personalityOf(call: Invocation, text: string): Running<Personality | null> {
  const found = PERSONALITIES.get(text.toLowerCase().replace(/[-\s()]/g, ''));
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
  const { device, mountPoint, label: before } = found.slice;
  yield* call.print(`Started erase on ${device}${before === '' ? '' : ` ${before}`}\nUnmounting disk\n`);
  if (mountPoint !== null && !(yield* leave(call, found))) return 1;
  yield* call.printLine('Erasing');
  const report = outcomeOf(() =>
    machine.newfs(device, { format: personality.format, label, settings: { ...personality.settings } }),
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
  const scheme = rest.length === 2 ? (rest[0] ?? '') : 'GPT';
  if (!SCHEMES.test(scheme)) {
    yield* call.say(`${scheme} is no partition scheme: GPT, MBR or none\n`);
    return 1;
  }
  const personality = yield* personalityOf(call, format);
  if (!personality) return 1;
  const { machine } = call.context;
  const disk = diskNamed(machine, name) ?? volumeNamed(machine, name)?.disk;
  if (!disk) return yield* notFound(call, name);
  if (Object.keys(personality.settings).length > 0 && personality.settings['type'] !== 'fat32') {
    yield* call.say(`eraseDisk chooses the FAT type by size; use eraseVolume with "${format}"\n`);
    return 1;
  }
  const lines = outcomeOf(() =>
    machine.eraseDisk(disk.device, { format: personality.format, label, scheme }),
  );
  if (lines instanceof FsError)
    return yield* failed(call, `Error: -69877: ${disk.device}: ${reasonOf(lines)}`);
  const formatted = lines.flatMap((line) => /^Formatting (disk\d+(?:s\d+)?) /.exec(line)?.[1] ?? [])[0];
  for (const line of withDeviceName(lines, formatted ?? disk.device)) yield* call.printLine(line);
  return 0;
}
