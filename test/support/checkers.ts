import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * Other people's programs, as judges. `scripts/checkers.mjs` gets them; a test that needs one that is missing fails
 * under CI and says `not checked: …` elsewhere.
 */
const folders = [
  process.env['CHECKERS'],
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'diskoscope', 'checkers', 'bin'),
  join(homedir(), '.cache', 'diskoscope-checkers', 'bin'),
  ...(process.env['PATH'] ?? '').split(delimiter),
  '/usr/sbin',
  '/sbin',
];

/** Path of a program, or null after saying so. */
export function findChecker(program: string): string | null {
  const path = folders.flatMap((folder) => (folder ? [join(folder, program)] : [])).find(existsSync);
  if (path !== undefined) return path;
  if (process.env['CI']) throw new Error(`${program} is missing: CI must have the reference checkers`);
  console.warn(`not checked: ${program} is not on this machine`);
  return null;
}

/** Folder of images made by other systems (its `corrupt`, `exfat`, … subfolders), or null after saying so. */
export function foreignImages(): string | null {
  const folder = process.env['FOREIGN_IMAGES'];
  if (folder !== undefined && existsSync(folder)) return folder;
  console.warn('not checked: foreign images (the variable FOREIGN_IMAGES names no folder of them)');
  return null;
}

export interface Verdict {
  readonly exitCode: number;
  readonly output: string;
}

export function runChecker(path: string, args: readonly string[], input?: string): Verdict {
  const result = spawnSync(path, args, {
    encoding: 'utf8',
    input,
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1', LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    maxBuffer: 1 << 28,
  });
  return { exitCode: result.status ?? -1, output: `${result.stdout}${result.stderr}` };
}

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'diskoscope-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Image bytes as a file in a folder that goes when the test ends. */
export function imageFile(bytes: Uint8Array, name = 'volume.img'): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

/**
 * Strict verdict of fsck.vfat: '' for clean, its output otherwise. Exit code alone is not enough: some findings are
 * printed with code 0, so a clean volume is one of exactly two lines (version, and files and clusters).
 */
export function fsckVfat(imagePath: string): string {
  const program = findChecker('fsck.vfat');
  if (program === null) return '';
  const { exitCode, output } = runChecker(program, ['-n', imagePath]);
  const isClean = exitCode === 0 && output.trim().split('\n').length === 2;
  return isClean ? '' : `exit ${exitCode}\n${output}`;
}

/**
 * Strict verdict of fsck.exfat. With -n it does not see clusters that nobody uses; rescuing them on a copy would write,
 * so a clean volume is one that this leaves as it is.
 */
export function fsckExfat(imagePath: string): string {
  const program = findChecker('fsck.exfat');
  if (program === null) return '';
  const { exitCode, output } = runChecker(program, ['-n', imagePath]);
  if (exitCode !== 0) return `exit ${exitCode}\n${output}`;
  const copy = join(temporaryFolder(), 'copy.img');
  copyFileSync(imagePath, copy, constants.COPYFILE_FICLONE);
  const rescue = runChecker(program, ['-y', '-s', copy]);
  const isUnchanged = readFileSync(imagePath).equals(readFileSync(copy));
  return isUnchanged ? '' : `fsck.exfat -y -s changes a copy\n${rescue.output}`;
}

/** Strict verdict of fsck.hfsplus: without -f it would not look at a journaled volume at all. */
export function fsckHfsplus(imagePath: string): string {
  const program = findChecker('fsck.hfsplus');
  if (program === null) return '';
  const { exitCode, output } = runChecker(program, ['-fn', imagePath]);
  const isClean = exitCode === 0 && output.includes('appears to be OK');
  return isClean ? '' : `exit ${exitCode}\n${output}`;
}

/**
 * Strict verdict of apfsck: -c takes signs of a crash for a finding, -u whatever it does not know, -w what is odd. It
 * stops at its first finding; a crash of its own is none the better.
 */
export const fsckApfs = (imagePath: string): string => apfsck(['-cuw', imagePath]);

/** As `fsckApfs`, of a container that nobody has unmounted. */
export const fsckApfsAfterPowerCut = (imagePath: string): string => apfsck(['-uw', imagePath]);

function apfsck(args: readonly string[]): string {
  const program = findChecker('apfsck');
  if (program === null) return '';
  const { exitCode, output } = runChecker(program, args);
  return exitCode === 0 && output === '' ? '' : `exit ${exitCode}\n${output}`;
}
