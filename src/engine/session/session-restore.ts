import { FsError } from '../base/errno.ts';
import { problemOf, putBlocks } from '../device/saved-blocks.ts';
import { DEVICE_BYTES_MAX, Store } from '../device/store.ts';
import type { Backing, Version } from '../device/store.ts';
import { History } from './history.ts';
import type { Kept } from './kept.ts';
import { SAVE_VERSION } from './save.ts';
import type { SavedHead, SavedSession, SavedStep } from './save.ts';

/**
 * The disk and the history of a saved session. What was saved may come from a file that somebody made: everything that
 * a wrong answer could follow from is looked at first. FsError EFTYPE with a sentence.
 */
export interface RestoredDisk {
  readonly store: Store;
  readonly first: Version;
  readonly base: Version;
}

export function restoredDisk(saved: SavedSession, backing: Backing | null): RestoredDisk {
  const { head, beginning, blocks } = saved;
  const { blockSizeBytes, blockCount, settings, version } = head;
  if (version !== SAVE_VERSION) throw refusal(head, 'it was saved by another version of Diskoscope');
  const isSize = blockSizeBytes === 512 || blockSizeBytes === 4096;
  if (!isSize || !(blockCount > 0 && blockCount * blockSizeBytes <= DEVICE_BYTES_MAX)) {
    throw refusal(head, 'it names a disk of a size that there cannot be');
  }
  const store = new Store({ blockSizeBytes, blockCount }, backing, settings.isReadOnly);
  let first: Version | null = null;
  for (const changes of [beginning.blocks, ...blocks]) {
    const problem = problemOf(store, changes);
    if (problem !== null) throw refusal(head, problem);
    putBlocks(store, changes);
    first ??= store.version();
  }
  const base = store.version();
  return { store, first: first ?? base, base };
}

export function restoredHistory(saved: SavedSession, { first, base }: RestoredDisk): History<Kept> {
  const { head, beginning, steps, visits } = saved;
  const none = { from: 0, to: 0 };
  const known = { typed: [], isInterrupted: false, lineCount: 0, hasTape: true, isSettled: true };
  const state = { ...known, machine: beginning.machine, version: head.base === 0 ? base : first };
  const history = new History<Kept>({ view: beginning.view, entries: none, spans: none, state });
  for (const [index, step] of steps.entries()) {
    const { view } = step;
    const isInOrder = view.step === index + 1 && Number.isInteger(view.parent);
    if (!isInOrder || view.parent < 0 || view.parent > index) throw refusal(head, TORN);
    const state = keptOf(step, head, base);
    history.appendTo(view.parent, { view, entries: none, spans: none, state });
  }
  for (let i = 0; i + 1 < visits.length; i += 2) {
    const [parent = -1, child = -1] = visits.slice(i, i + 2);
    if (history.step(child)?.view.parent !== parent || child === 0) throw refusal(head, TORN);
    history.visit(parent, child);
  }
  if (history.step(head.base) === undefined || history.step(head.now.step) === undefined) {
    throw refusal(head, TORN);
  }
  history.moveTo({ step: head.base });
  return history;
}

function keptOf(step: SavedStep, head: SavedHead, base: Version): Kept {
  const { view, typed, lineCount, digest, patch } = step;
  const isBase = view.step === head.base;
  return {
    machine: isBase ? head.machine : null,
    version: isBase ? base : null,
    isSettled: isBase,
    ...{ typed, lineCount, digest, hasTape: false, isInterrupted: patch !== undefined },
    ...(patch === undefined ? {} : { patch }),
  };
}

const TORN = 'its history does not hang together';
const refusal = ({ name }: SavedHead, detail: string) => new FsError('EFTYPE', 'restore', name, detail);
