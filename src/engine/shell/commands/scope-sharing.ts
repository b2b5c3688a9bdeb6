import { FsError } from '../../base/errno.ts';
import { formatDate } from '../date-format.ts';
import type { Extent } from '../../formats/contract.ts';
import type { Running } from '../command.ts';
import { reasonOf, volumeNamed } from '../disk-names.ts';
import type { SliceDescription } from '../machine.ts';
import type { Invocation } from '../program.ts';
import { decimalSize, withCommas } from '../sizes-text.ts';
import { outcomeOf } from '../system-outcome.ts';
import { table } from '../table-text.ts';

/** `scope shared` and `scope snapshot`: blocks that several hold, and volumes as they were. */

// ── shared blocks ───────────────────────────────────────────────────────────────────────────────────────────────────

interface SharedPiece {
  readonly firstOffsetBytes: number;
  readonly secondOffsetBytes: number;
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
}

/** Where two files lie on the same bytes of the disk, in the order of the disk. n log n in their extents. */
export function sharedPieces(first: readonly Extent[], second: readonly Extent[]): SharedPiece[] {
  const inOrder = (extents: readonly Extent[]) =>
    extents.toSorted((a, b) => a.deviceOffsetBytes - b.deviceOffsetBytes);
  const [left, right] = [inOrder(first), inOrder(second)];
  const pieces: SharedPiece[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    const [a, b] = [left[i], right[j]];
    if (a === undefined || b === undefined) break;
    const start = Math.max(a.deviceOffsetBytes, b.deviceOffsetBytes);
    const [endOfA, endOfB] = [a, b].map((extent) => extent.deviceOffsetBytes + extent.lengthBytes);
    const end = Math.min(endOfA ?? 0, endOfB ?? 0);
    if (start < end) {
      pieces.push({
        firstOffsetBytes: a.fileOffsetBytes + start - a.deviceOffsetBytes,
        secondOffsetBytes: b.fileOffsetBytes + start - b.deviceOffsetBytes,
        deviceOffsetBytes: start,
        lengthBytes: end - start,
      });
    }
    if ((endOfA ?? 0) <= (endOfB ?? 0)) i++;
    else j++;
  }
  return pieces;
}

const blocksText = (count: number): string => (count === 1 ? '1 block' : `${withCommas(count)} blocks`);

export function* shared(call: Invocation, words: readonly string[]): Running<number | null> {
  const [first, second, more] = words;
  if (first === undefined || second === undefined || more !== undefined) return null;
  const { system } = call;
  const { machine } = call.context;
  const found = outcomeOf(() => {
    const [one, other] = [first, second].map((path) => system.stat(path));
    return {
      isOneFile: one?.inode === other?.inode && one?.device === other?.device,
      blockSizeBytes: one?.blockSizeBytes ?? 1,
      extents: [machine.extentsOf(first), machine.extentsOf(second)] as const,
    };
  });
  if (found instanceof FsError) return yield* call.fail(`${found.path || first}: ${reasonOf(found)}`);
  if (found.isOneFile) {
    yield* call.printLine(`${first} and ${second} are one file with two names: all of it is the same`);
    return 0;
  }
  const { blockSizeBytes } = found;
  const pieces = sharedPieces(...found.extents);
  const sum = (extents: readonly { lengthBytes: number }[]) =>
    Math.ceil(extents.reduce((total, { lengthBytes }) => total + lengthBytes, 0) / blockSizeBytes);
  const [ofFirst, ofSecond] = found.extents.map((extents) => blocksText(sum(extents)));
  const blocks = sum(pieces);
  yield* call.printLine(
    `${first} (${ofFirst}) and ${second} (${ofSecond}) share ` +
      (blocks === 0 ? 'nothing' : `${blocksText(blocks)} of ${blockSizeBytes} bytes`),
  );
  yield* table(
    call,
    [`offset in ${first}`, `offset in ${second}`, 'device offset', 'length'],
    pieces.map((piece) => [
      piece.firstOffsetBytes,
      piece.secondOffsetBytes,
      piece.deviceOffsetBytes,
      piece.lengthBytes,
    ]),
  );
  return 0;
}

// ── snapshots ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Volume, name and more: `scope snapshot rename NAME NEW [volume]`. The volume is the current one unless given. */
export function* snapshot(call: Invocation, words: readonly string[]): Running<number | null> {
  const [verb, ...rest] = words;
  const counts: Readonly<Record<string, number>> = {
    list: 0,
    create: 1,
    delete: 1,
    revert: 1,
    why: 1,
    rename: 2,
  };
  const count = Object.hasOwn(counts, verb ?? '') ? counts[verb ?? ''] : undefined;
  if (verb === undefined || count === undefined) return null;
  if (rest.length < count || rest.length > count + 1) return null;
  const volume = rest[count] ?? '.';
  if (verb === 'list') return yield* listSnapshots(call, volume);
  const [name = '', newName = ''] = rest;
  const { machine } = call.context;
  if (verb === 'why') {
    const said = outcomeOf(() => machine.whySnapshot(volume, name));
    if (said instanceof FsError) return yield* call.fail(`${name}: ${reasonOf(said)}`);
    for (const sentence of said) yield* call.printLine(sentence);
    return 0;
  }
  const sentences: Readonly<Record<string, readonly [() => void, string]>> = {
    create: [() => machine.createSnapshot(volume, name), `Took the snapshot ${name}`],
    delete: [() => machine.deleteSnapshot(volume, name), `Deleted the snapshot ${name}`],
    rename: [
      () => machine.renameSnapshot(volume, name, newName),
      `Renamed the snapshot ${name} to ${newName}`,
    ],
    revert: [
      () => machine.revertToSnapshot(volume, name),
      `The volume is what it was at the snapshot ${name}; what came later is gone`,
    ],
  };
  const [work, sentence] = sentences[verb] ?? [];
  if (work === undefined || sentence === undefined) return null;
  const done = outcomeOf(work);
  if (done instanceof FsError) return yield* call.fail(`${name}: ${reasonOf(done)}`);
  yield* call.printLine(sentence);
  return 0;
}

function* listSnapshots(call: Invocation, volume: string): Running {
  const { machine } = call.context;
  const on = outcomeOf(() => call.system.statfs(volume).on);
  const found =
    volumeNamed(machine, volume) ?? (on instanceof FsError ? undefined : volumeNamed(machine, on));
  if (found?.slice.volume === undefined) {
    return yield* call.fail(`${volume}: no snapshots are kept there; they need an APFS volume`);
  }
  const { device, volume: described }: SliceDescription = found.slice;
  const snapshots = described?.snapshots ?? [];
  if (snapshots.length === 0) {
    yield* call.printLine(`${device} has no snapshots`);
    return 0;
  }
  const rows: (readonly (number | string)[])[] = [];
  for (const each of snapshots) {
    const space = outcomeOf(() => machine.snapshotSpace(device, each.name));
    const sizes =
      space instanceof FsError
        ? [space.code, space.code]
        : [decimalSize(space.pinnedBytes), decimalSize(space.privateBytes)];
    const date = formatDate(each.createTime, '%Y-%m-%d %H:%M:%S');
    rows.push([each.xid, date, ...sizes, each.mountPoint ?? '', each.name]);
  }
  yield* table(call, ['transaction', 'taken', 'holds on to', 'frees alone', 'mounted on', 'name'], rows);
  return 0;
}
