import { FsError } from '../../base/errno.ts';
import { LABEL_UNITS_MAX, NAME_UNITS_MAX } from './layout.ts';

/**
 * Names: how a file's name is stored, and how two names are compared.
 *
 * Two spellings of one name occur: the name as programs see it, `a:b`, without '/' and NUL; and the disk name, the same
 * in composed form (NFC) with macOS's stand-ins for what exFAT forbids. Comparing is the volume's own up-case table's
 * business. Sources: exFAT specification, 7.7.3 (forbidden characters) and 7.2; Apple msdosfs-788, msdosfs_conv.c, for
 * the stand-ins, which exFAT shares.
 */

// ── stand-ins for forbidden characters (Services for Macintosh) ─────────────────────────────────────────────────────

/** Position n stands at U+F020 + n. Then come a space and a dot at the end of a name, where Windows would drop them. */
const STOOD_IN = '"*:<>?\\|';
const TRAILING_SPACE = '\uf028';
const TRAILING_DOT = '\uf029';

const FORBIDDEN = /[\x01-\x1f"*:<>?\\|]|[ .]$/g;
const STAND_IN = /[\uf001-\uf029]/g;

const standInFor = (character: string): string => {
  if (character === ' ') return TRAILING_SPACE;
  if (character === '.') return TRAILING_DOT;
  const index = STOOD_IN.indexOf(character);
  return String.fromCharCode(index >= 0 ? 0xf020 + index : 0xf000 + character.charCodeAt(0));
};

const stoodInBy = (standIn: string): string => {
  if (standIn === TRAILING_SPACE) return ' ';
  if (standIn === TRAILING_DOT) return '.';
  const code = standIn.charCodeAt(0) - 0xf000;
  return code < 0x20 ? String.fromCharCode(code) : STOOD_IN.charAt(code - 0x20);
};

/** Plain names, by far the most: nothing to map, nothing to compose, nothing that fails. */
const PLAIN = /^[\w !#$%&'()+,;=@[\]^`{}~.-]*[\w!#$%&'()+,;=@[\]^`{}~-]$/;

const STAND_IN_OR_WORSE = /[\uf001-\uf029/\0]|\p{Surrogate}/u;

/**
 * What programs see of a name that is stored as `diskName`. A slash, a NUL or half a surrogate pair, which no driver
 * writes, becomes U+FFFD: nothing on a disk may look like a path.
 */
export const nameOfDiskName = (diskName: string): string =>
  STAND_IN_OR_WORSE.test(diskName)
    ? diskName.replace(STAND_IN, stoodInBy).replace(/[/\0]|\p{Surrogate}/gu, '\ufffd')
    : diskName;

/**
 * What is stored for `name`. FsError: EINVAL for '', '.', '..', a slash or NUL; EILSEQ for half a surrogate pair;
 * ENAMETOOLONG beyond 255 UTF-16 units.
 */
export function diskNameOf(name: string): string {
  if (name.length <= NAME_UNITS_MAX && PLAIN.test(name)) return name;
  if (name === '' || name === '.' || name === '..') {
    throw new FsError('EINVAL', '', '', `'${name}' is not a name that a file can have`);
  }
  if (/[/\0]/.test(name)) {
    throw new FsError('EINVAL', '', '', 'a name holds neither a slash nor a NUL character');
  }
  if (/\p{Surrogate}/u.test(name)) {
    throw new FsError('EILSEQ', '', '', 'the name holds half a surrogate pair, which is no character');
  }
  const diskName = name.normalize('NFC').replace(FORBIDDEN, standInFor);
  if (diskName.length > NAME_UNITS_MAX) {
    const detail = `the name has ${diskName.length} UTF-16 units, exFAT has room for ${NAME_UNITS_MAX}`;
    throw new FsError('ENAMETOOLONG', '', '', detail);
  }
  return diskName;
}

// ── comparing ───────────────────────────────────────────────────────────────────────────────────────────────────────

const ASCII = /^[\0-\x7f]*$/;

/** Comparing through one volume's up-case table. */
export class NameKeys {
  readonly #upcase: Uint16Array;
  /** The table does with ASCII what the specification demands; a foreign one need not. */
  readonly #isAsciiPlain: boolean;
  #latestName = '';
  #latestKey = '';

  constructor(upcase: Uint16Array) {
    this.#upcase = upcase;
    let isPlain = true;
    for (let unit = 0; unit < 0x80; unit++) {
      const upper = unit >= 0x61 && unit <= 0x7a ? unit - 0x20 : unit;
      isPlain &&= upcase[unit] === upper;
    }
    this.#isAsciiPlain = isPlain;
  }

  /**
   * Equal keys, same name: composed, stand-ins resolved, up-cased unit by unit. Takes names as programs or as disks
   * spell them.
   */
  of(name: string): string {
    // One operation asks for the same name several times: to find it, to be sure that it is free, to enter it.
    if (name !== this.#latestName) {
      this.#latestKey = this.#keyOf(name);
      this.#latestName = name;
    }
    return this.#latestKey;
  }

  #keyOf(name: string): string {
    if (this.#isAsciiPlain && ASCII.test(name)) return name.toUpperCase();
    const composed = nameOfDiskName(name).normalize('NFC');
    let key = '';
    for (let i = 0; i < composed.length; i++) {
      key += String.fromCharCode(this.#upcase[composed.charCodeAt(i)] ?? 0);
    }
    return key;
  }
}

// ── volume labels ───────────────────────────────────────────────────────────────────────────────────────────────────

const LABEL_FORBIDDEN = /[\0-\x1f\x7f"*/:<>?\\|]/;

/** A label as it is stored. FsError EINVAL, EILSEQ for what it cannot hold, ENAMETOOLONG beyond eleven units. */
export function storedLabel(label: string): string {
  const stored = label.normalize('NFC');
  if (stored.length > LABEL_UNITS_MAX) {
    const detail = `an exFAT label has at most ${LABEL_UNITS_MAX} UTF-16 units, '${label}' has ${stored.length}`;
    throw new FsError('ENAMETOOLONG', '', '', detail);
  }
  if (LABEL_FORBIDDEN.test(stored)) {
    const detail = `'${label}' is no exFAT label: control characters and " * / : < > ? \\ | are not allowed`;
    throw new FsError('EINVAL', '', '', detail);
  }
  if (/\p{Surrogate}/u.test(stored)) {
    throw new FsError('EILSEQ', '', '', 'the label holds half a surrogate pair, which is no character');
  }
  return stored;
}

/** A label as people read it, from an entry of `unitCount` units. */
export const labelText = (units: string, unitCount: number): string =>
  units.slice(0, unitCount).replace(/[\0-\x1f\x7f]|\p{Surrogate}/gu, '\ufffd');
