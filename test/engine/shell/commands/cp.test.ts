import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: cp copies, refuses and complains as macOS's does. Source: file_cmds cp.c, utils.c. */

const bench = () => {
  const made = new Bench(COMMANDS, [{}, { label: 'SMALL', capacityBytes: 8192 }]);
  made.write('a', 'hello\n');
  made.write('b', 'world\n');
  return made;
};

test('one file, several into a directory', () => {
  expectTranscript(
    bench(),
    `
$ cp a c
$ cp -v a d
a -> d
$ mkdir dir
$ cp a b dir
$ ls . dir
.:
a
b
c
d
dir

dir:
a
b
`,
  );
});

test('what it refuses', () => {
  expectTranscript(
    bench(),
    `
$ cp
usage: cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file target_file
       cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file ... target_directory
[64]
$ cp a
usage: cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file target_file
       cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file ... target_directory
[64]
$ cp gone c
cp: gone: No such file or directory
[1]
$ cp a b nowhere
cp: nowhere is not a directory
[1]
$ cp a b b
cp: b is not a directory
[1]
$ cp a a
cp: a and a are identical (not copied).
[1]
$ cp a nowhere/
cp: directory nowhere does not exist
[1]
$ cp a b/
cp: b is not a directory
[1]
$ cp '' c
cp: fts_open: No such file or directory
[1]
$ cp -z a b
cp: illegal option -- z
usage: cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file target_file
       cp [-R [-H | -L | -P]] [-f | -i | -n] [-aclpSsvXx] source_file ... target_directory
[64]
$ cp -cX a b
cp: the -c and -X options may not be specified together
[1]
$ cp -Rr a b
cp: the -R and -r options may not be specified together
[1]
$ mkdir dir
$ cp dir dir2
cp: dir is a directory (not copied).
[1]
$ cp dir a
cp: dir is a directory (not copied).
[1]
$ cp -R dir a
cp: a: Not a directory
[1]
$ cp a b/x
cp: b/x: Not a directory
[1]
`,
  );
});

test('directories: as a new one, into one that is there, only what is in them', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p dir/sub
$ cp a dir/sub
$ cp -Rv dir new
dir -> new
dir/sub -> new/sub
dir/sub/a -> new/sub/a
$ cp -R dir new
$ mkdir flat
$ cp -R dir/ flat
$ cp -R dir/sub/. flat
$ tree new flat
new
├── dir
│   └── sub
│       └── a
└── sub
    └── a
flat
├── a
└── sub
    └── a

4 directories, 4 files
`,
  );
});

test("'..' means what is in it, and leads nowhere out", () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p dir/sub flat
$ cp a dir/x
$ cp -R dir/sub/.. flat
$ tree flat
flat
├── sub
└── x

1 directory, 1 file
$ ls
a
b
dir
flat
`,
  );
});

test('a directory into itself is copied once and does not feed on itself', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p dir/sub
$ cp a dir
$ cp -R dir dir
$ cp -R . dir/sub
$ tree
.
├── a
├── b
└── dir
    ├── a
    ├── dir
    │   ├── a
    │   └── sub
    └── sub
        ├── a
        ├── b
        └── dir
            ├── a
            ├── dir
            │   ├── a
            │   └── sub
            └── sub
                ├── a
                └── b

8 directories, 10 files
`,
  );
});

test('-n and -f', () => {
  expectTranscript(
    bench(),
    `
$ cp -n a b
[1]
$ cp -nv a b
b not overwritten
[1]
$ stat -f %z b
6
$ chmod 444 b
$ cp a b
cp: b: Permission denied
[1]
$ cp -f a b
`,
  );
});

test('links are followed, unless a tree is copied or -P says so', () => {
  expectTranscript(
    bench(),
    `
$ ln -s a link
$ cp link 1
$ cp -P link 2
$ cp -R link 3
$ cp -RL link 4
$ cp -RH link 5
$ ls -o 1 2 3 4 5
-rw-r--r--  1 student  6 Jan  1 09:00 1
lrwxrwxrwx  1 student  1 Jan  1 09:00 2 -> a
lrwxrwxrwx  1 student  1 Jan  1 09:00 3 -> a
-rw-r--r--  1 student  6 Jan  1 09:00 4
-rw-r--r--  1 student  6 Jan  1 09:00 5
$ ln -s gone dangling
$ cp dangling 6
cp: dangling: No such file or directory
[1]
$ cp -R dangling 6
$ ls -o 6
lrwxrwxrwx  1 student  4 Jan  1 09:00 6 -> gone
`,
  );
});

test('links instead of copies', () => {
  expectTranscript(
    bench(),
    `
$ cp -s a symbolic
$ cp -l a hard
$ cp -l a b
cp: b: File exists
[1]
$ cp -lf a b
$ ls -o symbolic hard b
-rw-r--r--  3 student  6 Jan  1 09:00 b
-rw-r--r--  3 student  6 Jan  1 09:00 hard
lrwxrwxrwx  1 student  1 Jan  1 09:00 symbolic -> a
`,
  );
});

test('-p keeps times, mode and flags; without it only the mode, less the umask', () => {
  expectTranscript(
    bench(),
    `
$ touch -t 202001010000 a
$ chmod 646 a
$ chflags uchg a
$ cp -p a kept
$ cp a plain
$ ls -lO kept plain
-rw-r--rw-  1 student  staff  uchg 6 Jan  1  2020 kept
-rw-r--r--  1 student  staff  -    6 Jan  1 09:00 plain
$ mkdir -m 750 dir
$ touch -t 202001010000 dir
$ cp -Rp dir dir2
$ cp -a dir dir3
$ ls -ld dir2 dir3
drwxr-x---  1 student  staff  0 Jan  1  2020 dir2
drwxr-x---  1 student  staff  0 Jan  1  2020 dir3
`,
  );
});

test('-c copies silently where the volume cannot clone, and removes the target first', () => {
  expectTranscript(
    bench(),
    `
$ cp -cv a clone
a -> clone
$ cp -c a b
$ ln a hard
$ cp -c b hard
$ stat -f '%N %l' a hard
a 1
hard 1
`,
  );
});

test('-c to another volume fails: nothing is copied', () => {
  expectTranscript(
    bench(),
    `
$ cp -c a /Volumes/SMALL/a
cp: /Volumes/SMALL/a: clonefile failed: Cross-device link
[1]
$ ls /Volumes/SMALL
`,
  );
});

test('a full volume keeps what fitted', () => {
  expectTranscript(
    bench(),
    `
$ mkfile 20k big
$ cp big /Volumes/SMALL
cp: /Volumes/SMALL/big: fcopyfile failed: No space left on device
[1]
$ stat -f %z /Volumes/SMALL/big
8192
`,
  );
});
