import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: mkfile and truncate set sizes, and fail without leaving half a file. */

const bench = () => new Bench(COMMANDS);

test('mkfile takes units', () => {
  expectTranscript(
    bench(),
    `
$ mkfile -v 3b f g
f 1536 bytes
g 1536 bytes
$ mkfile -nv 1k h
h 1024 bytes
$ mkfile 2m big
$ ls -l
total 4104
-rw-------  1 student  staff  2097152 Jan  1 09:00 big
-rw-------  1 student  staff     1536 Jan  1 09:00 f
-rw-------  1 student  staff     1536 Jan  1 09:00 g
-rw-------  1 student  staff     1024 Jan  1 09:00 h
`,
  );
});

test('mkfile removes what it cannot finish', () => {
  expectTranscript(
    bench(),
    `
$ mkfile 1g huge
mkfile: (huge removed) Write Error: No space left on device
[1]
$ ls
`,
  );
});

test("mkfile's complaints", () => {
  expectTranscript(
    bench(),
    `
$ mkfile
usage: mkfile [-nv] size[b|k|m|g] filename ...
[1]
$ mkfile 1k
usage: mkfile [-nv] size[b|k|m|g] filename ...
[1]
$ mkfile x f
mkfile: Bad file size!
[1]
$ mkfile 1 nowhere/x
mkfile: No such file or directory
[1]
`,
  );
});

test('truncate sets, changes and rounds', () => {
  expectTranscript(
    bench(),
    `
$ truncate -s 10 f
$ truncate -s +5 f
$ stat -f %z f
15
$ truncate -s -20 f
$ stat -f %z f
0
$ truncate -s 1K f
$ truncate -s %1000 f
$ stat -f %z f
2000
$ truncate -s /1024 f
$ stat -f %z f
1024
$ truncate -s 7 g
$ truncate -r g f
$ stat -f %z f
7
`,
  );
});

test("truncate's complaints", () => {
  expectTranscript(
    bench(),
    `
$ truncate
usage: truncate [-c] -s [+|-|%|/]size[K|k|M|m|G|g|T|t] file ...
       truncate [-c] -r rfile file ...
[1]
$ truncate -r gone f
truncate: gone: No such file or directory
[1]
$ truncate -c -s 5 missing
$ ls
$ truncate -s 5 /
truncate: /: Is a directory
[1]
$ truncate -s abc f
truncate: invalid size argument \`abc'
[1]
$ truncate -s %0 f
truncate: invalid size argument \`%0'
[1]
$ truncate -s 1 -r g f
usage: truncate [-c] -s [+|-|%|/]size[K|k|M|m|G|g|T|t] file ...
       truncate [-c] -r rfile file ...
[1]
`,
  );
});
