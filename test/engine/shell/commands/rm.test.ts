import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: rm removes what it is told to and nothing else. Source: file_cmds rm.c. */

const bench = () => {
  const made = new Bench(COMMANDS);
  made.write('a', '');
  made.write('b', '');
  made.write('-f', '');
  return made;
};

test('files', () => {
  expectTranscript(
    bench(),
    `
$ rm a
$ rm a
rm: a: No such file or directory
[1]
$ rm -f a
$ touch x y
$ rm -v x gone y
x
rm: gone: No such file or directory
y
[1]
$ rm -- -f
$ ls
b
`,
  );
});

test('directories only with -d or -r', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p dir/sub
$ touch dir/x dir/sub/y
$ rm dir
rm: dir: is a directory
[1]
$ rm -d dir
rm: dir: Directory not empty
[1]
$ rm -rv dir
dir/sub/y
dir/sub
dir/x
dir
$ mkdir empty
$ rm -dv empty
empty
$ rm -r gone
rm: gone: No such file or directory
[1]
$ rm -rf gone
`,
  );
});

test('a link goes, not what it leads to', () => {
  expectTranscript(
    bench(),
    `
$ mkdir dir
$ touch dir/x
$ ln -s dir link
$ rm -rv link
link
$ ls dir
x
`,
  );
});

test("the root, '.' and '..' are refused, whatever else is said", () => {
  expectTranscript(
    bench(),
    `
$ rm -rf /
rm: "/" may not be removed
[1]
$ rm -rf // a
rm: "/" may not be removed
[1]
$ rm -rf . .. ./. dir/.. ../
rm: "." and ".." may not be removed
[1]
$ rm ''
rm: : No such file or directory
[1]
$ rm -r ''
rm: fts_open: No such file or directory
[1]
$ rm -rf ''
$ ls
-f
b
`,
  );
});

test("locked files stay; root's rm unlocks what a user locked", () => {
  expectTranscript(
    bench(),
    `
$ touch locked
$ chflags uchg locked
$ rm locked
rm: locked: Operation not permitted
[1]
$ rm -f locked
rm: locked: Operation not permitted
[1]
# rm -v locked
locked
`,
  );
});

test('a directory that must not be written keeps what is in it', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p ro/sub
$ chmod 555 ro
$ rm -r ro
rm: ro/sub: Permission denied
rm: ro: Directory not empty
[1]
$ chmod 755 ro
$ rm -r ro
`,
  );
});

test('usage', () => {
  expectTranscript(
    bench(),
    `
$ rm
usage: rm [-f | -i] [-dIPRrvWx] file ...
       unlink [--] file
[64]
$ rm -f
$ rm -k
rm: illegal option -- k
usage: rm [-f | -i] [-dIPRrvWx] file ...
       unlink [--] file
[64]
$ rm -W a
rm: a: Operation not supported
[1]
$ unlink
usage: rm [-f | -i] [-dIPRrvWx] file ...
       unlink [--] file
[64]
$ unlink a
$ unlink a
unlink: a: No such file or directory
[1]
$ mkdir dir
$ unlink dir
unlink: dir: is a directory
[1]
`,
  );
});

test('a mounted volume cannot be removed, what is on it can', () => {
  expectTranscript(
    bench(),
    `
$ rm -rf /Volumes/MEMORY
rm: /Volumes/MEMORY: Resource busy
[1]
$ ls
`,
  );
});
