import { concatBytes, utf8 } from '../../base/bytes.ts';
import { errnoOf, FsError, strerror } from '../../base/errno.ts';
import { XATTR_NOFOLLOW } from '../../vfs/constants.ts';
import type { Running } from '../command.ts';
import { namesIn } from '../fts.ts';
import { isDirectory, isSymlink } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { failedWith, outcomeOf } from '../system-outcome.ts';

const HELP = `usage: xattr [-l] [-r] [-s] [-v] [-x] file [file ...]
       xattr -p [-l] [-r] [-s] [-v] [-x] attr_name file [file ...]
       xattr -w [-r] [-s] [-x] attr_name attr_value file [file ...]
       xattr -d [-r] [-s] attr_name file [file ...]
       xattr -c [-r] [-s] file [file ...]

The first form lists the names of all xattrs on the given file(s).
The second form (-p) prints the value of the xattr attr_name.
The third form (-w) sets the value of the xattr attr_name to the string attr_value.
The fourth form (-d) deletes the xattr attr_name.
The fifth form (-c) deletes (clears) all xattrs.

options:
  -h: print this help
  -l: print long format (attr_name: attr_value and hex output has offsets and
      ascii representation)
  -r: act recursively
  -s: act on the symbolic link itself rather than what the link points to
  -v: also print filename (automatic with -r and with multiple files)
  -x: attr_value is represented as a hex string for input and output`;

export const xattr = program({
  name: 'xattr',
  summary: 'show and change extended attributes',
  manual: `${HELP}

HFS+ keeps the attributes of a file in its trees. On FAT and exFAT they live in an AppleDouble file beside it, '._' and
its name.`,
  usage: HELP,
  usageExitCode: 1,
  letters: 'hclrspwdvx',
  long: { help: 'h' },
  *main(call) {
    if (call.has('h')) {
      yield* call.printLine(HELP);
      return 0;
    }
    const modes = [
      ...new Set(call.options.map(({ letter }) => letter).filter((letter) => 'cpwd'.includes(letter))),
    ];
    const [mode = '', other] = modes;
    if (other !== undefined) return yield* complainOfUsage(call, `Cannot specify -${other} with -${mode}`);
    if (call.has('l') && (mode === 'w' || mode === 'd')) {
      return yield* complainOfUsage(call, '-l is not allowed with -w or -d');
    }
    const needed = { w: 3, p: 2, d: 2 }[mode] ?? 1;
    const given = call.operands.length;
    if (given < needed) {
      const which = mode === '' ? '' : ` for option -${mode}`;
      return yield* complainOfUsage(
        call,
        `Not enough arguments${which}. Expected at least ${needed} but got ${given}`,
      );
    }
    const names = call.operands.slice(0, needed - 1);
    const attributes = new Attributes(call, mode, names[0] ?? '', names[1] ?? '', given - needed + 1);
    for (const path of call.operands.slice(needed - 1)) yield* attributes.path(path, 0);
    return call.exitCode;
  },
});

function* complainOfUsage(call: Invocation, message: string): Running {
  yield* call.print(`${message}\n\n${HELP}\n`);
  return 1;
}

/** No path is longer than 1024 bytes, so no walk is deeper. */
const DEPTH_MAX = 512;

class Attributes {
  readonly #call: Invocation;
  readonly #mode: string;
  readonly #name: string;
  readonly #value: string;
  readonly #isTitled: boolean;
  readonly #noFollow: number;

  constructor(call: Invocation, mode: string, name: string, value: string, fileCount: number) {
    this.#call = call;
    this.#mode = mode;
    this.#name = name;
    this.#value = value;
    this.#isTitled = call.has('v') || call.has('r') || fileCount > 1;
    this.#noFollow = call.has('s') ? XATTR_NOFOLLOW : 0;
  }

  *path(path: string, depth: number): Running<void> {
    const { system } = this.#call;
    try {
      const stat = system.lstat(path);
      if (this.#call.has('r') && isDirectory(stat.mode) && depth < DEPTH_MAX) {
        for (const name of yield* namesIn(system, path)) yield* this.path(`${path}/${name}`, depth + 1);
      }
      if (isSymlink(stat.mode) && this.#noFollow === 0) system.stat(path);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      yield* this.#complain(path, error);
      return;
    }
    yield* this.#act(path);
  }

  *#act(path: string): Running<void> {
    const { system } = this.#call;
    if (this.#mode === 'w') {
      const value = this.#call.has('x') ? bytesOfHex(this.#value) : utf8(this.#value);
      const written = outcomeOf(() => system.setxattr(path, this.#name, value, this.#noFollow));
      if (written instanceof FsError) yield* this.#complain(path, written);
    } else if (this.#mode === 'd') yield* this.#remove(path, this.#name);
    else if (this.#mode === 'p') yield* this.#show(path, this.#name);
    else {
      const names = outcomeOf(() => system.listxattr(path, this.#noFollow));
      if (names instanceof FsError) {
        yield* this.#complain(path, names);
        return;
      }
      for (const name of names) yield* this.#mode === 'c' ? this.#remove(path, name) : this.#show(path, name);
    }
  }

  *#remove(path: string, name: string): Running<void> {
    const removed = outcomeOf(() => this.#call.system.removexattr(path, name, this.#noFollow));
    if (!(removed instanceof FsError)) return;
    // Going through a tree, files without it are no news.
    if (this.#call.has('r') && failedWith(removed, 'ENOATTR')) return;
    yield* this.#complain(path, removed, name);
  }

  *#show(path: string, name: string): Running<void> {
    const value = outcomeOf(() => this.#call.system.getxattr(path, name, this.#noFollow));
    if (value instanceof FsError) {
      yield* this.#complain(path, value, name);
      return;
    }
    const title = this.#isTitled ? `${path}: ` : '';
    const isHex = this.#call.has('x');
    if (this.#call.has('l')) {
      yield* this.#call.print(isHex ? `${title}${name}:\n${hexDump(value, true)}` : `${title}${name}: `);
    } else if (this.#mode !== 'p') {
      yield* this.#call.printLine(title + name);
      return;
    } else
      yield* this.#call.print(isHex ? `${title === '' ? '' : `${title}\n`}${hexDump(value, false)}` : title);
    if (!isHex) yield* this.#call.printBytes(concatBytes([untilZero(value), utf8('\n')]));
  }

  *#complain(path: string, error: FsError, name?: string): Running<void> {
    if (error.code === 'ENOENT') yield* this.#call.warn(`No such file: ${path}`);
    else if (name !== undefined && error.code === 'ENOATTR') {
      yield* this.#call.warn(`${path}: No such xattr: ${name}`);
    } else yield* this.#call.warn(`[Errno ${errnoOf(error.code)}] ${strerror(error.code)}: '${path}'`);
  }
}

/** xattr prints values as C strings. */
function untilZero(value: Uint8Array): Uint8Array {
  const end = value.indexOf(0);
  return end < 0 ? value : value.subarray(0, end);
}

/** Pairs of digits; white space between them is passed over. */
function bytesOfHex(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text[at] ?? '')) {
      at++;
      continue;
    }
    bytes.push(parseInt(text.slice(at, at + 2), 16) || 0);
    at += 2;
  }
  return Uint8Array.from(bytes);
}

function hexDump(value: Uint8Array, isLong: boolean): string {
  const offset = (at: number) => at.toString(16).toUpperCase().padStart(8, '0');
  let out = '';
  for (let at = 0; at < value.length; at += 16) {
    const row = [...value.subarray(at, at + 16)];
    const hex = row.map((byte) => `${byte.toString(16).toUpperCase().padStart(2, '0')} `).join('');
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    out += isLong ? `${offset(at)}  ${hex.padEnd(48)} |${text}|\n` : `${hex}\n`;
  }
  return isLong ? `${out}${offset(value.length)}\n` : out;
}
