import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: mv renames, replaces, asks and crosses volumes as macOS's does. Source: file_cmds mv.c. */

const bench = () => {
  const made = new Bench(COMMANDS, [{ isCaseSensitive: false }, { label: 'SMALL', capacityBytes: 8192 }]);
  made.write('a', 'hello\n');
  made.write('b', 'world\n');
  return made;
};

test('renames, replaces, moves into a directory', () => {
  expectTranscript(
    bench(),
    `
$ mv a c
$ mv -v c d
c -> d
$ mv d b
$ stat -f %z b
6
$ mkdir dir
$ touch x y
$ mv -v x y dir
x -> dir/x
y -> dir/y
$ ls . dir
.:
b
dir

dir:
x
y
`,
  );
});

test('changes only the case of a name', () => {
  expectTranscript(
    bench(),
    `
$ mv a A
$ mkdir dir
$ mv dir Dir
$ mv Dir/ DIR/
$ ls
A
DIR
b
`,
  );
});

test('what it refuses', () => {
  expectTranscript(
    bench(),
    `
$ mv
usage: mv [-f | -i | -n] [-hv] source target
       mv [-f | -i | -n] [-v] source ... directory
[64]
$ mv a
usage: mv [-f | -i | -n] [-hv] source target
       mv [-f | -i | -n] [-v] source ... directory
[64]
$ mv gone x
mv: rename gone to x: No such file or directory
[1]
$ mv a b nowhere
mv: nowhere is not a directory
[1]
$ mkdir -p dir/sub other/sub
$ touch other/sub/x
$ mv dir dir/inside
mv: rename dir to dir/inside: Invalid argument
[1]
$ mv dir/sub dir
mv: dir/sub and dir/sub are identical
[2]
$ mv other/sub dir
$ mv dir/sub other/sub
$ mv a nowhere/x
mv: rename a to nowhere/x: No such file or directory
[1]
$ mv -q a b
mv: illegal option -- q
usage: mv [-f | -i | -n] [-hv] source target
       mv [-f | -i | -n] [-v] source ... directory
[64]
`,
  );
});

test('-n keeps what is there', () => {
  expectTranscript(
    bench(),
    `
$ mv -n a b
$ mv -nv a b
b not overwritten
$ ls
a
b
`,
  );
});

test('to another volume: copied, then removed', () => {
  expectTranscript(
    bench(),
    `
$ touch -t 202001010000 a
$ chmod 640 a
$ mv -v a /Volumes/SMALL
a -> /Volumes/SMALL/a
$ ls -l /Volumes/SMALL
total 1
-rw-r-----  1 student  staff  6 Jan  1  2020 a
$ mkdir -p tree/sub
$ ln -s gone tree/link
$ mv -v b tree/sub
b -> tree/sub/b
$ mv -v tree /Volumes/SMALL/tree
tree -> /Volumes/SMALL/tree
tree/sub -> /Volumes/SMALL/tree/sub
tree/sub/b -> /Volumes/SMALL/tree/sub/b
tree/link -> /Volumes/SMALL/tree/link
$ ls
`,
  );
});

test('nothing is lost when the other volume is full', () => {
  expectTranscript(
    bench(),
    `
$ mkfile 20k big
$ mv big /Volumes/SMALL
mv: fastcopy: write() failed: /Volumes/SMALL/big: No space left on device
[1]
$ ls /Volumes/SMALL
$ mkdir tree
$ mv big tree
$ mv tree /Volumes/SMALL
mv: /Volumes/SMALL/tree/big: fcopyfile failed: No space left on device
mv: /bin/cp tree /Volumes/SMALL/tree: terminated with 1 (non-zero) status
[1]
$ ls tree
big
`,
  );
});

test('a mount point stays', () => {
  expectTranscript(
    bench(),
    `
$ mv /Volumes/SMALL here
mv: rename /Volumes/SMALL to here: Resource busy
[1]
`,
  );
});
