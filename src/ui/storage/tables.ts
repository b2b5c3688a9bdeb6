import { openDB } from 'idb';
import type { DBSchema, IDBPDatabase, IDBPTransaction } from 'idb';

/**
 * Where things are kept: values by keys that are lists, in the order of the keys, and changes that happen all or not
 * at all. The browser's database is one; a test brings its own.
 */
export type Key = readonly (string | number)[];

export type Change =
  | { readonly kind: 'put'; readonly key: Key; readonly value: unknown }
  /** Every key that begins with `prefix`; with numbers behind it from `from` to before `to`, when they are given. */
  | { readonly kind: 'remove'; readonly prefix: Key; readonly from?: number; readonly to?: number };

export interface Row {
  readonly key: Key;
  readonly value: unknown;
}

export interface Tables {
  /** All of it or nothing, also when the page ends meanwhile. Rejects with the browser's error. */
  write(changes: readonly Change[]): Promise<void>;
  /** Everything whose key begins with `prefix`, in order. */
  list(prefix: Key): Promise<Row[]>;
  get(key: Key): Promise<unknown>;
}

type Stored = { key: (string | number)[]; value: unknown };

interface Schema extends DBSchema {
  records: Stored;
  /** What begins with 'note'. In a store of its own it does not wait for a save under way. */
  notes: Stored;
  /** Of the first version: the last session, as its disk and its lines. */
  sessions: { key: string; value: unknown };
}

type StoreName = 'records' | 'notes';
type Transaction = IDBPTransaction<Schema, StoreName[], 'readwrite'>;

const VERSION = 3;
/** Some ten milliseconds of work where each is a piece of a disk. */
const CHANGES_AT_ONCE = 20;

export class BrowserTables implements Tables {
  #database: Promise<IDBPDatabase<Schema>> | null = null;

  get #open(): Promise<IDBPDatabase<Schema>> {
    return (this.#database ??= openDB<Schema>('diskoscope', VERSION, {
      upgrade: (fresh, oldVersion, _, transaction) => upgrade(fresh, oldVersion, transaction),
      // Another tab wants a newer database: it shall have it, and this one keeps no more.
      blocking: (_, __, event) => (event.target as IDBDatabase).close(),
    }));
  }

  async write(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const stores = new Set(
      changes.map((change) => storeOf(change.kind === 'put' ? change.key : change.prefix)),
    );
    const transaction = (await this.#open).transaction([...stores], 'readwrite');
    // It tells what went wrong at the end; until then it is nobody's.
    transaction.done.catch(() => {});
    try {
      for (let from = 0; from < changes.length; from += CHANGES_AT_ONCE) {
        const some = changes.slice(from, from + CHANGES_AT_ONCE);
        // While one of its requests is under way the transaction lives, and the page can do something else.
        await Promise.all(some.map(async (change) => request(transaction, change)));
      }
    } catch (error) {
      // Why it was given up says more than what became of one of its requests.
      if (transaction.error !== null) throw transaction.error;
      transaction.abort();
      throw error;
    }
    await transaction.done;
  }

  async list(prefix: Key): Promise<Row[]> {
    const transaction = (await this.#open).transaction(storeOf(prefix));
    const range = rangeOf(prefix);
    const [keys, values] = await Promise.all([
      transaction.store.getAllKeys(range),
      transaction.store.getAll(range),
    ]);
    return keys.map((key, at) => ({ key, value: values[at] }));
  }

  async get(key: Key): Promise<unknown> {
    return (await this.#open).get(storeOf(key), [...key]);
  }
}

const storeOf = ([table]: Key): StoreName => (table === 'note' ? 'notes' : 'records');

async function upgrade(
  fresh: IDBPDatabase<Schema>,
  oldVersion: number,
  transaction: IDBPTransaction<Schema, (StoreName | 'sessions')[], 'versionchange'>,
): Promise<void> {
  const notes = fresh.createObjectStore('notes');
  if (oldVersion === 2) {
    const records = transaction.objectStore('records');
    const range = rangeOf(['note']);
    for (const key of await records.getAllKeys(range)) await notes.put(await records.get(key), key);
    await records.delete(range);
    return;
  }
  const records = fresh.createObjectStore('records');
  if (oldVersion === 0) return;
  const sessions = transaction.objectStore('sessions');
  for (const key of await sessions.getAllKeys()) await records.put(await sessions.get(key), ['old', key]);
  fresh.deleteObjectStore('sessions');
}

function request(transaction: Transaction, change: Change): Promise<unknown> | undefined {
  if (change.kind === 'put') {
    return transaction.objectStore(storeOf(change.key)).put(change.value, [...change.key]);
  }
  const { prefix, from, to } = change;
  const store = transaction.objectStore(storeOf(prefix));
  const isRange = from !== undefined && to !== undefined;
  if (isRange && from >= to) return undefined; // a range of nothing is an error to the database
  const range = isRange
    ? IDBKeyRange.bound([...prefix, from], [...prefix, to], false, true)
    : rangeOf(prefix);
  return store.delete(range);
}

/** A list sorts behind every word and number. */
const rangeOf = (prefix: Key): IDBKeyRange => IDBKeyRange.bound([...prefix], [...prefix, []]);
