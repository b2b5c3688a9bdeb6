import { expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Device, WriteLabel } from '../../../../src/engine/device/device.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type {
  BlockAnnotation,
  Page,
  Region,
  StructureId,
  StructurePage,
} from '../../../../src/engine/formats/survey.ts';
import { countNodes, expectExplained, expectNoGaps, inBlocksOf } from '../../../support/views.ts';

/**
 * Goal: every block of a volume has one meaning and every byte of it is explained, on whatever volume.
 * Method: volumes of foreign programs, filled by hand and damaged at random. Annotations must cover each block without gap
 * or overlap and agree with the regions; the tree of structures must have an end.
 */
export interface Views<Index> {
  readonly makeIndex: (device: Device) => Index;
  readonly regions: (device: Device, index?: Index) => readonly Region[];
  readonly annotate: (device: Device, block: number, index?: Index) => BlockAnnotation;
  readonly structures: (
    device: Device,
    parent: StructureId | null,
    page: Page,
    index?: Index,
  ) => StructurePage;
}

/** Null when the program that makes the volume is not installed. */
type MakeVolume = () => Store | null;

/** `near`: which blocks of a region are looked at besides its first and last. */
export function testEveryByte<Index>(
  { makeIndex, regions, annotate }: Views<Index>,
  makeVolume: MakeVolume,
  near: readonly number[],
): void {
  test.each([512, 4096])('every byte of every kind of block is explained, in blocks of %i bytes', (size) => {
    const small = makeVolume();
    if (!small) return;
    const store = size === 512 ? small : inBlocksOf(small, size);
    const index = makeIndex(store);
    const found = regions(store, index);
    expectNoGaps(store, found);
    for (const { firstBlock, blockCount, role, owner } of found) {
      const inside = [0, ...near, blockCount - 1].filter((i) => i < blockCount);
      for (const block of new Set(inside.map((i) => firstBlock + i))) {
        const annotation = annotate(store, block, index);
        expectExplained(store, block, annotation);
        expect(annotation).toMatchObject({ role, owner });
      }
    }
  });
}

/** Random bytes put somewhere before `metadataEndBytes`, on as many volumes as there are seeds. */
export interface Damage {
  readonly metadataEndBytes: (store: Store) => number;
  readonly seeds: number;
}

const DAMAGE: WriteLabel = { role: 'data', owner: 'test', reason: 'damage' };

function put(store: Store, offsetBytes: number, byte: number): void {
  const block = Math.floor(offsetBytes / store.blockSizeBytes);
  const bytes = new Uint8Array(store.blockSizeBytes);
  store.read(block, bytes);
  bytes[offsetBytes % bytes.length] = byte;
  store.write(block, bytes, DAMAGE);
}

/** A third of the volumes is damaged in the boot sector alone. */
export function testDamageShown<Index>(
  { makeIndex, regions, annotate }: Views<Index>,
  makeVolume: MakeVolume,
  { metadataEndBytes, seeds }: Damage,
): void {
  test('damage is shown, not thrown', () => {
    const healthy = makeVolume();
    if (!healthy) return;
    for (let seed = 0; seed < seeds; seed++) {
      const store = healthy.fork();
      const prng = new Prng(seed);
      const metadata = metadataEndBytes(store);
      for (let i = 0; i < 30; i++) {
        put(store, seed < seeds / 3 ? prng.below(512) : prng.below(metadata), prng.below(256));
      }
      const index = makeIndex(store);
      expectNoGaps(store, regions(store, index));
      for (let i = 0; i < 20; i++) {
        const block = prng.below(metadata / 512);
        expectExplained(store, block, annotate(store, block, index));
      }
    }
  });
}

/** `why`: what the boot sector lacks. */
export function testBlankDevice<Index>(
  { makeIndex, regions, annotate }: Views<Index>,
  format: string,
  why: string,
): void {
  test('a device without a volume is told as such', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 100 });
    expect(regions(store)).toEqual([{ firstBlock: 0, blockCount: 100, role: 'reserved', owner: '' }]);
    expect(annotate(store, 0).title).toBe(`Not ${format} volume: ${why}`);
    for (const block of [0, 7]) expectExplained(store, block, annotate(store, block, makeIndex(store)));
  });
}

export function testWholeTree<Index>(
  { makeIndex, structures }: Views<Index>,
  makeVolume: MakeVolume,
  { metadataEndBytes, seeds }: Damage,
  countMax: number,
): void {
  test('the whole tree can be walked, of healthy and of damaged volumes', () => {
    const healthy = makeVolume();
    if (!healthy) return;
    for (let seed = 0; seed < seeds; seed++) {
      const store = healthy.fork();
      const prng = new Prng(seed);
      const metadata = metadataEndBytes(store);
      for (let i = 0; i < seed * 2; i++) put(store, 512 + prng.below(metadata - 512), prng.below(256));
      const index = makeIndex(store);
      const opened = (parent: StructureId | null, page: Page) => structures(store, parent, page, index);
      expect(countNodes(store, opened, countMax)).toBeGreaterThan(20);
    }
  });
}

/** `ids`: of nothing that is on the volume; `blank`: what is said of a device without one. */
export function testUnknownIds<Index>(
  { structures }: Views<Index>,
  makeVolume: MakeVolume,
  ids: readonly string[],
  blank: string,
): void {
  test('an id of something that is not there has no children', () => {
    const store = makeVolume();
    if (!store) return;
    for (const id of ids) {
      expect(structures(store, id, { offset: 0, countMax: 10 }), id).toEqual({ nodes: [], total: 0 });
    }
    const empty = new Store({ blockSizeBytes: 512, blockCount: 10 });
    const [only] = structures(empty, null, { offset: 0, countMax: 10 }).nodes;
    expect(only?.text).toBe(blank);
  });
}
