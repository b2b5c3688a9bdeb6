import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: ls prints what macOS's prints, column for column. Method: transcripts; sizes and modes are a volume in memory's. */

const bench = () => new Bench(COMMANDS);

test('lists names in columns of one, sorted, hidden ones when asked', () => {
  expectTranscript(
    bench(),
    `
$ touch notes.txt .hidden b
$ mkdir photos
$ ls
b
notes.txt
photos
$ ls -a
.
..
.hidden
b
notes.txt
photos
$ ls -A
.hidden
b
notes.txt
photos
$ ls -r
photos
notes.txt
b
$ ls -f
.
..
notes.txt
.hidden
b
photos
$ ls -m
b, notes.txt, photos
$ ls -p
b
notes.txt
photos/
$ ls -d photos notes.txt
notes.txt
photos
`,
  );
});

test('the long listing', () => {
  expectTranscript(
    bench(),
    `
$ mkdir photos
$ touch -t 202601010800.00 notes.txt
$ touch -t 202301020304.05 old
$ chmod 4751 old
$ mkfile 5000 photos/dog.jpg
$ ln -s notes.txt link
$ ls -l
total 1
lrwxrwxrwx  1 student  staff  9 Jan  1 09:00 link -> notes.txt
-rw-r--r--  1 student  staff  0 Jan  1 08:00 notes.txt
-rwsr-x--x  1 student  staff  0 Jan  2  2023 old
drwxr-xr-x  1 student  staff  0 Jan  1 09:00 photos
$ ls -lT old
-rwsr-x--x  1 student  staff  0 Jan  2 03:04:05 2023 old
$ ls -ln old
-rwsr-x--x  1 501  20  0 Jan  2  2023 old
$ ls -lg old
-rwsr-x--x  1 staff  0 Jan  2  2023 old
$ ls -lo old
-rwsr-x--x  1 student  0 Jan  2  2023 old
$ ls -lgo old
-rwsr-x--x  1   0 Jan  2  2023 old
$ ls -lh photos
total 10
-rw-------  1 student  staff   4.9K Jan  1 09:00 dog.jpg
$ ls -lk photos
total 5
-rw-------  1 student  staff  5000 Jan  1 09:00 dog.jpg
$ ls -laF photos
total 10
drwxr-xr-x  1 student  staff     0 Jan  1 09:00 ./
drwxrwxrwx  1 student  staff     0 Jan  1 09:00 ../
-rw-------  1 student  staff  5000 Jan  1 09:00 dog.jpg
$ ls -lu old
-rwsr-x--x  1 student  staff  0 Jan  2  2023 old
`,
  );
});

test("a format of one's own, commas", () => {
  expectTranscript(
    bench(),
    `
$ mkfile 5000000 big
$ ls -l -D '%Y-%m-%d %H:%M' big
-rw-------  1 student  staff  5000000 2026-01-01 09:00 big
$ ls -l -, big
-rw-------  1 student  staff  5,000,000 Jan  1 09:00 big
`,
  );
});

test('flags stand before the size', () => {
  expectTranscript(
    bench(),
    `
$ touch a b
$ chflags uchg,hidden a
$ ls -lO
total 0
-rw-r--r--  1 student  staff  uchg,hidden 0 Jan  1 09:00 a
-rw-r--r--  1 student  staff  -           0 Jan  1 09:00 b
`,
  );
});

test('blocks and inodes', () => {
  expectTranscript(
    bench(),
    `
$ mkfile 5000 a
$ mkfile 100 b
$ ls -s
total 11
10 a
 1 b
$ ls -sk
total 6
5 a
1 b
$ ls -i
3 a
4 b
$ ls -is
total 11
3 10 a
4  1 b
`,
  );
});

test('sorts by time and by size, either way round', () => {
  expectTranscript(
    bench(),
    `
$ mkfile 10 a
$ mkfile 30 b
$ mkfile 20 c
$ touch -t 202501010000 b
$ touch -t 202401010000 a
$ ls -t
c
b
a
$ ls -tr
a
b
c
$ ls -S
b
c
a
$ ls -Sr
a
c
b
$ ls -lt
total 3
-rw-------  1 student  staff  20 Jan  1 09:00 c
-rw-------  1 student  staff  30 Jan  1  2025 b
-rw-------  1 student  staff  10 Jan  1  2024 a
`,
  );
});

test('links are shown, followed among arguments, or followed everywhere', () => {
  expectTranscript(
    bench(),
    `
$ mkdir dir
$ touch dir/x
$ ln -s dir toDir
$ ln -s gone dangling
$ ls -F
dangling@
dir/
toDir@
$ ls toDir
x
$ ls -l toDir
lrwxrwxrwx  1 student  staff  3 Jan  1 09:00 toDir -> dir
$ ls -lH toDir
total 0
-rw-r--r--  1 student  staff  0 Jan  1 09:00 x
$ ls -L
dir
toDir
$ ls dangling
dangling
$ ls -L dangling
ls: dangling: No such file or directory
dangling
[1]
`,
  );
});

test('goes down into directories, and stops at a directory that holds itself', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p a/b
$ touch a/x
$ ln -s .. a/up
$ ls -R
a

./a:
b
up
x

./a/b:
$ ls -LR a
b
up
x

a/b:

a/up:
a
ls: a: directory causes a cycle
[1]
`,
  );
});

test('files before directories, a title for each directory', () => {
  expectTranscript(
    bench(),
    `
$ mkdir d e
$ touch d/x file
$ ls d file
file

d:
x
$ ls d e
d:
x

e:
`,
  );
});

test('says what it cannot list', () => {
  expectTranscript(
    bench(),
    `
$ touch here
$ mkdir closed
$ chmod 000 closed
$ ls gone here
ls: gone: No such file or directory
here
[1]
$ ls closed
ls: closed: Permission denied
[1]
$ ls ''
ls: fts_open: No such file or directory
[1]
$ ls -j
ls: invalid option -- j
usage: ls [-@ABCFGHILOPRSTUWXabcdefghiklmnopqrstuvwxy1%,] [--color=when] [-D format] [file ...]
[1]
$ ls --colour
ls: unrecognized option \`--colour'
usage: ls [-@ABCFGHILOPRSTUWXabcdefghiklmnopqrstuvwxy1%,] [--color=when] [-D format] [file ...]
[1]
`,
  );
});
