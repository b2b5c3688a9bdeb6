import type { FileSystem, System } from './systems.ts';
import { Stopwatch } from '../support/stopwatch.ts';

/** What is done, and how it is timed. Each returns operations (or bytes) per second, by name. */
export type Rates = Readonly<Record<string, Rate>>;

export interface Rate {
  /** Per second. */
  readonly value: number;
  /** The time allowed was over before the work was. */
  readonly isCapped: boolean;
  /** Operations done. */
  readonly count: number;
}

const MIB = 2 ** 20;
/** A FAT32 of 4 KiB clusters needs 65 525 of them, and a gigabyte of room for contents. */
export const DISK_BYTES = 600 * MIB;
/** Nobody needs to see a linear search take a minute. */
const STAGE_MS_MAX = 4000;

export const nameOf = (i: number): string => `file-${String(i).padStart(7, '0')}.txt`;
const renamedOf = (i: number): string => `name-${String(i).padStart(7, '0')}.txt`;

const body = new Uint8Array(1024).map((_, i) => i + 1);

/** `files`: of what gathers in memory the stage pays for the way to the disk. */
function timed(
  count: number,
  work: (i: number) => void,
  { msMax = STAGE_MS_MAX, files }: { msMax?: number; files?: FileSystem } = {},
): Rate {
  const watch = new Stopwatch();
  for (let i = 0; i < count; i++) {
    work(i);
    if (i % 64 === 63 && msMax < Infinity) {
      const ms = watch.milliseconds;
      if (ms > msMax) return { value: ((i + 1) / ms) * 1000, isCapped: true, count: i + 1 };
    }
  }
  files?.sync?.();
  return { value: (count / watch.milliseconds) * 1000, isCapped: false, count };
}

/** Create, list, stat, rename and delete `count` files of 1 KiB in one directory. */
export async function oneDirectory(system: System, count: number): Promise<Rates> {
  const files = await system.fresh(DISK_BYTES);
  files.makeDirectory('/d');
  const create = timed(count, (i) => files.create(`/d/${nameOf(i)}`, body), { msMax: Infinity, files });
  let listed = 0;
  const readdir = timed(1, () => (listed = files.list('/d')), { msMax: Infinity });
  if (listed !== count) throw new Error(`${system.name} lists ${listed} of ${count} files`);
  let sizeBytes = 0;
  const stat = timed(count, (i) => (sizeBytes += files.stat(`/d/${nameOf(i)}`)));
  if (!stat.isCapped && sizeBytes !== count * body.length)
    throw new Error(`${system.name} counts ${sizeBytes} bytes`);
  const rename = timed(count, (i) => files.rename(`/d/${nameOf(i)}`, `/d/${renamedOf(i)}`), { files });
  const remove = timed(count, (i) => files.remove(`/d/${i < rename.count ? renamedOf(i) : nameOf(i)}`), {
    files,
  });
  return { create, readdir: perEntry(readdir, count), stat, rename, delete: remove };
}

const perEntry = (rate: Rate, count: number): Rate => ({ ...rate, value: rate.value * count });

const DIRECTORIES = 500;

export async function tree(system: System, count: number): Promise<Rates> {
  const files = await system.fresh(DISK_BYTES);
  for (let d = 0; d < DIRECTORIES; d++) files.makeDirectory(`/d${d}`);
  return {
    tree: timed(count, (i) => files.create(`/d${i % DIRECTORIES}/${nameOf(i)}`, body), {
      msMax: Infinity,
      files,
    }),
  };
}

/** Of a file that is cloned: its extents, which do not follow each other on the disk or in the file. */
export const PIECES = 10_000;

const FILE_BYTES = 256 * MIB;
const OVERWRITES = 20_000;

/** One file written in pieces of 1 MiB, then overwritten at random in pieces of 4 KiB. */
export async function bigFile(system: System): Promise<Rates> {
  const files: FileSystem = await system.fresh(DISK_BYTES);
  const piece = new Uint8Array(MIB).map((_, i) => i % 251);
  const file = files.open('/big');
  const sequential = timed(FILE_BYTES / MIB, (i) => file.write(piece, i * MIB), { msMax: Infinity, files });
  const block = piece.slice(7, 7 + 4096);
  // A fixed pseudo-random walk that meets every block once before it repeats.
  const blocks = FILE_BYTES / block.length;
  const random = timed(OVERWRITES, (i) => file.write(block, ((i * 40_503) % blocks) * block.length), {
    files,
  });
  file.close();
  return { sequential: { ...sequential, value: sequential.value * MIB }, random };
}
