import type { EngineApi, SavedSession } from '../../rpc/protocol.ts';
import { visible } from '../draw/words.ts';
import { DiskState } from './disk.svelte.ts';
import type { Origin } from './disk.svelte.ts';
import { Inspection } from './inspection.svelte.ts';
import { MapState } from './map.svelte.ts';

/** A worker with an engine in it. */
export interface EngineHandle {
  readonly api: EngineApi;
  /** Resolves with a sentence when the worker is dead. */
  readonly died: Promise<string>;
  stop(): void;
}

/** Short names of formats, as a column is called by them. */
const NAMES: Readonly<Record<string, string>> = {
  ...{ apfs: 'APFS', hfsplus: 'HFS+', hfsx: 'HFSX', exfat: 'exFAT', fat32: 'FAT32' },
};

/** One disk of the bench with its worker, and what is looked at of it. */
export class Column {
  readonly disk: DiskState;
  readonly map: MapState;
  readonly inspection: Inspection;
  /** Its worker is gone; the disk can be made again. */
  isDead = $state(false);
  /** Told apart from another disk of the same format by a number; 0: there is no other. */
  ordinal = $state(0);
  readonly name: string = $derived.by(() => {
    const name = nameOf(this.disk);
    return this.ordinal === 0 ? name : `${name} ${this.ordinal}`;
  });
  /** Lines wait until the disk is there. */
  ready: Promise<void> = Promise.resolve();

  constructor(
    /** The same for as long as the disk is on the bench, whatever becomes of its worker. */
    readonly key: string,
    readonly engine: EngineHandle,
  ) {
    this.disk = new DiskState(engine.api);
    this.map = new MapState(this.disk);
    this.inspection = new Inspection(engine.api);
  }

  /** Make the disk; rejects with the engine's sentence when there can be no such disk. */
  make(origin: Origin): Promise<void> {
    return this.#begin(this.disk.make(origin));
  }

  /** The disk as it was saved; rejects with a sentence when that cannot be read. */
  restore(origin: Origin, saved: SavedSession): Promise<void> {
    return this.#begin(this.disk.restore(origin, saved));
  }

  #begin(task: Promise<void>): Promise<void> {
    const made = task.then(() => {
      this.inspection.blockSizeBytes = this.disk.view?.blockSizeBytes ?? 512;
      this.inspection.clear();
      this.map.fit();
    });
    this.ready = made.catch(() => {});
    return made;
  }
}

/** The format of the volume; of an image without one, its file. */
function nameOf({ view, origin }: DiskState): string {
  const title = view?.volume?.title ?? '';
  const fat = /FAT(?:12|16)/.exec(title)?.[0];
  if (fat !== undefined) return fat;
  const format = view?.volume?.formatName ?? (origin?.kind === 'new' ? origin.request.format : '');
  return NAMES[format] ?? visible(view?.name ?? 'disk');
}

/** Number those of the same name from 1. */
export function tellApart(columns: readonly Column[]): void {
  const byName = new Map<string, Column[]>();
  for (const column of columns) {
    const name = nameOf(column.disk);
    byName.set(name, [...(byName.get(name) ?? []), column]);
  }
  for (const group of byName.values())
    group.forEach((column, at) => (column.ordinal = group.length === 1 ? 0 : at + 1));
}
