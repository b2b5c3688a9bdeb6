import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: dd counts its records, converts and fails as macOS's does. Source: file_cmds dd. */

const bench = () => {
  const made = new Bench(COMMANDS, [{ fileSizeBytesMax: 1000000 }, { label: 'SMALL', capacityBytes: 10000 }]);
  made.write('text', 'Hello, World!\n');
  made.write('abc', 'abcdefghijklmnopqrstuvwxyz');
  return made;
};

test('copies and counts', () => {
  expectTranscript(
    bench(),
    `
$ dd if=text of=copy
0+1 records in
0+1 records out
14 bytes transferred in 0.000001 secs (14000000 bytes/sec)
$ dd if=abc of=out bs=10 status=noxfer
2+1 records in
2+1 records out
$ dd if=abc bs=10 skip=1 count=1 status=none
klmnopqrst%
$ dd if=abc of=out bs=4 seek=2 count=1 conv=notrunc status=noxfer
1+0 records in
1+0 records out
$ dd if=out bs=64 status=none
abcdefghabcdmnopqrstuvwxyz%
$ dd if=abc of=/dev/null ibs=3 obs=5 status=noxfer
8+1 records in
5+1 records out
$ dd count=0 if=abc of=none
0+0 records in
0+0 records out
0 bytes transferred in 0.000001 secs (0 bytes/sec)
`,
  );
});

test('converts', () => {
  expectTranscript(
    bench(),
    `
$ dd if=abc of=up conv=ucase status=none
$ dd if=up status=none
ABCDEFGHIJKLMNOPQRSTUVWXYZ%
$ dd if=up conv=lcase status=none
abcdefghijklmnopqrstuvwxyz%
$ dd if=abc of=sw conv=swab ibs=5 obs=7 status=noxfer
5+1 records in
3+1 records out
6 odd length swab records
$ dd if=sw status=none
badcegfihjlknmoqpsrtvuxwyz%
$ dd if=abc of=padded bs=20 conv=sync fillchar=. status=noxfer
2+0 records in
2+0 records out
$ dd if=padded status=none
abcdefghijklmnopqrstuvwxyz..............%
$ dd if=/dev/zero of=sparse bs=512 count=3 conv=sparse status=noxfer
3+0 records in
3+0 records out
$ stat -f %z sparse
1536
`,
  );
});

test('zeros cost nothing and stop at the largest size a file may have', () => {
  expectTranscript(
    bench(),
    `
$ dd if=/dev/zero of=zeros bs=1k count=100
100+0 records in
100+0 records out
102400 bytes transferred in 0.000001 secs (102400000000 bytes/sec)
$ dd if=/dev/zero of=zeros bs=4k count=1 seek=2 status=noxfer
1+0 records in
1+0 records out
$ stat -f %z zeros
12288
$ dd if=/dev/zero of=full bs=1k status=noxfer
dd: full: File too large
977+0 records in
976+0 records out
[1]
$ stat -f %z full
999424
$ dd if=full of=copy bs=1k seek=100 status=noxfer
dd: copy: File too large
877+0 records in
876+0 records out
[1]
$ stat -f %z copy
999424
`,
  );
});

test('a full volume takes a part of the last block', () => {
  expectTranscript(
    bench(),
    `
$ dd if=/dev/zero of=/Volumes/SMALL/f bs=1k status=noxfer
dd: /Volumes/SMALL/f: No space left on device
10+0 records in
9+1 records out
[1]
$ rm /Volumes/SMALL/f
$ mkfile 20k big
$ dd if=big of=/Volumes/SMALL/f bs=1k status=noxfer
dd: /Volumes/SMALL/f: No space left on device
10+0 records in
9+1 records out
[1]
$ stat -f %z /Volumes/SMALL/f
10000
`,
  );
});

test('complaints', () => {
  expectTranscript(
    bench(),
    `
$ dd if=gone of=x
dd: gone: No such file or directory
[1]
$ dd if=abc of=nowhere/x
dd: nowhere/x: No such file or directory
[1]
$ dd of
dd: unknown operand of
[1]
$ dd bs=
dd: no value specified for bs
[1]
$ dd bs=0
dd: bs must be between 1 and 1073741824
[1]
$ dd bs=x
dd: bs: invalid numeric value
[1]
$ dd bs=1q
dd: bs: illegal numeric value
[1]
$ dd bs=1k bs=2k
dd: bs: illegal argument combination or already set
[1]
$ dd conv=foo
dd: unknown conversion foo
[1]
$ dd conv=lcase,ucase
dd: ucase: illegal conversion combination
[1]
$ dd status=loud
dd: unknown status loud
[1]
$ dd --help
dd: unknown operand --help
[1]
$ dd if=abc of=x bs=1g
dd: input buffer: Cannot allocate memory
0+0 records in
0+0 records out
0 bytes transferred in 0.000001 secs (0 bytes/sec)
[1]
$ dd if=abc ibs=3 bs=10 of=o2 status=noxfer
dd: bs supersedes ibs and obs
2+1 records in
2+1 records out
`,
  );
});

test('numbers', () => {
  expectTranscript(
    bench(),
    `
$ dd if=/dev/zero of=f bs=2x3 count=0x2 status=noxfer
2+0 records in
2+0 records out
$ dd if=/dev/zero of=f bs=1b count=2 status=noxfer
2+0 records in
2+0 records out
$ dd if=/dev/zero of=f bs=010 count=1 status=noxfer
1+0 records in
1+0 records out
$ stat -f %z f
8
`,
  );
});
