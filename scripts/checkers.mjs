// The reference checkers: other people's programs that judge the volumes we write. On a Debian machine their packages
// are fetched and unpacked into a folder of our own; nothing else on the machine changes. Elsewhere PATH is searched.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/**
 * Debian package of each program we call, and the release it is taken from: older fsck.exfat finds less, and hfsprogs
 * is in the non-free part of one release only.
 */
const PACKAGES = {
  dosfstools: { release: 'bookworm', programs: ['fsck.vfat', 'mkfs.vfat'] },
  mtools: { release: 'bookworm', programs: ['mattrib', 'mcopy', 'mdel', 'mdir', 'minfo', 'mmd', 'mtype'] },
  exfatprogs: { release: 'trixie', programs: ['fsck.exfat', 'mkfs.exfat', 'dump.exfat'] },
  hfsprogs: { release: 'bookworm', programs: ['fsck.hfsplus', 'mkfs.hfsplus'] },
  // Older apfsck refuses what today's mkapfs makes; older fsapfsinfo refuses snapshots.
  apfsprogs: { release: 'trixie', programs: ['apfsck', 'mkapfs'] },
  'libfsapfs-utils': { release: 'trixie', programs: ['fsapfsinfo'] },
  // These read disk images of macOS.
  '7zip': { release: 'bookworm', programs: ['7zz'] },
  dmg2img: { release: 'bookworm', programs: ['dmg2img'] },
  // What these programs are linked with.
  libfsapfs1t64: { release: 'trixie', programs: [] },
  libblkid1: { release: 'bookworm', programs: [] },
  libuuid1: { release: 'bookworm', programs: [] },
};
const PROGRAMS = Object.values(PACKAGES).flatMap(({ programs }) => programs);

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

const filesBelow = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
    : [];

/** The mirror that this machine uses already. */
function debianMirror() {
  const lists = ['/etc/apt/sources.list', ...filesBelow('/etc/apt/sources.list.d')];
  for (const path of lists.filter((name) => /\.(list|sources)$/.test(name) && existsSync(name))) {
    const found = /https?:\/\/\S+\/debian\/?(?=\s|$)/m.exec(readFileSync(path, 'utf8'));
    if (found) return found[0].replace(/\/$/, '');
  }
  return undefined;
}

/** A configuration of apt that lives in our folder and knows both releases; null where it cannot be written. */
function privateApt() {
  const mirror = debianMirror();
  const keyring = filesBelow('/usr/share/keyrings').find((path) =>
    /debian-archive-keyring\.(gpg|pgp)$/.test(path),
  );
  if (mirror === undefined || keyring === undefined) return null;
  const apt = join(prefix, 'apt');
  mkdirSync(join(apt, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(apt, 'cache', 'archives', 'partial'), { recursive: true });
  const source = (suite) => `deb [signed-by=${keyring}] ${mirror} ${suite}\n`;
  const sources = source('bookworm main contrib non-free') + source('trixie main');
  writeFileSync(join(apt, 'sources.list'), sources);
  writeFileSync(
    join(apt, 'apt.conf'),
    `Dir::Etc::SourceList "${apt}/sources.list"; Dir::Etc::SourceParts "/dev/null";\n` +
      `Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "/dev/null";\n` +
      `Dir::State::Lists "${apt}/lists"; Dir::Cache "${apt}/cache"; APT::Sandbox::User "root";\n`,
  );
  return { ...process.env, APT_CONFIG: join(apt, 'apt.conf') };
}

/** The debs into `downloads`: each from its release, or else what this machine's own sources offer. */
function download(downloads) {
  const cwd = downloads;
  const env = privateApt();
  const wanted = Object.entries(PACKAGES).map(([name, { release }]) => `${name}/${release}`);
  if (env !== null && quiet('apt-get', ['update', '-qq'], { env })) {
    if (quiet('apt-get', ['download', '-qq', ...wanted], { cwd, env })) return;
  }
  quiet('apt-get', ['update', '-qq']);
  for (const name of Object.keys(PACKAGES)) quiet('apt-get', ['download', '-qq', name], { cwd });
}

function unpackDebianPackages() {
  const downloads = join(prefix, 'packages');
  const root = join(prefix, 'root');
  rmSync(prefix, { recursive: true, force: true });
  mkdirSync(downloads, { recursive: true });
  mkdirSync(binaries, { recursive: true });
  console.log(`Fetching the reference checkers (${Object.keys(PACKAGES).join(', ')}) …`);
  // `apt-get download` drops its privileges, which needs a folder that everybody may write to.
  chmodSync(downloads, 0o777);
  download(downloads);
  for (const file of readdirSync(downloads)) quiet('dpkg-deb', ['-x', join(downloads, file), root]);
  rmSync(join(prefix, 'apt'), { recursive: true, force: true });
  const libraries = [...new Set(filesBelow(root).filter((path) => /\/lib[^/]*\.so\.\d+$/.test(path)))].map(
    (path) => path.slice(0, path.lastIndexOf('/')),
  );
  const search = [...new Set(libraries)].join(':');
  for (const program of PROGRAMS) {
    const path = ['usr/sbin', 'sbin', 'usr/bin', 'bin']
      .map((folder) => join(root, folder, program))
      .find(existsSync);
    if (!path) continue;
    const libraryPath = search === '' ? '' : `LD_LIBRARY_PATH='${search}' `;
    writeFileSync(join(binaries, program), `#!/bin/sh\n${libraryPath}exec '${path}' "$@"\n`);
    chmodSync(join(binaries, program), 0o755);
  }
}

/** Folder with the programs (CHECKERS for the tests); names of missing ones are added to `notChecked`. */
export function ensureCheckers(notChecked) {
  if (process.env.CHECKERS) return process.env.CHECKERS;
  const isHere = (program) => existsSync(join(binaries, program));
  const isDebian = existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb');
  if (!PROGRAMS.every(isHere) && isDebian) unpackDebianPackages();
  for (const [name, { programs }] of Object.entries(PACKAGES)) {
    const missing = programs.filter((program) => !isHere(program) && !onPath(program));
    if (missing.length > 0) {
      notChecked.push(`${missing.join(' ')}: install ${name} to have our volumes judged`);
    }
  }
  return binaries;
}
