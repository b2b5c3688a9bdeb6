import { assert } from '../../../../src/engine/base/assert.ts';
import { fletcher64 } from '../../../../src/engine/codec/fletcher64.ts';

/**
 * A second reader of B-trees, which knows only the printed structure, and every rule that holds between nodes. Records
 * in order, as hexadecimal text.
 */
export interface WalkedTree {
  readonly records: readonly (readonly [key: string, value: string])[];
  readonly nodes: readonly Uint8Array[];
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

interface Shape {
  /** null: sizes vary. */
  readonly fixed: readonly [keyBytes: number, valueBytes: number] | null;
  readonly subtype: number;
}

export function walkTree(read: (reference: number) => Uint8Array, root: number, shape: Shape): WalkedTree {
  const records: (readonly [string, string])[] = [];
  const nodes: Uint8Array[] = [];

  function walk(reference: number, level: number | null, parentKey: string | null): void {
    const bytes = read(reference);
    const view = new DataView(bytes.buffer, bytes.byteOffset, 4096);
    const sum = fletcher64(bytes, 8);
    assert(view.getUint32(0, true) === sum.low && view.getUint32(4, true) === sum.high, 'checksum');
    assert(Number(view.getBigUint64(8, true)) === reference, 'oid');
    assert(view.getUint32(28, true) === shape.subtype, 'subtype');
    const flags = view.getUint16(0x20, true);
    const found = view.getUint16(0x22, true);
    const isRoot = level === null;
    assert(isRoot || found === level, 'level of a child');
    assert(flags === (isRoot ? 1 : 0) + (found === 0 ? 2 : 0) + (shape.fixed ? 4 : 0), `flags ${flags}`);
    assert((view.getUint32(24, true) & 0xffff) === (isRoot ? 2 : 3), 'type');
    nodes.push(bytes);
    const entries = entriesOf(view, shape, found, isRoot);
    assert(entries.length > 0 || (isRoot && found === 0), 'only an empty root is empty');
    entries.forEach(([keyAt, keyLength, valueAt, valueLength], index) => {
      const key = hexOf(bytes.subarray(keyAt, keyAt + keyLength));
      if (index === 0 && parentKey !== null) assert(key === parentKey, 'first key of a child');
      if (found === 0) records.push([key, hexOf(bytes.subarray(valueAt, valueAt + valueLength))]);
      else walk(Number(view.getBigUint64(valueAt, true)), found - 1, key);
    });
  }

  walk(root, null, null);
  const footer = new DataView(nodes[0]!.buffer, nodes[0]!.byteOffset + 4056, 40);
  assert(footer.getUint32(4, true) === 4096, 'node size');
  assert(Number(footer.getBigUint64(24, true)) === records.length, 'key count');
  assert(Number(footer.getBigUint64(32, true)) === nodes.length, 'node count');
  return { records, nodes };
}

type Entry = readonly [keyAt: number, keyLength: number, valueAt: number, valueLength: number];

/** Places of keys and values; every byte between table and end is used once or free. */
function entriesOf(view: DataView, shape: Shape, level: number, isRoot: boolean): Entry[] {
  const count = view.getUint32(0x24, true);
  const tableBytes = view.getUint16(0x2a, true);
  const keysAt = 56 + tableBytes;
  const freeAt = keysAt + view.getUint16(0x2c, true);
  const valuesAt = freeAt + view.getUint16(0x2e, true);
  const end = isRoot ? 4056 : 4096;
  assert(view.getUint16(0x28, true) === 0 && valuesAt <= end, 'areas');
  assert(view.getUint32(0x30, true) === 0xffff && view.getUint32(0x34, true) === 0xffff, 'free lists');
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    if (shape.fixed) {
      const [keyBytes, valueBytes] = shape.fixed;
      const wanted = Math.floor(4040 / (keyBytes + (level === 0 ? valueBytes : 8) + 4)) * 4;
      assert(tableBytes === wanted, `table of ${wanted} bytes`);
      const offset = view.getUint16(56 + 4 * i + 2, true);
      const keyAt = keysAt + view.getUint16(56 + 4 * i, true);
      const isGhost = offset === 0xffff;
      entries.push([
        keyAt,
        keyBytes,
        isGhost ? end : end - offset,
        isGhost ? 0 : level === 0 ? valueBytes : 8,
      ]);
    } else {
      const at = 56 + 8 * i;
      entries.push([
        keysAt + view.getUint16(at, true),
        view.getUint16(at + 2, true),
        end - view.getUint16(at + 4, true),
        view.getUint16(at + 6, true),
      ]);
    }
  }
  assert(count * (shape.fixed ? 4 : 8) <= tableBytes, 'table holds all entries');
  const used = new Uint8Array(4096);
  for (const [keyAt, keyLength, valueAt, valueLength] of entries) {
    for (let i = keyAt; i < keyAt + keyLength; i++) used[i]!++;
    for (let i = valueAt; i < valueAt + valueLength; i++) used[i]!++;
  }
  for (let i = keysAt; i < end; i++) assert(used[i] === (i >= freeAt && i < valuesAt ? 0 : 1), `byte ${i}`);
  return entries;
}
