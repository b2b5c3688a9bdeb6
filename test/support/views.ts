import { expect } from 'vitest';
import type { Device, WriteLabel } from '../../src/engine/device/device.ts';
import { Store } from '../../src/engine/device/store.ts';
import type {
  BlockAnnotation,
  Page,
  Region,
  StructureId,
  StructureNode,
  StructurePage,
} from '../../src/engine/formats/survey.ts';

/** What must hold of every format's views of a volume: no gap, no overlap, every byte explained, an end to the tree. */

export function expectNoGaps(device: Device, found: readonly Region[]): void {
  let next = 0;
  for (const { firstBlock, blockCount } of found) {
    expect(firstBlock).toBe(next);
    expect(blockCount).toBeGreaterThan(0);
    next += blockCount;
  }
  expect(next).toBe(device.blockCount);
}

/** The fields of `block` cover it. One expectation a block: there are thousands of them. */
export function expectExplained(device: Device, block: number, { fields, title }: BlockAnnotation): void {
  let next = 0;
  let isRight = true;
  for (const { offsetBytes, lengthBytes } of fields) {
    isRight &&= offsetBytes === next && lengthBytes > 0;
    next += lengthBytes;
  }
  const told =
    isRight && next === device.blockSizeBytes ? '' : fields.map((field) => JSON.stringify(field)).join('\n');
  expect(told, `block ${block}, ${title}`).toBe('');
}

export const regionOf = (found: readonly Region[], block: number): Region | undefined =>
  found.find(({ firstBlock, blockCount }) => block >= firstBlock && block < firstBlock + blockCount);

/** Everything an annotation says, a line a field. */
export const textsOf = ({ fields }: BlockAnnotation): string =>
  fields.map(({ name, text, doc }) => `${name} | ${text} | ${doc}`).join('\n');

const COPY: WriteLabel = { role: 'data', owner: 'test', reason: 'copy' };

/** The same bytes on a device of larger blocks. */
export function inBlocksOf(store: Store, blockSizeBytes: number): Store {
  const factor = blockSizeBytes / 512;
  const large = new Store({ blockSizeBytes, blockCount: Math.ceil(store.blockCount / factor) });
  const bytes = new Uint8Array(blockSizeBytes);
  for (let block = store.nextStored(0); block < store.blockCount; block = store.nextStored(block + 1)) {
    const target = Math.floor(block / factor);
    const available = Math.min(factor, store.blockCount - target * factor);
    store.read(target * factor, bytes.subarray(0, available * 512));
    large.write(target, bytes, COPY);
  }
  return large;
}

export type Opened = (parent: StructureId | null, page: Page) => StructurePage;

/** All children of a node, asked for in pages of `countMax`. */
export function childrenIn(opened: Opened, parent: StructureId | null, countMax: number): StructureNode[] {
  const nodes: StructureNode[] = [];
  for (;;) {
    const page = opened(parent, { offset: nodes.length, countMax });
    nodes.push(...page.nodes);
    if (nodes.length >= page.total || page.nodes.length === 0) {
      expect(nodes.length).toBe(page.total);
      return nodes;
    }
  }
}

/** Opens every node once and counts them; a tree that contains itself would not end. */
export function countNodes(device: Device, opened: Opened, countMax: number): number {
  const waiting: (StructureId | null)[] = [null];
  let nodes = 0;
  for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
    for (const node of childrenIn(opened, parent, countMax)) {
      if (++nodes > 200_000) throw new Error('the tree does not end');
      expect(node.deviceOffsetBytes + node.lengthBytes).toBeLessThanOrEqual(
        device.blockCount * device.blockSizeBytes,
      );
      if (node.hasChildren) waiting.push(node.id);
    }
  }
  return nodes;
}
