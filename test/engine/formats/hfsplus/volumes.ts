import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type { CommitPolicy, MountOptions, Volume } from '../../../../src/engine/formats/contract.ts';
import { hfsplus, hfsx } from '../../../../src/engine/formats/hfsplus/index.ts';
import { fsckHfsplus, imageFile } from '../../../support/checkers.ts';

export const MIB = 2 ** 20;
export const INIT = { mode: 0o644, uid: 501, gid: 20 };

export function newDisk(
  sizeBytes: number,
  format: 'hfsplus' | 'hfsx' = 'hfsplus',
  settings: Readonly<Record<string, string>> = {},
): Store {
  const store = new Store({ blockSizeBytes: 512, blockCount: sizeBytes / 512 });
  (format === 'hfsx' ? hfsx : hfsplus).newfs(store, {
    ...{ label: 'TEST', settings, clock: new SimulatedClock(), random: new Prng(1), partitionFirstBlock: 0 },
  });
  return store;
}

export const mountOptions = (policy: CommitPolicy = 'writeback'): MountOptions => ({
  ...{ isReadOnly: false, policy, clock: new SimulatedClock(), trace: SILENT, timeZoneMinutes: 0 },
  owner: { uid: 501, gid: 20 },
});

export const mount = (store: Store, policy: CommitPolicy = 'writeback'): Volume =>
  hfsplus.mount(store, mountOptions(policy));

export function imageOf(store: Store): Uint8Array {
  const bytes = new Uint8Array(store.blockCount * store.blockSizeBytes);
  store.read(0, bytes);
  return bytes;
}

/** What two checkers that share nothing with the writer say of an unmounted disk: '' for clean. */
export function verdict(store: Store): string {
  const own = hfsplus.fsck(store, { repair: false }).findings.map(({ message }) => message);
  return fsckHfsplus(imageFile(imageOf(store))) + own.join('; ');
}

export function namesIn(volume: Volume, directory = volume.root): string[] {
  const names: string[] = [];
  let after: number | null = null;
  do {
    const page = volume.list(directory, after, 100);
    names.push(...page.entries.map(({ name }) => name));
    after = page.next;
  } while (after !== null);
  return names;
}
