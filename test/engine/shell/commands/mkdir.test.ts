import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: mkdir and rmdir, their -p and their words. Source: file_cmds mkdir.c, rmdir.c. */

const bench = () => {
  const made = new Bench(COMMANDS);
  made.write('file', '');
  return made;
};

test('makes directories', () => {
  expectTranscript(
    bench(),
    `
$ mkdir a
$ mkdir a
mkdir: a: File exists
[1]
$ mkdir a/b c/d
mkdir: c: No such file or directory
[1]
$ mkdir -v x y
x
y
$ mkdir file/x
mkdir: file: Not a directory
[1]
$ mkdir ''
mkdir: .: No such file or directory
[1]
$ mkdir
usage: mkdir [-pv] [-m mode] directory_name ...
[64]
$ mkdir -q a
mkdir: illegal option -- q
usage: mkdir [-pv] [-m mode] directory_name ...
[64]
`,
  );
});

test('-p makes the way and minds nothing that is there', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -pv p/q/r
p
p/q
p/q/r
$ mkdir -p p/q/r
$ mkdir -pv p//s/
p//s
$ mkdir -p /
$ mkdir -p file
mkdir: file: File exists
[1]
$ mkdir -p file/x
mkdir: file: Not a directory
[1]
$ mkdir -p -m 700 m/n
$ ls -ld m m/n
drwxr-xr-x  1 student  staff  0 Jan  1 09:00 m
drwx------  1 student  staff  0 Jan  1 09:00 m/n
`,
  );
});

test('-m sets permissions as chmod reads them', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -m 700 a
$ mkdir -m u=rwx,go= b
$ mkdir -m 1777 c
$ mkdir -m 999 d
mkdir: invalid file mode: 999
[1]
$ ls -l
total 0
drwx------  1 student  staff  0 Jan  1 09:00 a
drwx------  1 student  staff  0 Jan  1 09:00 b
drwxrwxrwt  1 student  staff  0 Jan  1 09:00 c
-rw-r--r--  1 student  staff  0 Jan  1 09:00 file
`,
  );
});

test('rmdir removes empty directories', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p p/q/r x
$ rmdir x gone
rmdir: gone: No such file or directory
[1]
$ rmdir p
rmdir: p: Directory not empty
[1]
$ rmdir -pv p/q/r
p/q/r
p/q
p
$ rmdir file
rmdir: file: Not a directory
[1]
$ rmdir
usage: rmdir [-pv] directory ...
[1]
$ rmdir -x a
rmdir: illegal option -- x
usage: rmdir [-pv] directory ...
[1]
`,
  );
});
