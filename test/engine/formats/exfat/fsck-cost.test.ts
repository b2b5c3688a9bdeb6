import { describe, expect, test } from 'vitest';
import { standardUpcase } from '../../../../src/engine/codec/exfat-upcase.ts';
import type { Store } from '../../../../src/engine/device/store.ts';
import { fsck } from '../../../../src/engine/formats/exfat/fsck.ts';
import {
  clusterOffsetBytes,
  geometryOf,
  nameHash,
  setChecksum,
} from '../../../../src/engine/formats/exfat/layout.ts';
import type { Geometry } from '../../../../src/engine/formats/exfat/layout.ts';
import { regions } from '../../../../src/engine/formats/exfat/regions.ts';
import { emptyVolume, LABEL, testEmptyDisk } from '../fat-family/cost.ts';
import { geometryFrom } from '../fat-family/support.ts';
import { KIT } from './support.ts';
import { fastest } from '../../../support/stopwatch.ts';

const geometryIn = (store: Store): Geometry => geometryFrom(store, geometryOf);

function putEntries(store: Store, offsetBytes: number, entries: Uint8Array): void {
  const bytes = new Uint8Array(Math.ceil(entries.length / 512) * 512);
  bytes.set(entries);
  store.write(offsetBytes / 512, bytes, LABEL);
}

/** A set of three entries with a name of 15 units or less. */
function makeSet(set: Uint8Array, at: number, name: string, init: SetInit): void {
  const view = new DataView(set.buffer, at, 96);
  set[at] = 0x85;
  set[at + 1] = 2;
  view.setUint16(4, init.isDirectory ? 0x10 : 0x20, true);
  for (const stamp of [8, 12, 16]) view.setUint32(stamp, 0x5c21_0000, true);
  set[at + 32] = 0xc0;
  set[at + 33] = init.sizeBytes > 0 ? 3 : 1;
  set[at + 35] = name.length;
  view.setUint16(36, nameHash(name, standardUpcase()), true);
  view.setBigUint64(40, BigInt(init.sizeBytes), true);
  view.setUint32(52, init.firstCluster, true);
  view.setBigUint64(56, BigInt(init.sizeBytes), true);
  set[at + 64] = 0xc1;
  for (let i = 0; i < name.length; i++) view.setUint16(66 + 2 * i, name.charCodeAt(i), true);
  view.setUint16(2, setChecksum(set, at, 3), true);
}

interface SetInit {
  readonly isDirectory?: boolean;
  readonly firstCluster: number;
  readonly sizeBytes: number;
}

/** One directory with `count` files of one cluster each. All is written by hand; the bitmap is left to a repair. */
function fill(store: Store, geometry: Geometry, count: number): void {
  const { clusterSizeBytes } = geometry;
  const directoryClusters = Math.ceil((count * 96 + 32) / clusterSizeBytes);
  const first = 40;
  const root = new Uint8Array(96);
  makeSet(root, 0, 'many', {
    isDirectory: true,
    firstCluster: first,
    sizeBytes: directoryClusters * clusterSizeBytes,
  });
  const rootOffset = clusterOffsetBytes(geometry, geometry.rootCluster);
  const old = new Uint8Array(512);
  store.read(rootOffset / 512, old);
  old.set(root, 96);
  putEntries(store, rootOffset, old);
  const sets = new Uint8Array(count * 96);
  for (let i = 0; i < count; i++) {
    const firstCluster = first + directoryClusters + i;
    makeSet(sets, i * 96, `file ${String(i).padStart(8, '0')}`, { firstCluster, sizeBytes: 100 });
  }
  putEntries(store, clusterOffsetBytes(geometry, first), sets);
}

describe('a check costs what is stored', () => {
  testEmptyDisk(KIT, 'an empty disk of 16 terabytes', 2 ** 44);

  test('a file of ten terabytes costs its bitmap', () => {
    const store = emptyVolume(KIT, 2 ** 44);
    const geometry = geometryIn(store);
    const root = new Uint8Array(512);
    const rootOffset = clusterOffsetBytes(geometry, geometry.rootCluster);
    store.read(rootOffset / 512, root);
    makeSet(root, 96, 'huge', { firstCluster: geometry.rootCluster + 1, sizeBytes: 10 * 2 ** 40 });
    putEntries(store, rootOffset, root);
    expect(fsck(store, { repair: true }).findings.map(({ kind }) => kind)).toContain('used-marked-free');
    let findings = -1;
    const took = fastest(5, () => (findings = fsck(store, { repair: false }).findings.length));
    expect(findings).toBe(0);
    expect(took).toBeLessThan(1000);
  });

  // `npm run bench` tells how long it takes on a quiet machine: 0.3 s at most. A machine with other work needs twice that.
  test('100,000 files take less than a second', () => {
    const store = emptyVolume(KIT, 2 ** 33);
    fill(store, geometryIn(store), 100_000);
    fsck(store, { repair: true });
    let lines: readonly string[] = [];
    const took = fastest(5, () => (lines = fsck(store, { repair: false }).lines));
    console.info(`100,000 files: ${took} ms, regions ${fastest(5, () => regions(store))} ms`);
    expect(lines.at(-2)).toMatch(/^100000 files, 2 directories, /);
    expect(lines.at(-1)).toBe('** The volume appears to be OK.');
    expect(took).toBeLessThan(1000);
  });
});
