import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: du counts blocks, hard links once. Source: file_cmds du.c. */

const bench = () => new Bench(COMMANDS);

test('directories, all files, sums', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p a/b
$ mkfile 5000 a/x
$ mkfile 3k a/b/y
$ du
6	./a/b
16	./a
16	.
$ du -a a
6	a/b/y
6	a/b
10	a/x
16	a
$ du -s a
16	a
$ du -d 0 a
16	a
$ du -d 1
16	./a
16	.
$ du -c a/x a/b
10	a/x
6	a/b
16	total
`,
  );
});

test('units', () => {
  expectTranscript(
    bench(),
    `
$ mkfile 5000 a
$ mkfile 3m b
$ du -a
10	./a
6144	./b
6154	.
$ du -ak
5	./a
3072	./b
3077	.
$ du -am
1	./a
3	./b
4	.
$ du -ah
5.0K	./a
3.0M	./b
3.0M	.
$ du -a --si
5.1k	./a
3.1M	./b
3.2M	.
$ du -A a
10	a
$ du -Ah a
5.0K	a
`,
  );
});

test('hard links, masks, thresholds', () => {
  expectTranscript(
    bench(),
    `
$ mkdir d
$ mkfile 5000 d/x
$ mkfile 100 d/y
$ ln d/x d/z
$ du d
11	d
$ du -l d
21	d
$ du -I x d
11	d
$ du -t 1m d
`,
  );
});

test('complaints', () => {
  expectTranscript(
    bench(),
    `
$ mkfile 1 a
$ du gone a
du: gone: No such file or directory
1	a
[1]
$ du -a -s
usage: du [-Aclnx] [-H | -L | -P] [-g | -h | -k | -m] [-a | -s | -d depth] [-B blocksize] [-I mask] [-t threshold] [file ...]
[64]
$ du -d x
du: invalid argument to option d: x
usage: du [-Aclnx] [-H | -L | -P] [-g | -h | -k | -m] [-a | -s | -d depth] [-B blocksize] [-I mask] [-t threshold] [file ...]
[64]
$ du -t 0
du: invalid threshold: 0
usage: du [-Aclnx] [-H | -L | -P] [-g | -h | -k | -m] [-a | -s | -d depth] [-B blocksize] [-I mask] [-t threshold] [file ...]
[64]
$ du -j
du: invalid option -- j
usage: du [-Aclnx] [-H | -L | -P] [-g | -h | -k | -m] [-a | -s | -d depth] [-B blocksize] [-I mask] [-t threshold] [file ...]
[64]
`,
  );
});
