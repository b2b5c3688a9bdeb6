import { Prng } from '../../src/engine/base/prng.ts';

/**
 * A script of some five hundred lines as people would write it in a year: nested directories, long Unicode names,
 * appends, truncates, renames over, copies, deletes, and the disk filled to the brim in the middle. Every line is meant
 * to work, except those that fill the disk.
 */
const WORDS = [
  'notes',
  'Übung',
  'фото',
  '写真',
  'Résumé',
  'data.set',
  'αβγ',
  'report final',
  'a',
  'LOUD',
  'smile 😀',
];
const quoted = (path: string): string => `'${path}'`;

/** What the format can do besides; absent: only what FAT can. */
export interface MixedOptions {
  readonly hasLinks?: boolean;
  readonly hasAttributes?: boolean;
  readonly hasPermissions?: boolean;
  /** Clones, snapshots and files with holes. */
  readonly isCopyOnWrite?: boolean;
  /** Of the disk that is to be filled; 64 unless said otherwise. */
  readonly sizeMebibytes?: number;
}

/** What only APFS can do altogether. */
export const EVERYTHING: MixedOptions = {
  ...{ hasLinks: true, hasAttributes: true, hasPermissions: true },
  isCopyOnWrite: true,
};

export function mixedScript(seed: number, options: MixedOptions = {}): string[] {
  const prng = new Prng(seed);
  const lines: string[] = [];
  const directories = ['.'];
  const files: string[] = [];
  let serial = 0;

  const newName = () =>
    `${prng.pick(WORDS)} ${++serial}${prng.pick(['', '.txt', '.TXT', `.${'long'.repeat(prng.below(30))}`])}`;
  const newPath = () => `${prng.pick(directories)}/${newName()}`;
  const takeFile = () => files.splice(prng.below(files.length), 1)[0] ?? '';

  const actions: (() => string | null)[] = [
    () => {
      if (directories.length > 40) return null;
      const path = newPath();
      if (path.split('/').length > 7) return null;
      directories.push(path);
      return `mkdir ${quoted(path)}`;
    },
    () => {
      const path = newPath();
      files.push(path);
      return `echo 'line ${serial} äöü' > ${quoted(path)}`;
    },
    () => {
      const path = newPath();
      files.push(path);
      return `dd if=/dev/random of=${quoted(path)} bs=1k count=${1 + prng.below(60)} status=none`;
    },
    () => (files.length === 0 ? null : `echo appended ${serial} >> ${quoted(prng.pick(files))}`),
    () => (files.length === 0 ? null : `seq 1 ${10 + prng.below(2000)} >> ${quoted(prng.pick(files))}`),
    () => (files.length === 0 ? null : `truncate -s ${prng.below(40_000)} ${quoted(prng.pick(files))}`),
    () => {
      if (files.length < 2) return null;
      const from = takeFile();
      return `mv -f ${quoted(from)} ${quoted(prng.pick(files))}`;
    },
    () => {
      if (files.length === 0) return null;
      const from = takeFile();
      const to = newPath();
      files.push(to);
      return `mv ${quoted(from)} ${quoted(to)}`;
    },
    () => {
      if (files.length === 0) return null;
      const to = newPath();
      const line = `cp ${quoted(prng.pick(files))} ${quoted(to)}`;
      files.push(to);
      return line;
    },
    () => (files.length < 30 ? null : `rm ${quoted(takeFile())}`),
    () =>
      files.length === 0 ? null : `touch -t 20240${1 + prng.below(9)}151230 ${quoted(prng.pick(files))}`,
    () => (files.length === 0 ? null : `test -s ${quoted(prng.pick(files))} || true`),
  ];

  if (options.hasLinks) {
    actions.push(() => {
      if (files.length === 0) return null;
      const to = newPath();
      const line = `ln ${quoted(prng.pick(files))} ${quoted(to)}`;
      files.push(to);
      return line;
    });
  }
  if (options.hasAttributes) {
    actions.push(
      () => `ln -s ${quoted(newName())} ${quoted(newPath())}`,
      () =>
        files.length === 0
          ? null
          : `xattr -w user.note${prng.below(4)} "$(seq 1 ${prng.below(1500)})" ${quoted(prng.pick(files))}`,
    );
  }
  if (options.hasPermissions) {
    actions.push(
      () => `chmod 7${prng.below(8)}${prng.below(8)} ${quoted(prng.pick(directories))}`,
      () => (files.length === 0 ? null : `chmod 6${prng.below(8)}0 ${quoted(prng.pick(files))}`),
      () =>
        files.length === 0
          ? null
          : `chflags ${prng.pick(['hidden', 'nohidden'])} ${quoted(prng.pick(files))}`,
    );
  }
  if (options.isCopyOnWrite) actions.push(...copyOnWriteActions({ prng, files, directories, newPath }));
  while (lines.length < 500) {
    const line = prng.pick(actions)();
    if (line !== null) lines.push(line);
    if (lines.length === 300) lines.push(...fillTheDisk(prng, options.sizeMebibytes ?? 64));
  }
  lines.push('exit 0');
  return lines;
}

/** Sixty pieces, one large file and what is there already are more than the disk holds. */
function fillTheDisk(prng: Prng, sizeMebibytes: number): string[] {
  const largeMebibytes = (40 * sizeMebibytes) / 64;
  const pieceKibibytes = (512 * sizeMebibytes) / 64;
  return [
    'mkdir full',
    `mkfile ${largeMebibytes}m full/large`,
    `for i in $(seq 1 ${60 + prng.below(20)}); do dd if=/dev/random of="full/piece $i" bs=${pieceKibibytes}k count=1 status=none || break; done`,
    'echo "does this fit" > full/last || true',
    'rm -f full/large',
    'echo "now it does" > full/last',
    'rm -r full/piece*',
  ];
}

interface Life {
  readonly prng: Prng;
  readonly files: string[];
  readonly directories: readonly string[];
  readonly newPath: () => string;
}

/** What only a copy-on-write format does: clones of files and directories, snapshots that come and go, holes. */
function copyOnWriteActions({ prng, files, directories, newPath }: Life): (() => string | null)[] {
  const snapshots: string[] = [];
  let count = 0;
  const clone = () => {
    if (files.length === 0) return null;
    const to = newPath();
    const line = `cp -c ${quoted(prng.pick(files))} ${quoted(to)}`;
    files.push(to);
    return line;
  };
  const diverge = () =>
    files.length === 0
      ? null
      : `dd if=/dev/random of=${quoted(prng.pick(files))} bs=512 seek=${prng.below(60)} count=${1 + prng.below(20)} conv=notrunc status=none`;
  return [
    clone,
    clone,
    diverge,
    diverge,
    () => `cp -Rc ${quoted(prng.pick(directories.slice(-5)))} ${quoted(newPath())}`,
    () => {
      const path = newPath();
      files.push(path);
      return `dd if=/dev/random of=${quoted(path)} bs=4k seek=${prng.below(100)} count=1 status=none`;
    },
    () => {
      if (prng.below(3) > 0 || snapshots.length >= 6) return null;
      snapshots.push(`state ${++count}`);
      return `sudo scope snapshot create 'state ${count}'`;
    },
    () => {
      if (prng.below(4) > 0 || snapshots.length < 2) return null;
      const [name = ''] = snapshots.splice(prng.below(snapshots.length), 1);
      return `sudo scope snapshot delete '${name}'`;
    },
  ];
}
