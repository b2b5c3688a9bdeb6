import { viewOf } from '../../src/engine/base/bytes.ts';
import type { Device } from '../../src/engine/device/device.ts';
import { bytesAt, headerOf, patch } from './hfsplus-volumes.ts';

/** A reader of B-trees for tests: where records lie, so that they can be spoilt. Trees whose header names all pieces. */
export type TreeName = 'extents' | 'catalog' | 'attributes';

const FORK_AT: Readonly<Record<TreeName, number>> = { extents: 192, catalog: 272, attributes: 352 };

export interface FoundRecord {
  readonly node: number;
  /** Of the node, the key with its length field, and the data: bytes of the device. */
  readonly nodeAt: number;
  readonly keyAt: number;
  readonly dataAt: number;
  readonly index: number;
  /** Catalog: the parent. */
  readonly id: number;
  readonly name: string;
  readonly type: number;
}

export interface TestTree {
  readonly at: number;
  readonly nodeSize: number;
  readonly rootNode: number;
  readonly firstLeaf: number;
  readonly totalNodes: number;
}

export function treeOf(device: Device, name: TreeName): TestTree {
  const header = headerOf(device);
  const at = header.getUint32(FORK_AT[name] + 16) * header.getUint32(40);
  const node = viewOf(bytesAt(device, at, 512));
  return {
    at,
    nodeSize: node.getUint16(32),
    rootNode: node.getUint32(16),
    firstLeaf: node.getUint32(24),
    totalNodes: node.getUint32(36),
  };
}

/** Where a byte of a tree lies. */
function nodeOffset(device: Device, name: TreeName, offset: number): number {
  const header = headerOf(device);
  const block = header.getUint32(40);
  let from = offset;
  for (let slot = FORK_AT[name] + 16; slot < FORK_AT[name] + 80; slot += 8) {
    const length = header.getUint32(slot + 4) * block;
    if (from < length) return header.getUint32(slot) * block + from;
    from -= length;
  }
  throw new Error(`byte ${offset} lies beyond the ${name} tree`);
}

export function recordsOf(device: Device, name: TreeName): FoundRecord[] {
  const tree = treeOf(device, name);
  const found: FoundRecord[] = [];
  for (let node = tree.firstLeaf; node !== 0;) {
    const nodeAt = nodeOffset(device, name, node * tree.nodeSize);
    const bytes = bytesAt(device, nodeAt, tree.nodeSize);
    const view = viewOf(bytes);
    for (let index = 0; index < view.getUint16(10); index++) {
      const key = view.getUint16(tree.nodeSize - 2 * (index + 1));
      const data = key + 2 + view.getUint16(key);
      const isCatalog = name === 'catalog';
      const nameAt = isCatalog ? key + 6 : key + 12;
      let text = '';
      if (name !== 'extents') {
        for (let i = 1; i <= view.getUint16(nameAt); i++)
          text += String.fromCharCode(view.getUint16(nameAt + 2 * i));
      }
      found.push({
        node,
        nodeAt,
        keyAt: nodeAt + key,
        dataAt: nodeAt + data,
        index,
        id: view.getUint32(isCatalog ? key + 2 : key + 4),
        name: text,
        type: view.getUint16(data),
      });
    }
    node = view.getUint32(0);
  }
  return found;
}

export function recordNamed(device: Device, name: string): FoundRecord {
  const record = recordsOf(device, 'catalog').find((one) => one.name === name);
  if (!record) throw new Error(`no record is called ${name}`);
  return record;
}

/** The thread of a file or folder. */
export function threadNamed(device: Device, name: string): FoundRecord {
  const id = get32(device, recordNamed(device, name).dataAt + 8);
  const thread = recordsOf(device, 'catalog').find((one) => one.name === '' && one.id === id);
  if (!thread) throw new Error(`${name} has no thread`);
  return thread;
}

export const get32 = (device: Device, at: number): number => viewOf(bytesAt(device, at, 4)).getUint32(0);
export const get16 = (device: Device, at: number): number => viewOf(bytesAt(device, at, 2)).getUint16(0);

export function set32(device: Device, at: number, value: number): void {
  patch(device, at, [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
}

export const set16 = (device: Device, at: number, value: number): void =>
  patch(device, at, [value >>> 8, value & 255]);
