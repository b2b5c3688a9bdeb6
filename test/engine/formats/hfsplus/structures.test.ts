import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import type { StructureNode } from '../../../../src/engine/formats/survey.ts';
import { OwnerIndex } from '../../../../src/engine/formats/hfsplus/owner-index.ts';
import { structures } from '../../../../src/engine/formats/hfsplus/structures.ts';
import { MKFS_VOLUMES, deviceOf, madeByMacos, madeByMkfs } from './view-images.ts';

/**
 * Goal: the tree leads to every structure, says what stands there, and lights up the right bytes.
 * Method: volumes of mkfs.hfsplus and macOS, walked as a page would walk them.
 */
const ALL = { offset: 0, countMax: 1000 };

const childrenOf = (device: Device, parent: string | null): readonly StructureNode[] =>
  structures(device, parent, ALL).nodes;

/** Opens nodes by their titles, one below the other; each title may be the beginning of one. */
function open(device: Device, ...titles: readonly string[]): readonly StructureNode[] {
  let nodes = childrenOf(device, null);
  for (const title of titles) {
    const found = nodes.find((node) => node.title.startsWith(title));
    if (!found) throw new Error(`no '${title}' among ${nodes.map((node) => node.title).join(' | ')}`);
    nodes = childrenOf(device, found.id);
  }
  return nodes;
}

const titleOf = ({ title, text }: StructureNode): string => `${title} | ${text}`;

/** Every node that can be reached, each id once. */
function walkAll(device: Device, visit: (node: StructureNode) => void, nodesMax = 20_000): number {
  const index = new OwnerIndex(device);
  const waiting: (string | null)[] = [null];
  const seen = new Set<string>();
  let visited = 0;
  while (waiting.length > 0 && visited < nodesMax) {
    const parent = waiting.pop() ?? null;
    const { nodes, total } = structures(device, parent, { offset: 0, countMax: 5000 }, index);
    expect(nodes).toHaveLength(Math.min(total, 5000));
    for (const node of nodes) {
      visited++;
      visit(node);
      if (!node.hasChildren || seen.has(node.id)) continue;
      seen.add(node.id);
      waiting.push(node.id);
    }
  }
  return visited;
}

const macos = (): ReturnType<typeof deviceOf> | null => {
  const bytes = madeByMacos('dfvfs-hfsplus.raw.gz');
  return bytes && deviceOf(bytes);
};

describe('top', () => {
  test('headers, bitmap, trees, journal, root', () => {
    const bytes = madeByMkfs(16 << 20, ['-J']);
    if (!bytes) return;
    const freeBlocks = new DataView(bytes.buffer, bytes.byteOffset + 1024).getUint32(48);
    expect(childrenOf(deviceOf(bytes), null).map(titleOf)).toEqual([
      'Volume header | HFS+, 4096 blocks of 4096 bytes, 2 files, 0 folders',
      'Alternate volume header | a copy, 1024 bytes before the end',
      `Allocation file | a bit for every block; ${freeBlocks} of 4096 free`,
      'Catalog tree | 1 level, 6 records, 2 of 32 nodes in use',
      'Extents overflow tree | empty, 1 of 32 nodes in use',
      'Attributes tree | empty, 1 of 16 nodes in use',
      'Journal | 524288 bytes, not initialised yet',
      'Root folder | volume name "Made", id 2, 2 items',
    ]);
  });

  test('no volume: one line that says why', () => {
    const device = deviceOf(new Uint8Array(65_536));
    expect(childrenOf(device, null).map(titleOf)).toEqual([
      'Volume header | not an HFS+ volume: no volume header: byte 1024 holds neither "H+" nor "HX"',
    ]);
    expect(childrenOf(device, 'tree:catalog')).toEqual([]);
  });
});

describe('down', () => {
  test('a tree: header node with its map, root, records, fields at their bytes', () => {
    const device = macos();
    if (!device) return;
    expect(open(device, 'Catalog tree').map(({ title }) => title)).toEqual([
      'header node 0',
      'root and only leaf: leaf node 1, 26 records',
    ]);
    expect(open(device, 'Catalog tree', 'header node', 'header record').map(titleOf)).toContain(
      'rootNode | 1',
    );
    const records = open(device, 'Catalog tree', 'root');
    expect(records.map(titleOf)).toContain('record 0: folder "hfsplus_test" | id 2, 6 items');
    expect(records.at(-1)?.title).toBe('table of offsets');
    const [name] = open(device, 'Catalog tree', 'root', 'record 0').filter(
      ({ title }) => title === 'CatalogKey.name',
    );
    const { deviceOffsetBytes = 0, lengthBytes = 0 } = name ?? {};
    const stored = device.bytes.subarray(deviceOffsetBytes, deviceOffsetBytes + lengthBytes);
    expect(new TextDecoder('utf-16be').decode(stored)).toBe('hfsplus_test');
  });

  test('a folder: its record, its thread, what is in it by name', () => {
    const device = macos();
    if (!device) return;
    const root = open(device, 'Root folder').map(titleOf);
    expect(root).toContain('thread record | thread: 2 is "hfsplus_test" in 1');
    expect(root.some((line) => line.startsWith('Folder a_directory | id '))).toBe(true);
    expect(root.some((line) => /^File passwords\.txt \| id \d+, \d+ bytes$/.test(line))).toBe(true);
    expect(
      root.some((line) =>
        /^Symbolic link a_link \| id \d+, \d+ bytes → a_directory\/another_file$/.test(line),
      ),
    ).toBe(true);
  });

  test('a folder lists each record of its own once, and its thread only as such', () => {
    const device = macos();
    if (!device) return;
    expect(open(device, 'Root folder', 'Folder a_directory').map(({ title }) => title)).toEqual([
      'catalog record',
      'thread record',
      'File a_file',
      'File a_resourcefork',
      'File another_file',
    ]);
  });

  test('a file: extents at their blocks, resource fork, attributes', () => {
    const device = macos();
    if (!device) return;
    const [extent] = open(device, 'Root folder', 'File passwords.txt').filter(({ title }) =>
      title.startsWith('data fork'),
    );
    expect(extent?.title).toBe('data fork: block 275');
    expect(extent).toMatchObject({ deviceOffsetBytes: 275 * 4096, lengthBytes: 4096, hasChildren: false });
    const fork = open(device, 'Root folder', 'Folder a_directory', 'File a_resourcefork');
    expect(fork.map(({ title }) => title)).toContain('resource fork: block 279');
    const attributes = open(device, 'Attributes tree', 'root').filter(({ title }) =>
      title.includes('attribute "'),
    );
    expect(attributes.length).toBeGreaterThan(0);
  });

  test('pages of a folder put together are the whole', () => {
    const device = macos();
    if (!device) return;
    const whole = structures(device, 'item:2', ALL);
    const pieces: StructureNode[] = [];
    for (let offset = 0; offset < whole.total; offset += 2) {
      pieces.push(...structures(device, 'item:2', { offset, countMax: 2 }).nodes);
    }
    expect(pieces).toEqual(whole.nodes);
  });

  test('ids of what is not there have no children', () => {
    const device = macos();
    if (!device) return;
    const ids = [
      ...[
        '',
        'x',
        'node',
        'node:catalog',
        'node:catalog:-1',
        'node:catalog:1e9',
        'node:else:1',
        'node:catalog:0.5',
      ],
      ...[
        'record:catalog:1:999',
        'record:catalog:0:0',
        'record:catalog:1:-1',
        'item:',
        'item:9999',
        'item:-3',
      ],
      ...[
        'journal',
        'list:0',
        'list:x',
        'logged:1:1',
        'part:catalog:1:9',
        'part:catalog:99:0',
        'tree:nothing',
      ],
    ];
    for (const id of ids) expect(childrenOf(device, id), id).toEqual([]);
  });
});

describe('whole walks', () => {
  test.each(MKFS_VOLUMES)('every node lies on the device: $name', ({ sizeBytes, args }) => {
    const bytes = madeByMkfs(sizeBytes, args);
    if (!bytes) return;
    const device = deviceOf(bytes);
    const visited = walkAll(device, ({ deviceOffsetBytes, lengthBytes, id }) => {
      expect(deviceOffsetBytes >= 0 && deviceOffsetBytes + lengthBytes <= bytes.length, id).toBe(true);
      expect(lengthBytes, id).toBeGreaterThan(0);
    });
    expect(visited).toBeGreaterThan(200);
  });

  test.each([1, 2, 3, 4, 5])('damage throws nothing and ends (%i)', (seed) => {
    const bytes = madeByMacos('penguin359-hfsp-small.img.xz') ?? madeByMkfs(4 << 20, ['-J']);
    if (!bytes) return;
    const random = new Prng(seed);
    for (let round = 0; round < 10; round++) {
      const device = deviceOf(bytes);
      const whole = childrenOf(device, null).filter(({ lengthBytes }) => lengthBytes <= 65_536);
      for (let change = 0; change < 30; change++) {
        const { deviceOffsetBytes, lengthBytes } = whole[random.below(whole.length)]!;
        device.bytes[deviceOffsetBytes + random.below(Math.min(lengthBytes, 12_288))] = random.below(256);
      }
      walkAll(
        device,
        ({ deviceOffsetBytes, lengthBytes, id }) => {
          if (deviceOffsetBytes < 0 || deviceOffsetBytes + lengthBytes > bytes.length) throw new Error(id);
        },
        4000,
      );
    }
  });
});
