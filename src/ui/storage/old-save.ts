import type { Origin } from '../state/disk.svelte.ts';
import { BENCH_VERSION } from './shelf.ts';
import type { BenchRecord, Note } from './shelf.ts';

/**
 * What the first versions kept: the last session, or the last bench, as where its disks came from and the lines typed.
 * It becomes a bench whose lines run again when it is opened.
 */
export interface Migrated {
  readonly record: BenchRecord;
  readonly origins: readonly { readonly key: string; readonly origin: Origin }[];
  readonly notes: readonly Note[];
}

interface OldLine {
  readonly text?: unknown;
  readonly typed?: unknown;
  readonly on?: readonly { readonly disk: number; readonly typed: readonly (string | null)[] }[];
}

interface OldSave {
  readonly origin?: Origin;
  readonly disks?: readonly Origin[];
  readonly script?: { readonly lines?: readonly OldLine[]; readonly shown?: number };
  readonly savedAt?: number;
}

/** Null: it is nothing that was ever kept. */
export function fromOldSave(value: unknown): Migrated | null {
  if (typeof value !== 'object' || value === null) return null;
  const { origin, disks = origin === undefined ? [] : [origin], script, savedAt = 0 } = value as OldSave;
  if (!Array.isArray(disks) || disks.length === 0) return null;
  const keys = disks.map((_, at) => `disk-${at + 1}`);
  const lines = script?.lines ?? [];
  const notes = lines.flatMap((line): Note[] => {
    if (typeof line.text !== 'string') return [];
    const typed = Array.isArray(line.typed) ? (line.typed as (string | null)[]) : [];
    const on = line.on?.map(({ disk, typed: own }) => ({ key: keys[disk] ?? '', typed: own }));
    return [{ kind: 'line', text: line.text, on: on ?? keys.map((key) => ({ key, typed })) }];
  });
  const shown = script?.shown ?? lines.length;
  const id = `old-${savedAt}`;
  return {
    record: {
      ...{ version: BENCH_VERSION, id, name: 'Last session', createdAt: savedAt, savedAt, disks: keys },
      ...{ now: { number: 0 }, path: [] },
      panes: { disk: keys[0] ?? '', tab: 'Files', block: null, path: null },
    },
    origins: disks.map((each, at) => ({ key: keys[at] ?? '', origin: each })),
    notes: shown < lines.length ? [...notes, { kind: 'move', now: { number: shown } }] : notes,
  };
}
