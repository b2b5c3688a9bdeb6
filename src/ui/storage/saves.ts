import { openDB } from 'idb';
import type { DBSchema, IDBPDatabase } from 'idb';
import type { Origin } from '../state/disk.svelte.ts';
import type { BenchScript } from '../state/bench-script.ts';

/** The last bench, kept in this browser: where its disks came from and the lines typed. Replaying makes it again. */
export interface Save {
  readonly disks: readonly Origin[];
  readonly script: BenchScript;
  /** Milliseconds since 1970. */
  readonly savedAt: number;
}

interface Schema extends DBSchema {
  sessions: { key: string; value: Save };
}

/** Larger images are not kept: storage in a browser is the user's, and is small. */
export const IMAGE_BYTES_MAX = 256 * 2 ** 20;

const KEY = 'bench';

let database: Promise<IDBPDatabase<Schema>> | null = null;

const open = (): Promise<IDBPDatabase<Schema>> =>
  (database ??= openDB<Schema>('diskoscope', 1, {
    upgrade: (fresh) => void fresh.createObjectStore('sessions'),
  }));

/** Rejects with the browser's error when there is no storage or no room. */
export async function writeSave(save: Save): Promise<void> {
  await (await open()).put('sessions', save, KEY);
}

export async function readSave(): Promise<Save | null> {
  return (await (await open()).get('sessions', KEY)) ?? null;
}

export async function dropSave(): Promise<void> {
  await (await open()).delete('sessions', KEY);
}
