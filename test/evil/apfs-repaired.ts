import { expect } from 'vitest';
import { crc32 } from '../../src/engine/codec/crc32.ts';
import type { Store } from '../../src/engine/device/store.ts';
import { fsck } from '../../src/engine/formats/apfs/fsck.ts';
import type { Volume } from '../../src/engine/formats/contract.ts';
import type { ApfsDisk } from '../engine/formats/apfs/apfs-disk.ts';
import { fsckApfs, imageFile } from '../support/checkers.ts';
import { ApfsPatient, TYPE, typeOf, u64 } from './apfs-records.ts';

/** What is asked of a volume of APFS that was damaged and repaired: clean for both checkers, and the same as before. */

export function imageOf(store: Store): Uint8Array {
  const bytes = new Uint8Array(store.blockCount * store.blockSizeBytes);
  store.read(0, bytes);
  return bytes;
}

export const storeOf = (image: Uint8Array): Store => new ApfsPatient(image).store();

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Without what is free to differ: the flags of the extended field of a directory record. */
export function recordsOf(patient: ApfsPatient): string[] {
  return patient.all('catalog').map((record) => {
    if (typeOf(record) === TYPE.directory && record.value.length > 18) record.value.set([0], 23);
    return `${hexOf(record.key)} ${hexOf(record.value)}`;
  });
}

/** What the reference trees of all snapshots and of the live volume say of each block, owners aside. */
export function referencesOf(patient: ApfsPatient): string[] {
  const snapshots = patient.all('snapshots').filter((record) => typeOf(record) === TYPE.snapshotMetadata);
  const roots = [...snapshots.map(({ value }) => u64(value, 0)), patient.root('references')];
  return roots.flatMap((root, state) =>
    patient.all('references', root).flatMap(({ key, value }) => {
      const first = u64(key.with(7, 0), 0);
      const length = u64(value.with(7, 0), 0);
      const says = `${value[7]} ${hexOf(value.subarray(16))}`;
      return Array.from({ length }, (_, i) => `state ${state}, block ${first + i}: ${says}`);
    }),
  );
}

export function expectRepaired(store: Store): void {
  const { findings, lines } = fsck(store, { repair: true });
  expect(
    findings.filter(({ isRepaired }) => !isRepaired),
    lines.join('\n'),
  ).toEqual([]);
  expect(findings).not.toEqual([]);
  expect(lines.at(-1)).toMatch(/was repaired successfully\.$/);
  expect(fsck(store, { repair: false }).findings).toEqual([]);
  expect(fsckApfs(imageFile(imageOf(store)))).toBe('');
}

export function contentsOf({ volume }: ApfsDisk, view: Volume = volume): string[] {
  const names: string[] = [];
  for (let after: number | null = null; ;) {
    const { entries, next } = view.list(view.root, after, 1000);
    names.push(...entries.map(({ name }) => name));
    if (next === null) break;
    after = next;
  }
  return names.sort().map((name) => {
    const node = view.lookup(view.root, name);
    if (node === undefined) throw new Error(`${name} is there`);
    const { linkCount, sizeBytes } = view.attributes(node);
    const bytes = new Uint8Array(sizeBytes);
    view.read(node, 0, bytes);
    return `${name}: ${linkCount} names, ${sizeBytes} bytes, ${crc32(bytes)}`;
  });
}
