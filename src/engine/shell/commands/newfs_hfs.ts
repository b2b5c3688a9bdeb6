import { makeVolume } from '../making.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';

const USAGE = `usage: newfs_hfs [-N [partition-size]] [hfsplus-options] special-device
  options:
\t-N do not create file system, just print out parameters
\t-s use case-sensitive filenames (default is case-insensitive)
  where hfsplus-options are:
\t-J [journal-size] make this HFS+ volume journaled
\t-G group-id (for root directory)
\t-U user-id (for root directory)
\t-M octal access-mask (for root directory)
\t-b allocation block size (4096 optimal)
\t-c clump size list (comma separated)
\t\te=blocks (extents file)
\t\tc=blocks (catalog file)
\t\ta=blocks (attributes file)
\t\tb=blocks (bitmap file)
\t\td=blocks (user data fork)
\t\tr=blocks (user resource fork)
\t-i starting catalog node id
\t-n b-tree node size list (comma separated)
\t\te=size (extents b-tree)
\t\tc=size (catalog b-tree)
\t\ta=size (attributes b-tree)
\t-v volume name (in ascii or UTF-8)
  examples:
\tnewfs_hfs -v Untitled /dev/rdisk0s7
\tnewfs_hfs -v Untitled -n c=4096,e=1024 /dev/rdisk0s7`;

/** What -J without a size becomes. */
const DEFAULT_JOURNAL = 'on';
const ENDS_IN_J = /^-[Ns]*J$/;

/** -J takes a size or nothing: the next word is its size only when it begins with a digit, as newfs_hfs.c has it. */
function withJournalSize(args: readonly string[]): readonly string[] {
  const words: string[] = [];
  for (const word of args) {
    const last = words.at(-1) ?? '';
    if (ENDS_IN_J.test(last) && /^\d/.test(word)) words[words.length - 1] = last + word;
    else words.push(word);
  }
  return words.map((word) => (ENDS_IN_J.test(word) ? word + DEFAULT_JOURNAL : word));
}

export const newfsHfs = program({
  name: 'newfs_hfs',
  summary: 'make an HFS+ volume',
  manual: `newfs_hfs [-N] [-s] [-J [journal-size]] [-b size] [-n c=size,e=size,a=size] [-v name] special

Writes an empty HFS+ volume to a disk or slice that is not mounted. What was there is lost.

  -J  with a journal: of the size given (8m), or as the size of the volume asks for. Without -J there is none.
  -s  names are case-sensitive (HFSX)            -b  bytes of an allocation block
  -n  bytes of a node of the catalog (c), extents (e) and attributes (a) tree
  -v  volume name                                -N  only say what would be made

Differs from macOS: no -h -D -G -U -M -P -c -i; -N takes no size.`,
  usage: USAGE,
  usageExitCode: 1,
  letters: 'hNsPJ:D:G:U:M:b:c:i:n:v:',
  prepare: withJournalSize,
  *main(call) {
    const [special] = call.operands;
    if (special === undefined || call.operands.length > 1) return yield* call.showUsage();
    const settings = settingsOf(call);
    if (typeof settings === 'string') return yield* call.fail(settings);
    return yield* makeVolume(call, special, {
      format: call.has('s') ? 'hfsx' : 'hfsplus',
      label: call.valueOf('v') ?? 'untitled',
      settings,
      isRehearsal: call.has('N'),
    });
  },
});

const TREES: Readonly<Record<string, string>> = { a: 'attributes', c: 'catalog', e: 'extents' };

/** The format's settings for the options given, or what is wrong with one. */
function settingsOf(call: Invocation): Record<string, string> | string {
  const settings: Record<string, string> = { journal: 'off' };
  for (const { letter, value } of call.options) {
    switch (letter) {
      case 'N':
      case 's':
      case 'v':
        break;
      case 'J':
        if (value !== DEFAULT_JOURNAL && !/^\d{1,9}[kKmMgG]?$/.test(value))
          return `${value}: bad journal size: a number and k, m or g, such as 8m`;
        settings['journal'] = value;
        break;
      case 'b':
        if (!/^\d{1,9}[kKmM]?$/.test(value)) return `${value}: bad allocation block size`;
        settings['block-size'] = value;
        break;
      case 'n':
        for (const part of value.split(',')) {
          const [, tree = '', size = ''] = /^([ace])=(\d{1,9}[kK]?)$/.exec(part) ?? [];
          if (size === '') return `${part}: bad node size: c=, e= or a= and a number, such as c=8192`;
          settings[`node-size-${TREES[tree]}`] = size;
        }
        break;
      case 'h':
        return '-h is not simulated: plain HFS cannot be made any more, by macOS neither';
      default:
        return `-${letter} is not simulated`;
    }
  }
  return settings;
}
