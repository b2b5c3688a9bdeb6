import { allDigits } from '../base/file-size.ts';
import type { Timespec } from '../base/clock.ts';
import type { Stat } from '../vfs/calls.ts';
import * as permissions from './permissions-text.ts';
import { formatTime } from './times-text.ts';

/** The little language of `stat -f`: `%` flags size .prec format sub-field datum, as stat(1) documents it. */

export const FORMATS = {
  default: '%d %i %Sp %l %Su %Sg %r %z "%Sa" "%Sm" "%Sc" "%SB" %k %b %#Xf %N',
  raw: '%d %i %#p %l %u %g %r %z %a %m %c %B %k %b %f %N',
  ls: '%Sp %l %Su %Sg %Z %Sm %N%SY',
  lsMarked: '%Sp %l %Su %Sg %Z %Sm %N%T%SY',
  shell:
    'st_dev=%d st_ino=%i st_mode=%#p st_nlink=%l st_uid=%u st_gid=%g st_rdev=%r st_size=%z ' +
    'st_atime=%a st_mtime=%m st_ctime=%c st_birthtime=%B st_blksize=%k st_blocks=%b st_flags=%f',
  verbose:
    '  File: "%N"%n  Size: %-11z  FileType: %HT%n' +
    '  Mode: (%0Mp%03OA/%.10Sp)         Uid: (%5u/%8Su)  Gid: (%5g/%8Sg)%n' +
    'Device: %Hd,%Ld   Inode: %i    Links: %l%n' +
    'Access: %Sa%nModify: %Sm%nChange: %Sc%n Birth: %SB',
} as const;

export const TIME_FORMAT = '%b %e %T %Y';

export interface Subject {
  readonly stat: Stat;
  readonly name: string;
  /** Counted from 1, for `%@`. */
  readonly number: number;
  readonly timeFormat: string;
  /** Where a link leads; null when there is nothing to read. */
  readonly linkTarget: string | null;
  readonly realPath: string | null;
}

/** What one datum is: at least one of number and text. */
interface Datum {
  readonly number?: number;
  readonly text?: string;
  readonly time?: Timespec;
  /** Format used when none is asked for. */
  readonly usual: string;
}

const DIRECTIVE = /^([#+\-0 ]*)(\d*)(?:\.(\d*))?([DOUXFS]?)([HML]?)([RdipAlugramcBzbkfvYTNZ])/;

/** The text, or the directive that is none as `{ badFormat }`. */
export function formatStat(format: string, subject: Subject): string | { readonly badFormat: string } {
  let out = '';
  for (let at = 0; at < format.length;) {
    if (format[at] !== '%') {
      out += format[at++] ?? '';
      continue;
    }
    const simple = { n: '\n', t: '\t', '%': '%', '@': String(subject.number) }[format[at + 1] ?? ''];
    if (simple !== undefined) {
      out += simple;
      at += 2;
      continue;
    }
    const match = DIRECTIVE.exec(format.slice(at + 1));
    const text = match ? directive(match, subject) : null;
    if (!match || text === null) return { badFormat: `%${match?.[0] ?? format[at + 1] ?? ''}` };
    out += text;
    at += 1 + match[0].length;
  }
  return out;
}

function directive(match: RegExpExecArray, subject: Subject): string | null {
  const [, flags = '', width = '', precision, format = '', piece = '', letter = ''] = match;
  const datum = datumOf(letter, piece, format, subject);
  if (!datum) return null;
  const kind = format || datum.usual;
  const layout: Layout = {
    flags,
    width: Number(width || 0),
    precision: precision === undefined ? null : Number(precision),
  };
  if (kind === 'S')
    return datum.text === undefined ? null : pad(datum.text.slice(0, layout.precision ?? undefined), layout);
  if (kind === 'F') return datum.time ? pad(decimalTime(datum.time, layout.precision ?? 9), layout) : null;
  return datum.number === undefined ? null : integer(datum.number, kind, layout);
}

function datumOf(letter: string, piece: string, format: string, subject: Subject): Datum | null {
  const { stat, name, timeFormat } = subject;
  const plain = (number: number, usual = 'U'): Datum => ({ number, usual });
  const time = (value: Timespec): Datum => ({
    number: value.seconds,
    text: formatTime(value, timeFormat),
    time: value,
    usual: 'D',
  });
  const link = (target: string | null): Datum => ({
    text: target === null ? '' : (format === 'S' ? ' -> ' : '') + target,
    usual: 'S',
  });
  if (piece !== '' && !'drpATZ'.includes(letter)) return null;
  switch (letter) {
    case 'd':
      return { number: devicePiece(stat.device, piece), text: '???', usual: 'U' };
    case 'r':
      return { number: devicePiece(stat.rawDevice, piece), text: '???', usual: 'U' };
    case 'i':
      return plain(stat.inode);
    case 'p':
    case 'A':
      return modeDatum(letter === 'A' ? stat.mode & 0o7777 : stat.mode, stat.mode, piece);
    case 'l':
      return plain(stat.linkCount);
    case 'u':
      return { number: stat.uid, text: permissions.knownUserName(stat.uid) ?? `(${stat.uid})`, usual: 'U' };
    case 'g':
      return { number: stat.gid, text: permissions.knownGroupName(stat.gid) ?? `(${stat.gid})`, usual: 'U' };
    case 'a':
      return time(stat.accessTime);
    case 'm':
      return time(stat.modifyTime);
    case 'c':
      return time(stat.changeTime);
    case 'B':
      return time(stat.birthTime);
    case 'Z':
      if (permissions.isDevice(stat.mode)) {
        const [high, low] = [devicePiece(stat.rawDevice, 'H'), devicePiece(stat.rawDevice, 'L')];
        return { text: `${high},${low}`, usual: 'S' };
      }
      return plain(stat.sizeBytes);
    case 'z':
      return plain(stat.sizeBytes);
    case 'b':
      return plain(stat.blocks);
    case 'k':
      return plain(stat.blockSizeBytes);
    case 'f':
      return { number: stat.flags, text: permissions.flagsText(stat.flags) || '-', usual: 'U' };
    case 'v':
      return plain(0);
    case 'Y':
      return link(subject.linkTarget);
    case 'R':
      return link(subject.realPath);
    case 'T':
      return { text: piece === 'H' ? typeName(stat.mode) : permissions.typeMark(stat.mode), usual: 'S' };
    default:
      return { text: name, usual: 'S' };
  }
}

/** A device number is a major number in eight bits and a minor one in 24. */
function devicePiece(device: number, piece: string): number {
  if (piece === 'H') return (device >>> 24) & 0xff;
  return piece === 'L' ? device & 0xffffff : device;
}

function modeDatum(number: number, mode: number, piece: string): Datum {
  const text = permissions.modeText(mode);
  if (piece === 'H') return { number: number >> 12, text: text.slice(1, 4), usual: 'O' };
  if (piece === 'M') return { number: (number >> 9) & 0o7, text: text.slice(4, 7), usual: 'O' };
  if (piece === 'L') return { number: number & 0o777, text: text.slice(7, 10), usual: 'O' };
  return { number, text, usual: 'O' };
}

function typeName(mode: number): string {
  const names: Readonly<Record<string, string>> = {
    d: 'Directory',
    c: 'Character Device',
    b: 'Block Device',
    l: 'Symbolic Link',
    p: 'Fifo File',
    s: 'Socket',
    '-': 'Regular File',
  };
  return names[permissions.modeText(mode)[0] ?? ''] ?? '???';
}

// ── printf(3) ───────────────────────────────────────────────────────────────────────────────────────────────────────

interface Layout {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | null;
}

/** No field of stat is wider; an enormous one is a slip, not a wish. */
const WIDTH_MAX = 4096;

function pad(text: string, { flags, width }: Layout): string {
  const cells = Math.min(width, WIDTH_MAX);
  return flags.includes('-') ? text.padEnd(cells) : text.padStart(cells);
}

function integer(value: number, kind: string, layout: Layout): string {
  const radix = kind === 'O' ? 8 : kind === 'X' ? 16 : 10;
  let digits = radix === 10 ? allDigits(Math.abs(value)) : Math.abs(value).toString(radix);
  if (layout.precision !== null) digits = digits.padStart(Math.min(layout.precision, WIDTH_MAX), '0');
  const isAlternate = layout.flags.includes('#');
  if (isAlternate && kind === 'O' && !digits.startsWith('0')) digits = `0${digits}`;
  const prefix = isAlternate && kind === 'X' && value !== 0 ? '0x' : '';
  const isSigned = kind === 'D';
  const plus =
    isSigned && layout.flags.includes('+') ? '+' : isSigned && layout.flags.includes(' ') ? ' ' : '';
  const sign = value < 0 ? '-' : plus;
  const fillsZeros = layout.flags.includes('0') && !layout.flags.includes('-') && layout.precision === null;
  if (fillsZeros) {
    digits = digits.padStart(Math.min(layout.width, WIDTH_MAX) - sign.length - prefix.length, '0');
  }
  return pad(sign + prefix + digits, layout);
}

function decimalTime({ seconds, nanoseconds }: Timespec, precision: number): string {
  if (precision === 0) return String(seconds);
  const digits = String(nanoseconds).padStart(9, '0').padEnd(Math.min(precision, WIDTH_MAX), '0');
  return `${seconds}.${digits.slice(0, precision)}`;
}
