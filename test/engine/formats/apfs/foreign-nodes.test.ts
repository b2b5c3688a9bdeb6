import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { damageOf } from '../../../../src/engine/formats/apfs/btree-damage.ts';
import { BtreeNode } from '../../../../src/engine/formats/apfs/btree-node.ts';
import { isIntact, oidOf, seal, subtypeOf, typeOf } from '../../../../src/engine/formats/apfs/object.ts';
import {
  EXTENT_REFERENCES,
  FILE_EXTENT_TREE,
  FREE_QUEUE_TREE,
  HASHED_CATALOG,
  OMAP_SNAPSHOTS,
  OMAP_TREE,
  SNAPSHOT_METADATA,
} from '../../../../src/engine/formats/apfs/tree-kinds.ts';
import { findChecker, foreignImages, temporaryFolder } from '../../../support/checkers.ts';

const KINDS = [
  ...[EXTENT_REFERENCES, FILE_EXTENT_TREE, FREE_QUEUE_TREE, HASHED_CATALOG],
  ...[OMAP_SNAPSHOTS, OMAP_TREE, SNAPSHOT_METADATA],
];

const label = { role: 'tree', owner: '', reason: '' } as const;

/** Reads every node of an image, writes it again, and says how many came out equal, byte by byte or in their records. */
function rewriteNodes(image: Uint8Array): { same: number; rebuilt: number } {
  const count = { same: 0, rebuilt: 0 };
  for (let at = 0; at + 4096 <= image.length; at += 4096) {
    const block = image.slice(at, at + 4096);
    const type = typeOf(block) % 65_536;
    if ((type !== 2 && type !== 3) || !isIntact(block)) continue;
    const kind = KINDS.find(({ subtype }) => subtype === subtypeOf(block));
    if (kind === undefined) continue;
    const view = new DataView(block.buffer);
    const isEncrypted = (typeOf(block) & 0x1000_0000) !== 0;
    if (isEncrypted) continue;
    const level = type === 2 ? null : view.getUint16(0x22, true);
    expect(damageOf(block, kind, level), `block ${at / 4096}`).toBeNull();
    const place = { oid: oidOf(block), block: at / 4096, label };
    const again = BtreeNode.of(block.slice(), kind, place);
    again.prepare(again.xid);
    seal(again.bytes);
    if (Buffer.compare(again.bytes, block) === 0) {
      count.same++;
      continue;
    }
    // What has holes is rewritten without: the records are the same, and so is everything that is not a place.
    expect(view.getUint16(0x32, true) + view.getUint16(0x36, true), `block ${at / 4096}`).toBeGreaterThan(0);
    expect(damageOf(again.bytes, kind, level)).toBeNull();
    expect([...again.bytes.subarray(8, 0x28)]).toEqual([...block.subarray(8, 0x28)]);
    if (type === 2) expect([...again.bytes.subarray(4056)]).toEqual([...block.subarray(4056)]);
    expect(recordsOf(again.bytes, kind.fixed !== null, type === 2)).toEqual(
      recordsOf(block, kind.fixed !== null, type === 2),
    );
    count.rebuilt++;
  }
  return count;
}

/** Keys and values as the printed structure has them; of fixed sizes, those of objects maps. */
function recordsOf(block: Uint8Array, isFixed: boolean, isRoot: boolean): string[] {
  const view = new DataView(block.buffer);
  const keysAt = 56 + view.getUint16(0x2a, true);
  const end = isRoot ? 4056 : 4096;
  return Array.from({ length: view.getUint32(0x24, true) }, (_, i) => {
    const at = 56 + i * (isFixed ? 4 : 8);
    const key = keysAt + view.getUint16(at, true);
    const value = end - view.getUint16(at + (isFixed ? 2 : 4), true);
    const [keyBytes, valueBytes] = isFixed
      ? [8, 8]
      : [view.getUint16(at + 2, true), view.getUint16(at + 6, true)];
    return Buffer.concat([
      block.subarray(key, key + keyBytes),
      block.subarray(value, value + valueBytes),
    ]).toString('hex');
  });
}

test.each([1, 16, 100])('nodes of mkapfs, %d MiB', (sizeMiB) => {
  const mkapfs = findChecker('mkapfs');
  if (mkapfs === null) return;
  const path = join(temporaryFolder(), 'made.img');
  writeFileSync(path, '');
  truncateSync(path, sizeMiB * 2 ** 20);
  expect(spawnSync(mkapfs, ['-L', 'Made', path]).status).toBe(0);
  const { same, rebuilt } = rewriteNodes(readFileSync(path));
  expect(same).toBeGreaterThanOrEqual(6);
  expect(rebuilt).toBe(0);
});

test('nodes of macOS', () => {
  const folder = foreignImages();
  if (folder === null) return;
  const images = readdirSync(join(folder, 'apfs')).filter((name) => name.endsWith('.gz'));
  const counts = images.map((name) => rewriteNodes(gunzipSync(readFileSync(join(folder, 'apfs', name)))));
  expect(counts.reduce((sum, { same, rebuilt }) => sum + same + rebuilt, 0)).toBeGreaterThan(20);
});
