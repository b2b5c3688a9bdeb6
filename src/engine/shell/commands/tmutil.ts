import { FsError } from '../../base/errno.ts';
import { formatDate } from '../date-format.ts';
import type { Running } from '../command.ts';
import { reasonOf, volumeNamed } from '../disk-names.ts';
import type { SliceDescription, SnapshotDescription } from '../machine.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { expandNumber } from '../sizes-text.ts';
import { suggest } from '../suggest.ts';
import { outcomeOf } from '../system-outcome.ts';

const USAGE = `Usage: tmutil help <verb>

Usage: tmutil localsnapshot

Usage: tmutil listlocalsnapshots <mount_point>

Usage: tmutil listlocalsnapshotdates [<mount_point>]

Usage: tmutil deletelocalsnapshots <mount_point> | <snapshot_date>

Usage: tmutil thinlocalsnapshots <mount_point> [purge_amount] [urgency]`;

export const tmutil = program({
  name: 'tmutil',
  summary: 'local snapshots as Time Machine takes them',
  manual: `tmutil localsnapshot
tmutil listlocalsnapshots mount_point
tmutil listlocalsnapshotdates [mount_point]
tmutil deletelocalsnapshots mount_point | date
tmutil thinlocalsnapshots mount_point [purge_amount] [urgency]

localsnapshot takes a snapshot of every mounted APFS volume that can be written, all with the same date in their name:
com.apple.TimeMachine.2026-04-26-223736.local. thinlocalsnapshots deletes them, oldest first, until purge_amount bytes
are free, or all of them. Nobody needs to be root: it is the system that acts, as on a Mac.

Differs from macOS: nothing is ever backed up, so there are no other verbs; urgency (1 to 4) changes nothing.`,
  usage: USAGE,
  usageExitCode: 64,
  letters: '',
  *main(call) {
    const [verb, ...words] = call.operands;
    if (verb === undefined) return yield* call.showUsage();
    const run = VERBS.get(verb.toLowerCase());
    if (!run) {
      const near = suggest(verb, [...VERBS.keys()]);
      yield* call.say(
        `${verb}: Unrecognized verb.${near === undefined ? '' : ` Did you mean ${near}?`}\n${USAGE}\n`,
      );
      return 64;
    }
    return (yield* run(call, words)) ?? (yield* call.showUsage());
  },
});

/** Null: the words do not fit the verb. */
type Verb = (call: Invocation, words: readonly string[]) => Running<number | null>;

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['localsnapshot', localSnapshot],
  ['snapshot', localSnapshot],
  ['listlocalsnapshots', listLocalSnapshots],
  ['listlocalsnapshotdates', listLocalSnapshotDates],
  ['deletelocalsnapshots', deleteLocalSnapshots],
  ['thinlocalsnapshots', thinLocalSnapshots],
]);

const NAME = /^com\.apple\.TimeMachine\.(\d{4}-\d{2}-\d{2}-\d{6})\.local$/;
const DATE = /^\d{4}-\d{2}-\d{2}-\d{6}$/;
const nameOf = (date: string): string => `com.apple.TimeMachine.${date}.local`;
const dateOf = (name: string): string | undefined => NAME.exec(name)?.[1];

const mountedVolumes = (call: Invocation): SliceDescription[] =>
  call.context.machine
    .disks()
    .flatMap(({ slices }) => slices)
    .filter(({ volume, mountPoint }) => volume !== undefined && mountPoint !== null);

const datesOf = (volumes: readonly SliceDescription[]): string[] => {
  const names = volumes.flatMap(({ volume }) => (volume?.snapshots ?? []).map(({ name }) => name));
  return [...new Set(names.flatMap((name) => dateOf(name) ?? []))].sort();
};

function* localSnapshot(call: Invocation, words: readonly string[]): Running<number | null> {
  if (words.length > 0) return null;
  const { machine } = call.context;
  const volumes = mountedVolumes(call);
  if (volumes.length === 0) {
    return yield* call.fail('no mounted volume can keep snapshots: they need APFS');
  }
  const date = formatDate(call.system.now(), '%Y-%m-%d-%H%M%S');
  yield* call.printLine(
    'NOTE: local snapshots are considered purgeable and may be removed at any time by deleted(8).',
  );
  let taken = 0;
  for (const { device, mountPoint } of volumes) {
    const done = outcomeOf(() => machine.createSnapshot(device, nameOf(date)));
    // What can only be read is left out; a second snapshot in one second is the first one.
    if (!(done instanceof FsError)) taken++;
    else if (done.code !== 'EROFS') yield* call.warn(`${mountPoint ?? device}: ${reasonOf(done)}`);
  }
  if (taken > 0) yield* call.printLine(`Created local snapshot with date: ${date}`);
  else if (call.exitCode === 0) yield* call.warn('every APFS volume is mounted for reading only');
  return call.exitCode;
}

/** Null when there is none, and that has been said. */
function* volumeOf(call: Invocation, name: string): Running<SliceDescription | null> {
  const real = outcomeOf(() => call.system.statfs(name).on);
  const found = volumeNamed(call.context.machine, real instanceof FsError ? name : real);
  if (found?.slice.volume !== undefined) return found.slice;
  yield* call.warn(
    real instanceof FsError
      ? `${name}: ${reasonOf(real)}`
      : `${name}: no snapshots are kept on ${found?.slice.personality ?? 'this volume'}; they need APFS`,
  );
  return null;
}

function* listLocalSnapshots(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, more] = words;
  if (name === undefined || more !== undefined) return null;
  const found = yield* volumeOf(call, name);
  if (!found) return 1;
  yield* call.printLine(`Snapshots for disk ${found.mountPoint ?? found.device}:`);
  for (const snapshot of found.volume?.snapshots ?? []) yield* call.printLine(snapshot.name);
  return 0;
}

function* listLocalSnapshotDates(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, more] = words;
  if (more !== undefined) return null;
  const found = name === undefined ? null : yield* volumeOf(call, name);
  if (name !== undefined && !found) return 1;
  const which = found === null ? 'all disks' : `disk ${found.mountPoint ?? found.device}`;
  yield* call.printLine(`Snapshot dates for ${which}:`);
  for (const date of datesOf(found === null ? mountedVolumes(call) : [found])) yield* call.printLine(date);
  return 0;
}

function* deleteLocalSnapshots(call: Invocation, words: readonly string[]): Running<number | null> {
  const [which, more] = words;
  if (which === undefined || more !== undefined) return null;
  if (!DATE.test(which)) {
    const found = yield* volumeOf(call, which);
    if (!found) return 1;
    for (const date of datesOf([found])) yield* deleteDate(call, [found], date);
    return call.exitCode;
  }
  const volumes = mountedVolumes(call).filter((slice) => datesOf([slice]).includes(which));
  if (volumes.length === 0) return yield* call.fail(`there is no local snapshot of ${which}`);
  yield* deleteDate(call, volumes, which);
  return call.exitCode;
}

function* deleteDate(call: Invocation, volumes: readonly SliceDescription[], date: string): Running<void> {
  for (const { device } of volumes) {
    const done = outcomeOf(() => call.context.machine.deleteSnapshot(device, nameOf(date)));
    if (!(done instanceof FsError)) continue;
    yield* call.warn(`Failed to delete local snapshot '${date}': ${reasonOf(done)}`);
    return;
  }
  yield* call.printLine(`Deleted local snapshot '${date}'`);
}

function* thinLocalSnapshots(call: Invocation, words: readonly string[]): Running<number | null> {
  const [name, amount, urgency, more] = words;
  if (name === undefined || more !== undefined) return null;
  const wanted = amount === undefined ? Number.POSITIVE_INFINITY : expandNumber(amount);
  if (wanted === null || (urgency !== undefined && !/^[1-4]$/.test(urgency))) return null;
  const found = yield* volumeOf(call, name);
  if (!found) return 1;
  yield* call.printLine('Thinned local snapshots:');
  let purged = 0;
  for (const snapshot of (found.volume?.snapshots ?? []).filter((each) => dateOf(each.name) !== undefined)) {
    if (purged >= wanted) break;
    purged += yield* thin(call, found.device, snapshot);
  }
  return call.exitCode;
}

/** Bytes that became free; one that is mounted is left alone. */
function* thin(call: Invocation, device: string, { name, mountPoint }: SnapshotDescription): Running {
  const { machine } = call.context;
  if (mountPoint !== null) return 0;
  const done = outcomeOf(() => {
    const { privateBytes } = machine.snapshotSpace(device, name);
    machine.deleteSnapshot(device, name);
    return privateBytes;
  });
  if (done instanceof FsError) {
    yield* call.warn(`${name}: ${reasonOf(done)}`);
    return 0;
  }
  yield* call.printLine(dateOf(name) ?? name);
  return done;
}
