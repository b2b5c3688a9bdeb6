import type { Change, Key, Row, Tables } from '../../src/ui/storage/tables.ts';

/** Tables as a browser keeps them, in memory; `refusal` makes every write fail as a full disk does. */
export class MemoryTables implements Tables {
  refusal: Error | null = null;
  #rows: Row[] = [];

  write(changes: readonly Change[]): Promise<void> {
    if (this.refusal !== null) return Promise.reject(this.refusal);
    for (const change of changes) {
      if (change.kind === 'put') {
        this.#rows = this.#rows.filter(({ key }) => compare(key, change.key) !== 0);
        this.#rows.push({ key: change.key, value: structuredClone(change.value) });
      } else this.#rows = this.#rows.filter(({ key }) => !isRemoved(key, change));
    }
    this.#rows.sort((a, b) => compare(a.key, b.key));
    return Promise.resolve();
  }

  list(prefix: Key): Promise<Row[]> {
    return Promise.resolve(structuredClone(this.#rows.filter(({ key }) => beginsWith(key, prefix))));
  }

  get(key: Key): Promise<unknown> {
    return Promise.resolve(structuredClone(this.#rows.find((row) => compare(row.key, key) === 0)?.value));
  }
}

const beginsWith = (key: Key, prefix: Key): boolean => prefix.every((part, at) => key[at] === part);

function isRemoved(key: Key, { prefix, from, to }: Change & { kind: 'remove' }): boolean {
  if (!beginsWith(key, prefix)) return false;
  if (from === undefined || to === undefined) return true;
  const next = key[prefix.length];
  return typeof next === 'number' && next >= from && next < to;
}

/** As IndexedDB does: numbers before words, then part by part, the shorter one first. */
function compare(a: Key, b: Key): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [x, y] = [a[at], b[at]];
    if (x === y) continue;
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    if (typeof x !== typeof y) return typeof x === 'number' ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}
