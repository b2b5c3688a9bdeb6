import { md5 as md5Algorithm, sha1 } from '@noble/hashes/legacy.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { utf8 } from '../../base/bytes.ts';
import type { InputStream, Running } from '../command.ts';
import { forEachInput } from '../inputs.ts';
import { program } from '../program.ts';

/** What all hash functions of the library offer. */
interface Hash {
  update(data: Uint8Array): unknown;
  digest(): Uint8Array;
}

const hexadecimal = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

function* digestOf(input: InputStream, hash: Hash): Running<string> {
  for (let piece = yield* input.read(); piece !== null; piece = yield* input.read()) {
    hash.update(piece);
    yield;
  }
  return hexadecimal(hash.digest());
}

export const md5 = program({
  name: 'md5',
  summary: 'MD5 fingerprint of files',
  manual: `md5 [-q] [-r] [-s text] [file …]

Prints 'MD5 (file) = …' for each file, or the bare sum of standard input.
-q  only the sums    -r  sum first, then the name    -s  of a text instead of a file`,
  letters: 'qrs:p',
  usage: 'usage: md5 [-pqr] [-s string] [file ...]',
  usageExitCode: 1,
  *main(call) {
    const show = (sum: string, title: string) =>
      call.has('q') ? sum : call.has('r') ? `${sum} ${title}` : `MD5 (${title}) = ${sum}`;
    const texts = call.options.filter(({ letter }) => letter === 's');
    for (const { value } of texts)
      yield* call.printLine(show(hexadecimal(md5Algorithm(utf8(value))), `"${value}"`));
    if (texts.length > 0 && call.operands.length === 0) return 0;
    yield* forEachInput(call, call.operands, function* (input, path) {
      const sum = yield* digestOf(input, md5Algorithm.create());
      yield* call.printLine(call.operands.length === 0 ? sum : show(sum, path));
    });
    return call.exitCode;
  },
});

const ALGORITHMS: Readonly<Record<string, { create(): Hash }>> = {
  '1': sha1,
  '224': sha224,
  '256': sha256,
  '384': sha384,
  '512': sha512,
};

export const shasum = program({
  name: 'shasum',
  summary: 'SHA fingerprint of files',
  manual: `shasum [-a 1|224|256|384|512] [file …]

Prints the sum and the name of each file. -a chooses the algorithm, SHA-1 when not given; -b and -t are accepted.`,
  letters: 'a:bt',
  usage: 'Usage: shasum [-a 1|224|256|384|512] [FILE]...',
  usageExitCode: 1,
  *main(call) {
    const name = call.valueOf('a') ?? '1';
    const algorithm = ALGORITHMS[name];
    if (!algorithm) return yield* call.fail(`unrecognized algorithm ${name} (known: 1, 224, 256, 384, 512)`);
    yield* forEachInput(call, call.operands, function* (input, path) {
      const mark = call.has('b') ? '*' : ' ';
      yield* call.printLine(`${yield* digestOf(input, algorithm.create())} ${mark}${path}`);
    });
    return call.exitCode;
  },
});
