import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CloneTimes } from './report.ts';
import { PIECES } from './workloads.ts';

const MIB = 2 ** 20;
const BLOCK_BYTES = 4096;
const DISK_BYTES = 2048 * MIB;
const TIMES = 9;

/**
 * What a clone costs on the file systems of Linux that share blocks between files: the call (FICLONE), and the process
 * that people start for it (`cp --reflink`). They need a kernel that has them, their mkfs, and root; the disk is a file
 * in memory. A clone is timed until the call returns: it is on no disk yet, where ours has written a checkpoint.
 */
export function timeReflinks(): { times: CloneTimes[]; missing: string[] } {
  const times: CloneTimes[] = [];
  const missing: string[] = [];
  for (const name of ['btrfs', 'xfs']) {
    try {
      times.push({ name, milliseconds: onDisk(name, timesIn) });
    } catch (error) {
      missing.push(`clones on ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { times, missing };
}

function run(command: string, ...args: string[]): void {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command}: ${stderr.trim()}`);
}

/** `body` with the path of a new, empty volume; nothing is left of it. */
function onDisk<T>(name: string, body: (directory: string) => T): T {
  const shared = '/dev/shm';
  const home = fs.mkdtempSync(join(fs.existsSync(shared) ? shared : tmpdir(), 'bench-'));
  const directory = join(home, 'volume');
  const image = join(home, 'image');
  try {
    fs.mkdirSync(directory);
    fs.writeFileSync(image, '');
    fs.truncateSync(image, DISK_BYTES);
    run(`mkfs.${name}`, '-q', image);
    run('mount', '-t', name, '-o', 'loop', image, directory);
    try {
      return body(directory);
    } finally {
      run('umount', directory);
    }
  } finally {
    fs.rmSync(home, { recursive: true });
  }
}

function timesIn(directory: string): Record<string, number> {
  const film = join(directory, 'film.mov');
  const pieces = join(directory, 'pieces');
  writeFile(film, 500, (i) => ({ data: new Uint8Array(MIB).fill(i + 1), offsetBytes: i * MIB }));
  const piece = new Uint8Array(BLOCK_BYTES).fill(7);
  writeFile(pieces, PIECES, (i) => ({ data: piece, offsetBytes: 2 * i * BLOCK_BYTES }));
  let count = 0;
  const call = (source: string) =>
    best(() => fs.copyFileSync(source, `${source}.${count++}`, fs.constants.COPYFILE_FICLONE_FORCE));
  const program = (source: string) =>
    best(() => run('cp', '--reflink=always', source, `${source}.${count++}`));
  const cloned = { 'clone 500': call(film), 'clone of pieces': call(pieces) };
  const copies = fs.readdirSync(directory).filter((name) => name.startsWith('pieces.'));
  const overwrite = best(() => {
    const fd = fs.openSync(join(directory, copies.pop() ?? ''), 'r+');
    fs.writeSync(fd, piece, 0, piece.length, PIECES * BLOCK_BYTES);
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  });
  return {
    ...cloned,
    'overwrite of pieces': overwrite,
    'cp 500': program(film),
    'cp of pieces': program(pieces),
  };
}

function writeFile(
  path: string,
  count: number,
  part: (i: number) => { data: Uint8Array; offsetBytes: number },
): void {
  const fd = fs.openSync(path, 'w');
  for (let i = 0; i < count; i++) {
    const { data, offsetBytes } = part(i);
    fs.writeSync(fd, data, 0, data.length, offsetBytes);
  }
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

/** By the clock on the wall: the kernel works for whoever calls it. */
function best(work: () => void): number {
  const times: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const start = performance.now();
    work();
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}
