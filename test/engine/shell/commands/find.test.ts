import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: find walks in disk order and its expressions mean what macOS's mean. Source: shell_cmds find. */

const bench = () => new Bench(COMMANDS);

test('names, types and depths', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p d/e d/f
$ touch d/one.txt d/two.TXT d/e/three.txt
$ ln -s e d/link
$ find d
d
d/e
d/e/three.txt
d/f
d/one.txt
d/two.TXT
d/link
$ find d/
d/
d/e
d/e/three.txt
d/f
d/one.txt
d/two.TXT
d/link
$ find d -name *.txt
d/e/three.txt
d/one.txt
$ find d -iname *.txt
d/e/three.txt
d/one.txt
d/two.TXT
$ find d -name '[ot]*' -type f
d/e/three.txt
d/one.txt
d/two.TXT
$ find d -path '*/e/*'
d/e/three.txt
$ find d -type d
d
d/e
d/f
$ find d -type l
d/link
$ find d -maxdepth 1
d
d/e
d/f
d/one.txt
d/two.TXT
d/link
$ find d -mindepth 2
d/e/three.txt
$ find d -depth
d/e/three.txt
d/e
d/f
d/one.txt
d/two.TXT
d/link
d
$ find -d d -maxdepth 1
d/e
d/f
d/one.txt
d/two.TXT
d/link
d
$ find -s d
d
d/e
d/e/three.txt
d/f
d/link
d/one.txt
d/two.TXT
$ find -L d -name three.txt
d/e/three.txt
d/link/three.txt
$ find d -empty
d/e/three.txt
d/f
d/one.txt
d/two.TXT
`,
  );
});

test('sizes, times, owners, permissions, flags', () => {
  expectTranscript(
    bench(),
    `
$ mkdir d
$ mkfile 3000 d/big
$ touch d/new
$ touch -t 202501010000 d/old
$ chmod 600 d/new
$ chflags hidden d/old
$ find d -size +4
d/big
$ find d -size 6
d/big
$ find d -size 3000c
d/big
$ find d -size +2k
d/big
$ find d -mtime +30
d/old
$ find d -mtime -1 -type f
d/big
d/new
$ find d -mmin -5 -type f
d/big
d/new
$ find d -newer d/old -type f
d/big
d/new
$ find d -neweram d/old -name new
d/new
$ find d -perm 600
d/big
d/new
$ find d -perm -200 -type f
d/big
d/new
d/old
$ find d -perm +044 -type f
d/old
$ find d -user student -name big
d/big
$ find d -user root
$ find d -links 1 -name big
d/big
$ find d -flags hidden
d/old
$ find d -name big -ls
     4        6 -rw-------    1 student          staff                3000 Jan  1 09:00 d/big
`,
  );
});

test('operators', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p d/e
$ touch d/one d/two d/e/three
$ find d -not -type f
d
d/e
$ find d ! -name one -type f
d/e/three
d/two
$ find d -name one -o -name three
d/e/three
d/one
$ find d ( -name one -o -name three ) -print
d/e/three
d/one
$ find d -name e -prune -o -print
d
d/one
d/two
$ find d -type f -a -false
$ find d -quit
$ find d -name one -print -quit
d/one
`,
  );
});

test('actions', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p d/e
$ touch d/one d/two d/e/three
$ find d -name one -exec stat -f '%N %z' {} ;
d/one 0
$ find d -type f -exec ls -1 {} +
d/e/three
d/one
d/two
$ find d -name one -exec ls gone ; -print
ls: gone: No such file or directory
$ find d -name one -delete
$ find d
d
d/e
d/e/three
d/two
$ find d -delete
$ ls
`,
  );
});

test('complaints', () => {
  expectTranscript(
    bench(),
    `
$ mkdir d
$ find
usage: find [-H | -L | -P] [-EXdsx] [-f path] path ... [expression]
       find [-H | -L | -P] [-EXdsx] -f path [path ...] [expression]
[1]
$ find gone d
find: gone: No such file or directory
d
[1]
$ find d -type q
find: -type: q: unknown type
[1]
$ find d -size x
find: -size: x: illegal numeric value
[1]
$ find d -newer gone
find: gone: No such file or directory
[1]
$ find d -user nobody
find: -user: nobody: no such user
[1]
$ find d -exec
find: -exec: no terminating ";" or "+"
[1]
$ find d -exec ls
find: -exec: no terminating ";" or "+"
[1]
$ find d -name
find: -name: requires additional arguments
[1]
$ find d -nothing
find: -nothing: unknown primary or operator
[1]
$ find d (
find: (: missing closing ')'
[1]
$ find d ( )
find: (): empty inner expression
[1]
$ find d !
find: !: no following expression
[1]
$ find d -o -name x
find: -o: no expression before -o
[1]
$ find d -name x -o
find: -o: no expression after -o
[1]
$ find d -maxdepth x
find: -maxdepth: x: value must be positive
[1]
$ find d -mtime 3q
find: -mtime: 3q: illegal time value
[1]
`,
  );
});

test('tree', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p d/e d/f
$ touch d/e/three d/one d/.hidden
$ ln -s e d/link
$ tree d
d
├── e
│   └── three
├── f
├── link -> e
└── one

2 directories, 3 files
$ tree -a d
d
├── .hidden
├── e
│   └── three
├── f
├── link -> e
└── one

2 directories, 4 files
$ tree -dL 1
.
└── d

1 directory
$ tree -Fs d
d
├── [          0]  e/
│   └── [          0]  three
├── [          0]  f/
├── [          1]  link@ -> e
└── [          0]  one

2 directories, 3 files
$ tree gone
gone  [error opening dir]

0 directories, 0 files
[2]
`,
  );
});
