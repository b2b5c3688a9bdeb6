import type { Rates } from './workloads.ts';

/**
 * What is measured: file systems behind the few operations that all of them have. Ours at two heights (the volume of a
 * format, and system calls with paths above it), and those of others (peers.ts).
 */
export interface FileSystem {
  makeDirectory(path: string): void;
  /** A new file with contents: open, write, close. */
  create(path: string, data: Uint8Array): void;
  /** A file to write into at offsets. */
  open(path: string): OpenFile;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** How many entries the directory has; all names are looked at. */
  list(path: string): number;
  /** Size in bytes. */
  stat(path: string): number;
  /** What gathers in memory goes to the disk. Absent: nothing gathers. */
  sync?(): void;
}

export interface OpenFile {
  write(data: Uint8Array, offsetBytes: number): void;
  close(): void;
}

export interface System {
  readonly name: string;
  /** `fat`: writes a real FAT volume. `memory`: keeps files in objects. */
  readonly kind: 'ours' | 'fat' | 'memory';
  /** An empty file system on a disk of this size, in memory. */
  fresh(sizeBytes: number): FileSystem | Promise<FileSystem>;
}

/** One of ours that goals are about. */
export interface JudgedSystem extends System {
  /** So many files does the largest measured directory have. */
  readonly filesMax: number;
  /** What has no peer here. */
  figures(): Promise<Rates>;
}

export const CLUSTER_SIZE_BYTES = 4096;
