import * as C from '../vfs/constants.ts';

/** Modes, flags and owners as macOS's tools print and read them. */

const SET_UID = 0o4000;
const SET_GID = 0o2000;
const STICKY = 0o1000;

export const isDirectory = (mode: number): boolean => (mode & C.S_IFMT) === C.S_IFDIR;
export const isRegular = (mode: number): boolean => (mode & C.S_IFMT) === C.S_IFREG;
export const isSymlink = (mode: number): boolean => (mode & C.S_IFMT) === C.S_IFLNK;
export const isFifo = (mode: number): boolean => (mode & C.S_IFMT) === C.S_IFIFO;
export const isSocket = (mode: number): boolean => (mode & C.S_IFMT) === C.S_IFSOCK;
export const isDevice = (mode: number): boolean =>
  (mode & C.S_IFMT) === C.S_IFCHR || (mode & C.S_IFMT) === C.S_IFBLK;

const TYPE_LETTERS = new Map([
  [C.S_IFDIR, 'd'],
  [C.S_IFCHR, 'c'],
  [C.S_IFBLK, 'b'],
  [C.S_IFREG, '-'],
  [C.S_IFLNK, 'l'],
  [C.S_IFIFO, 'p'],
  [C.S_IFSOCK, 's'],
]);

/** strmode(3) without its trailing blank: '-rwxr-xr-x'. */
export function modeText(mode: number): string {
  const triple = (bits: number, special: boolean, letter: string): string => {
    const execute = (bits & 1) !== 0;
    const last = special ? (execute ? letter : letter.toUpperCase()) : execute ? 'x' : '-';
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${last}`;
  };
  return (
    (TYPE_LETTERS.get(mode & C.S_IFMT) ?? '?') +
    triple(mode >> 6, (mode & SET_UID) !== 0, 's') +
    triple(mode >> 3, (mode & SET_GID) !== 0, 's') +
    triple(mode, (mode & STICKY) !== 0, 't')
  );
}

/** What `ls -F` puts behind a name. */
export function typeMark(mode: number): string {
  if (isDirectory(mode)) return '/';
  if (isSymlink(mode)) return '@';
  if (isSocket(mode)) return '=';
  if (isFifo(mode)) return '|';
  return isRegular(mode) && (mode & 0o111) !== 0 ? '*' : '';
}

// ── users ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Everybody the simulated machine knows. 99 is whom macOS shows for files of volumes without owners. */
const USERS = new Map([
  [0, 'root'],
  [99, '_unknown'],
  [501, 'student'],
]);
const GROUPS = new Map([
  [0, 'wheel'],
  [20, 'staff'],
  [80, 'admin'],
  [99, '_unknown'],
]);

export const userName = (uid: number): string => USERS.get(uid) ?? String(uid);
export const groupName = (gid: number): string => GROUPS.get(gid) ?? String(gid);
export const knownUserName = (uid: number): string | undefined => USERS.get(uid);
export const knownGroupName = (gid: number): string | undefined => GROUPS.get(gid);

const ID_MAX = 0xffff_fffe;

function idOf(name: string, names: ReadonlyMap<number, string>): number | null {
  for (const [id, known] of names) if (known === name) return id;
  const id = /^\d+$/.test(name) ? Number(name) : NaN;
  return id <= ID_MAX ? id : null;
}

/** A name or a number; null for what is neither. */
export const userId = (name: string): number | null => idOf(name, USERS);
export const groupId = (name: string): number | null => idOf(name, GROUPS);

// ── flags ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** strtofflags(3): the first name of a flag is the one that is printed. `nodump` is the only one without `no`. */
const FLAG_NAMES: readonly (readonly [number, readonly string[]])[] = [
  [C.SF_APPEND, ['sappnd', 'sappend']],
  [C.SF_ARCHIVED, ['arch', 'archived']],
  [C.SF_IMMUTABLE, ['schg', 'schange', 'simmutable']],
  [C.SF_RESTRICTED, ['restricted']],
  [C.SF_NOUNLINK, ['sunlnk', 'sunlink']],
  [C.UF_APPEND, ['uappnd', 'uappend']],
  [C.UF_IMMUTABLE, ['uchg', 'uchange', 'uimmutable']],
  [C.UF_NODUMP, ['nodump']],
  [C.UF_OPAQUE, ['opaque']],
  [C.UF_HIDDEN, ['hidden']],
  [C.UF_COMPRESSED, ['compressed']],
  [C.UF_TRACKED, ['tracked']],
  [C.UF_DATAVAULT, ['datavault']],
];

/** fflagstostr(3): 'uchg,hidden'; '' for none. */
export const flagsText = (flags: number): string =>
  FLAG_NAMES.filter(([flag]) => (flags & flag) !== 0)
    .map(([, names]) => names[0])
    .join(',');

export interface FlagsChange {
  readonly set: number;
  readonly clear: number;
}

/** 'uchg,nohidden'; the first word that is no flag is answered instead. */
export function parseFlags(text: string): FlagsChange | { readonly unknown: string } {
  let set = 0;
  let clear = 0;
  for (const word of text.split(/[\t ,]/).filter((part) => part !== '')) {
    const find = (name: string) => FLAG_NAMES.find(([, names]) => names.includes(name))?.[0];
    const direct = find(word);
    const negated = word.startsWith('no') ? find(word.slice(2)) : undefined;
    const dump = word === 'dump' ? C.UF_NODUMP : undefined;
    if (direct !== undefined) set |= direct;
    else if ((negated ?? dump) !== undefined) clear |= negated ?? dump ?? 0;
    else return { unknown: word };
  }
  return { set, clear };
}

// ── changing modes ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A parsed `chmod` argument: the new permission bits from the old ones (with the type bits of st_mode). */
export type ModeChange = (mode: number) => number;

/**
 * setmode(3): octal, or clauses such as 'u+rw,go-w', 'a=rX', '+t', 'g=u'. Null for anything else. Without a who the
 * umask limits what changes.
 */
export function parseMode(text: string, umask: number): ModeChange | null {
  if (/^[0-7]{1,5}$/.test(text)) {
    const bits = parseInt(text, 8);
    return bits <= 0o7777 ? () => bits : null;
  }
  const clauses = text.split(',').map((clause) => parseClause(clause, umask));
  if (clauses.some((clause) => clause === null)) return null;
  return (mode) => clauses.reduce((bits, clause) => (clause ? clause(bits) : bits), mode) & 0o7777;
}

const WHO_BITS: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o007, a: 0o6777 };

function parseClause(clause: string, umask: number): ModeChange | null {
  const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause);
  if (!match) return null;
  const [, who = '', actions = ''] = match;
  const named = [...who].reduce((bits, letter) => bits | (WHO_BITS[letter] ?? 0), 0);
  const isOnlyOthers = named !== 0 && (named & ~0o007) === 0;
  // The sticky bit belongs to nobody in particular: 'o+t' leaves it, '+t', 'u+t' and 'a+t' set it.
  const reach = (who === '' ? 0o7777 & ~(umask & 0o777) : named) | (isOnlyOthers ? 0 : STICKY);
  return (before) => {
    let mode = before;
    for (const [, operator = '', letters = ''] of actions.matchAll(/([-+=])([rwxXstugo]*)/g)) {
      const bits = [...letters].reduce((sum, letter) => sum | bitsOf(letter, mode), 0) & reach;
      if (operator === '+') mode |= bits;
      else if (operator === '-') mode &= ~bits;
      else mode = (mode & ~(who === '' ? 0o6777 : named)) | bits;
    }
    return mode;
  };
}

function bitsOf(letter: string, mode: number): number {
  const copy = (triple: number) => (triple & 7) * 0o111;
  switch (letter) {
    case 'r':
      return 0o444;
    case 'w':
      return 0o222;
    case 'x':
      return 0o111;
    case 'X':
      return isDirectory(mode) || (mode & 0o111) !== 0 ? 0o111 : 0;
    case 's':
      return SET_UID | SET_GID;
    case 't':
      return STICKY;
    case 'u':
      return copy(mode >> 6);
    case 'g':
      return copy(mode >> 3);
    default:
      return copy(mode);
  }
}
