// The reference checkers: other people's programs that judge the volumes we write. On a Debian machine their packages
// are fetched and unpacked into a folder of our own; nothing else on the machine changes. Elsewhere PATH is searched.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Debian package of each program we call. */
const PROGRAMS = {
  'fsck.vfat': 'dosfstools',
  'mkfs.vfat': 'dosfstools',
  mattrib: 'mtools',
  mcopy: 'mtools',
  mdel: 'mtools',
  mdir: 'mtools',
  minfo: 'mtools',
  mmd: 'mtools',
};

const prefix = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'diskoscope', 'checkers');
const binaries = join(prefix, 'bin');

const onPath = (program) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .concat('/usr/sbin', '/sbin')
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));

const quiet = (command, args, options = {}) =>
  spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options }).status === 0;

function unpackDebianPackages() {
  const packages = [...new Set(Object.values(PROGRAMS))];
  const downloads = join(prefix, 'packages');
  const root = join(prefix, 'root');
  rmSync(prefix, { recursive: true, force: true });
  mkdirSync(downloads, { recursive: true });
  mkdirSync(binaries, { recursive: true });
  console.log(`Fetching the reference checkers (${packages.join(', ')}) …`);
  // `apt-get download` drops its privileges, which needs a folder that everybody may write to.
  chmodSync(downloads, 0o777);
  const download = () => quiet('apt-get', ['download', '-qq', ...packages], { cwd: downloads });
  if (!download()) {
    quiet('apt-get', ['update', '-qq']);
    if (!download()) return;
  }
  for (const file of readdirSync(downloads)) quiet('dpkg-deb', ['-x', join(downloads, file), root]);
  for (const program of Object.keys(PROGRAMS)) {
    const path = ['usr/sbin', 'sbin', 'usr/bin', 'bin']
      .map((folder) => join(root, folder, program))
      .find(existsSync);
    if (!path) continue;
    writeFileSync(join(binaries, program), `#!/bin/sh\nexec '${path}' "$@"\n`);
    chmodSync(join(binaries, program), 0o755);
  }
}

/** Folder with the programs (CHECKERS for the tests); names of missing ones are added to `notChecked`. */
export function ensureCheckers(notChecked) {
  if (process.env.CHECKERS) return process.env.CHECKERS;
  const isHere = (program) => existsSync(join(binaries, program));
  const isDebian = existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb');
  if (!Object.keys(PROGRAMS).every(isHere) && isDebian) unpackDebianPackages();
  const missing = Object.keys(PROGRAMS).filter((program) => !isHere(program) && !onPath(program));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => PROGRAMS[program]))].join(' and ');
    notChecked.push(`${missing.join(' ')}: install ${packages} to have our volumes judged`);
  }
  return binaries;
}
