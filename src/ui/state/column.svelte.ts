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
  /** What it is being made of, until the engine says what came of it. */
  #coming = $state.raw<Origin | null>(null);
  /** By its format; of several alike on the bench each has its number. */
  readonly name: string = $derived.by(() => {
    const alike = this.beside().filter((other) => other.#format === this.#format);
    return alike.length < 2 ? this.#format : `${this.#format} ${alike.indexOf(this) + 1}`;
  });

  constructor(
    /** The same for as long as the disk is on the bench, whatever becomes of its worker. */
    readonly key: string,
    readonly engine: EngineHandle,
    /** The columns of its bench. */
    private readonly beside: () => readonly Column[],
  ) {
    this.disk = new DiskState(engine.api);
    this.map = new MapState(this.disk);
    this.inspection = new Inspection(engine.api);
  }

  /** Make the disk; rejects with the engine's sentence when there can be no such disk. */
  make(origin: Origin): Promise<void> {
    return this.#begin(origin, this.disk.make(origin));
  }

  /** The disk as it was saved; rejects with a sentence when that cannot be read. */
  restore(origin: Origin, saved: SavedSession): Promise<void> {
    return this.#begin(origin, this.disk.restore(origin, saved));
  }

  #begin(origin: Origin, task: Promise<void>): Promise<void> {
    this.#coming = origin;
    return task.then(() => {
      this.inspection.blockSizeBytes = this.disk.view?.blockSizeBytes ?? 512;
      this.inspection.clear();
      this.map.fit();
    });
  }

  /** The format of the volume; of an image without one, its file. */
  get #format(): string {
    const { view, origin } = this.disk;
    const title = view?.volume?.title ?? '';
    const fat = /FAT(?:12|16)/.exec(title)?.[0];
    if (fat !== undefined) return fat;
    const from = origin ?? this.#coming;
    const format = view?.volume?.formatName ?? (from?.kind === 'new' ? from.request.format : '');
    const fileName = from?.kind === 'image' ? from.file.name : 'disk';
    return NAMES[format] ?? visible(view?.name ?? fileName);
  }
}
