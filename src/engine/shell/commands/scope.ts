import { FsError } from '../../base/errno.ts';
import type { Running } from '../command.ts';
import { reasonOf } from '../disk-names.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { suggest } from '../suggest.ts';
import { outcomeOf } from '../system-outcome.ts';
import { table } from '../table-text.ts';
import { poke } from './scope-poke.ts';
import { shared, snapshot } from './scope-sharing.ts';

const HELP = `usage: scope why path | block
       scope extents path
       scope map [device]
       scope shared path path
       scope snapshot list [volume]
       scope snapshot create | delete | revert | why name [volume]
       scope snapshot rename name new-name [volume]
       scope poke block offset hex ... [--mend]
       scope undo
       scope redo
       scope help`;

/** What no Mac has: looking at the disk below the files, and going back in time. */
export const scope = program({
  name: 'scope',
  summary: 'look below the files: why, extents, map, shared, snapshot, poke, undo, redo',
  manual: `${HELP}

  why      where a file lies and what removing it would free; or what a block is for and who holds it
  extents  the pieces of a file: where in the file, where on the disk, how long
  map      what every block of a disk is for, as runs
  shared   how many blocks both files hold, and where
  snapshot the volume as it was: take, list, rename, delete, go back to one. The volume is the one of the current
           directory unless named by device or path. "holds on to": what only snapshots show any more; "frees alone":
           what deleting this one would free; "why" does it on a copy and counts.
  poke     change bytes of a block of the disk by hand, under whatever is mounted: the volumes are mounted again from what
           is there then, and the checker is asked at once. --mend makes the checksums over the bytes fit again.
  undo     go back to before the last line; redo goes forward again. Both take effect when the line has ended.`,
  usage: HELP,
  usageExitCode: 64,
  letters: '',
  *main(call) {
    const [verb, ...words] = call.operands;
    const run = VERBS.get(verb ?? '');
    if (verb === undefined) return yield* call.showUsage();
    if (!run) {
      const near = suggest(verb, [...VERBS.keys()]);
      yield* call.warn(`unknown verb '${verb}'${near === undefined ? '' : `; did you mean '${near}'?`}`);
      return yield* call.showUsage();
    }
    return (yield* run(call, words)) ?? (yield* call.showUsage());
  },
});

/** Null: the words do not fit the verb. */
type Verb = (call: Invocation, words: readonly string[]) => Running<number | null>;

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['why', why],
  ['extents', extents],
  ['map', map],
  ['shared', shared],
  ['snapshot', snapshot],
  ['poke', poke],
  ['undo', (call, words) => travel(call, words, () => call.context.machine.undo())],
  ['redo', (call, words) => travel(call, words, () => call.context.machine.redo())],
  ['help', help],
]);

function* help(call: Invocation): Running<number | null> {
  yield* call.printLine(scope.manual);
  return 0;
}

function* why(call: Invocation, words: readonly string[]): Running<number | null> {
  if (words.length === 0) return null;
  for (const word of words) {
    const sentences = outcomeOf(() => call.context.machine.why(word));
    if (sentences instanceof FsError) yield* call.warn(`${word}: ${reasonOf(sentences)}`);
    else for (const sentence of sentences) yield* call.printLine(sentence);
  }
  return call.exitCode;
}

function* extents(call: Invocation, words: readonly string[]): Running<number | null> {
  if (words.length === 0) return null;
  for (const path of words) {
    const found = outcomeOf(() => call.context.machine.extentsOf(path));
    if (found instanceof FsError) {
      yield* call.warn(`${path}: ${reasonOf(found)}`);
      continue;
    }
    const pieces = found.length === 1 ? '1 extent' : `${found.length} extents`;
    yield* call.printLine(`${path}: ${pieces}`);
    yield* table(
      call,
      ['file offset', 'device offset', 'length'],
      found.map((extent) => [extent.fileOffsetBytes, extent.deviceOffsetBytes, extent.lengthBytes]),
    );
  }
  return call.exitCode;
}

function* map(call: Invocation, words: readonly string[]): Running<number | null> {
  if (words.length > 1) return null;
  const { machine } = call.context;
  const device = words[0] ?? machine.disks()[0]?.device;
  if (device === undefined) return yield* call.fail('there is no disk');
  const runs = outcomeOf(() => machine.map(device));
  if (runs instanceof FsError) return yield* call.fail(`${device}: ${reasonOf(runs)}`);
  yield* table(
    call,
    ['first block', 'blocks', 'role', 'owner'],
    runs.map(({ firstBlock, blockCount, role, owner }) => [firstBlock, blockCount, role, owner]),
  );
  return 0;
}

function* travel(call: Invocation, words: readonly string[], go: () => string): Running<number | null> {
  if (words.length > 0) return null;
  const sentence = outcomeOf(go);
  if (sentence instanceof FsError) return yield* call.fail(reasonOf(sentence));
  yield* call.printLine(sentence);
  return 0;
}
