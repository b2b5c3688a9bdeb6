import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: ln, hard and symbolic, and what volumes without hard links answer. Source: file_cmds ln.c. */

const bench = () => {
  const made = new Bench(COMMANDS, [{}, { label: 'FAT', hasHardLinks: false }]);
  made.write('file', 'hello\n');
  return made;
};

test('hard links', () => {
  expectTranscript(
    bench(),
    `
$ ln file hard
$ stat -f '%N %l' file hard
file 2
hard 2
$ ln file hard
ln: hard: File exists
[1]
$ ln file file
ln: file and file are the same directory entry
[1]
$ ln file ./file
ln: file and ./file are the same directory entry
[1]
$ ln -fv file hard
hard => file
$ mkdir dir
$ ln file dir
$ ls dir
file
$ ln dir x
ln: dir: Is a directory
[1]
$ ln gone x
ln: gone: No such file or directory
[1]
`,
  );
});

test('symbolic links', () => {
  expectTranscript(
    bench(),
    `
$ ln -sv file soft
soft -> file
$ ln -s gone dangling
$ ln -s file soft
ln: soft: File exists
[1]
$ ln -sfv gone soft
soft -> gone
$ mkdir dir
$ ln -s dir link
$ ln -sf file link
$ ls dir
file
$ ln -shf file link
$ ls -o link
lrwxrwxrwx  1 student  4 Jan  1 09:00 link -> file
$ ln -s a b dir
$ ls dir
a
b
file
$ ln -sw gone warned
ln: warning: gone: No such file or directory
$ ln -sF dir link
$ ls -o link
lrwxrwxrwx  1 student  3 Jan  1 09:00 link -> dir
`,
  );
});

test('FAT has no hard links, and none lead to another volume', () => {
  expectTranscript(
    bench(),
    `
$ touch /Volumes/FAT/a
$ ln /Volumes/FAT/a /Volumes/FAT/b
ln: /Volumes/FAT/b: Operation not supported
[1]
$ ln file /Volumes/FAT/b
ln: /Volumes/FAT/b: Cross-device link
[1]
$ ls /Volumes/FAT
a
`,
  );
});

test('usage', () => {
  expectTranscript(
    bench(),
    `
$ ln
usage: ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file [target_file]
       ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file ... target_dir
[1]
$ ln -k a
ln: illegal option -- k
usage: ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file [target_file]
       ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file ... target_dir
[1]
$ ln file file nowhere
ln: nowhere: No such file or directory
[1]
$ touch x
$ ln file file x
usage: ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file [target_file]
       ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file ... target_dir
[1]
`,
  );
});
