import { FsError, strerror } from '../base/errno.ts';
import { quoteForShell } from '../shell/parameters.ts';
import { Rehearsal, TooMuch } from './deletion.ts';
import type { HeldBlocks } from './deletion.ts';
import { counted, grouped, listed, printedSize } from './sentences.ts';

/** What deleting something, alone or together with what shares its blocks, would free: counted, and in words. */
export interface DeletionView {
  /** What would be deleted: '/copy.mov', 'the snapshot ‘before’'. */
  readonly what: string;
  /** The line that does it; empty where it cannot be done. */
  readonly line: string;
  /** Null: it could not be counted, the sentence says why. */
  readonly freedBlocks: number | null;
  readonly blockSizeBytes: number;
  readonly sentence: string;
}

/** So many others are deleted along, to say what all of them together would free. */
const OTHERS_MAX = 8;

export interface Deleted {
  /** From the root of the volume. */
  readonly path: string;
  /** Where the volume is mounted. */
  readonly on: string;
  readonly isDirectory: boolean;
  /** What the sentences call it. */
  readonly called: string;
  /** Asked when it alone is gone. */
  readonly then?: () => void;
}

/** A file or directory alone; with the files that hold its blocks too; with the snapshots that do. */
export function deletionsOf(rehearsal: Rehearsal, deleted: Deleted): DeletionView[] {
  const { path, on, isDirectory, called } = deleted;
  const { blockSizeBytes } = rehearsal;
  const command = isDirectory ? 'rm -r' : 'rm';
  const quotedPath = shellWord(on + path);
  const refused = (sentence: string): DeletionView[] => [
    { what: path, line: '', freedBlocks: null, blockSizeBytes, sentence },
  ];
  try {
    rehearsal.remove(path);
  } catch (error) {
    if (error instanceof TooMuch) return refused(tooMuch(error));
    if (error instanceof FsError) return refused(`Nobody can delete ${called} now: ${reasonOf(error)}.`);
    throw error;
  }
  const freedBlocks = rehearsal.freedBlocks();
  const wasOpen = rehearsal.isHeldOpen;
  rehearsal.letGo();
  const freedLater = wasOpen ? rehearsal.freedBlocks() : freedBlocks;
  deleted.then?.();
  let holders = rehearsal.holders();
  const { contentsBlocks } = rehearsal;
  const counts = { called, freedBlocks, freedLater, contentsBlocks, blockSizeBytes };
  const line = `${command} ${quotedPath}`;
  const views: DeletionView[] = [
    { what: path, line, freedBlocks, blockSizeBytes, sentence: alone(rehearsal, counts, holders) },
  ];

  const others: string[] = [];
  const snapshots: string[] = [];
  while (others.length + snapshots.length < OTHERS_MAX) {
    const found = holders.flatMap((held) => filesOf(rehearsal, held));
    const [next] = found.length > 0 ? found : [];
    const snapshot = next === undefined ? snapshotOf(rehearsal, holders) : undefined;
    if (next === undefined && snapshot === undefined) break;
    try {
      if (next !== undefined) rehearsal.remove(next);
      else if (snapshot !== undefined) rehearsal.deleteSnapshot(snapshot);
    } catch (error) {
      if (error instanceof TooMuch || error instanceof FsError) return views;
      throw error;
    }
    rehearsal.letGo();
    if (next !== undefined) others.push(next);
    if (snapshot !== undefined) snapshots.push(snapshot);
    holders = rehearsal.holders();
    const isLastFile = next !== undefined && holders.every((held) => filesOf(rehearsal, held).length === 0);
    if (!isLastFile && holders.length > 0) continue;
    views.push(together(rehearsal, { line, on, others, snapshots, path, called }, holders));
  }
  return views;
}

/** All of them at once. */
function together(
  rehearsal: Rehearsal,
  named: Pick<Deleted, 'on' | 'path' | 'called'> & {
    readonly line: string;
    readonly others: readonly string[];
    readonly snapshots: readonly string[];
  },
  holders: readonly HeldBlocks[],
): DeletionView {
  const { line, on, others, snapshots, path } = named;
  const { blockSizeBytes } = rehearsal;
  const freedBlocks = rehearsal.freedBlocks();
  const names = [...others, ...snapshots.map(snapshotCalled)];
  const lines = [
    [line, ...others.map((other) => shellWord(on + other))].join(' '),
    ...snapshots.map((name) => `scope snapshot delete ${shellWord(name)} ${shellWord(on)}`),
  ];
  const still = holders.length === 0 ? '' : `: ${stillHeld(rehearsal, holders, rehearsal.contentsBlocks)}`;
  const sentence = `Deleting ${named.called} together with ${listed(names)} would free ${blocksText(freedBlocks, blockSizeBytes)}${still}.`;
  return { what: listed([path, ...names]), line: lines.join('; '), freedBlocks, blockSizeBytes, sentence };
}

export function snapshotDeletion(rehearsal: Rehearsal, name: string, on: string): DeletionView {
  const { blockSizeBytes } = rehearsal;
  const what = snapshotCalled(name);
  try {
    rehearsal.deleteSnapshot(name);
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    const sentence = `The snapshot ‘${name}’ cannot be deleted: ${reasonOf(error)}.`;
    return { what, line: '', freedBlocks: null, blockSizeBytes, sentence };
  }
  const freedBlocks = rehearsal.freedBlocks();
  const why = freedBlocks > 0 ? '' : ': the volume or another snapshot still holds all that it shows';
  return {
    ...{ what, freedBlocks, blockSizeBytes },
    line: `scope snapshot delete ${shellWord(name)} ${shellWord(on)}`,
    sentence: `Deleting ${what} would free ${blocksText(freedBlocks, blockSizeBytes)}${why}.`,
  };
}

// ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Counts {
  readonly called: string;
  /** At once. */
  readonly freedBlocks: number;
  /** When nobody has it open any more. */
  readonly freedLater: number;
  readonly contentsBlocks: number;
  readonly blockSizeBytes: number;
}

function alone(rehearsal: Rehearsal, counts: Counts, holders: readonly HeldBlocks[]): string {
  const { called, freedBlocks, freedLater, contentsBlocks, blockSizeBytes } = counts;
  const heldBlocks = holders.reduce((sum, { blocks }) => sum + blocks, 0);
  const freed = contentsBlocks - heldBlocks;
  const records = freedLater - freed;
  const parts: string[] = [];
  if (records > 0 && contentsBlocks > 0 && freed > 0) {
    parts.push(`${grouped(freed)} of its contents and ${grouped(records)} of its records`);
  }
  if (records < 0 && freedLater > 0) {
    parts.push(`${grouped(freed)} of its contents, less ${grouped(-records)} that the change itself takes`);
  }
  if (holders.length > 0) parts.push(stillHeld(rehearsal, holders, contentsBlocks));
  const details = parts.length === 0 ? '' : `: ${parts.join('; ')}`;
  const now = blocksText(freedBlocks, blockSizeBytes);
  if (freedLater === freedBlocks) return `Deleting ${called} would free ${now}${details}.`;
  const later = blocksText(freedLater, blockSizeBytes);
  return `Deleting ${called} would free ${now} at once, for it is in use, and ${later} when nobody uses it any more${details}.`;
}

/** '/copy.mov still holds all 2,048' */
function stillHeld(rehearsal: Rehearsal, holders: readonly HeldBlocks[], contentsBlocks: number): string {
  const shown = holders.slice(0, 2).map((held) => {
    const snapshot = snapshotOf(rehearsal, [held]);
    const owner = snapshot === undefined ? held.owner : snapshotCalled(snapshot);
    const isMany = snapshot === undefined && filesOf(rehearsal, held).length > 1;
    const { blocks } = held;
    const amount =
      blocks >= contentsBlocks
        ? blocks === 1
          ? 'its only block'
          : `all ${grouped(blocks)}`
        : `${grouped(blocks)} of its ${grouped(contentsBlocks)}`;
    return `${owner} still ${isMany ? 'hold' : 'holds'} ${amount}`;
  });
  const left = holders.slice(2).reduce((sum, { blocks }) => sum + blocks, 0);
  return listed(left === 0 ? shown : [...shown, `others ${grouped(left)}`]);
}

function blocksText(blocks: number, blockSizeBytes: number): string {
  if (blocks === 0) return '0 blocks';
  if (blocks < 0) return `0 blocks and take ${counted(-blocks, 'block')} more for the change itself`;
  return `${counted(blocks, 'block')} (${printedSize(blocks * blockSizeBytes)})`;
}

const tooMuch = ({ message }: TooMuch): string =>
  `What deleting it would free is not counted here: ${message}, and only doing it would tell. Do it, look at the change, and undo it.`;

const reasonOf = ({ code, detail }: FsError): string =>
  detail === '' ? strerror(code) : `${strerror(code)} (${detail})`;

export const snapshotCalled = (name: string): string => `the snapshot ‘${name}’`;

/** Quoted only where it has to be. */
export const shellWord = (text: string): string =>
  /^[\w./@%+=:,-]+$/.test(text) ? text : quoteForShell(text);

// ── who holds ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** The files that the map names as owners, as far as it names them. Names may hold ' and ': what is there decides. */
function filesOf(rehearsal: Rehearsal, { role, owner }: HeldBlocks): string[] {
  if (role === 'pinned') return [];
  const names = withoutLabel(rehearsal, owner);
  if (names.startsWith('/') && rehearsal.exists(names)) return [names];
  const named = names.replace(/ and (\d+|many) more$/, '');
  for (const separator of [' and ', ', ']) {
    for (let at = named.indexOf(separator); at >= 0; at = named.indexOf(separator, at + 1)) {
      const pair = [named.slice(0, at), named.slice(at + separator.length)];
      if (pair.every((path) => path.startsWith('/') && rehearsal.exists(path))) return pair;
    }
  }
  return [];
}

function snapshotOf(rehearsal: Rehearsal, holders: readonly HeldBlocks[]): string | undefined {
  const owners = holders
    .filter(({ role }) => role === 'pinned')
    .map(({ owner }) => withoutLabel(rehearsal, owner));
  return rehearsal.snapshotNames.find((name) =>
    owners.some((owner) => owner.startsWith(`snapshot ${name}: `)),
  );
}

/** In a container of several volumes owners begin with the name of theirs. */
function withoutLabel({ label }: Rehearsal, owner: string): string {
  return owner.startsWith(`${label}: `) ? owner.slice(label.length + 2) : owner;
}
