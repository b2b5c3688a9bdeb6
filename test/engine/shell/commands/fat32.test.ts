import { test } from 'vitest';
import { SessionBench } from './session-bench.ts';

/** Goal: the file commands on a real FAT32 volume, with its limits: no owners, no hard links, 4 GiB, two seconds. Method: transcripts on the whole machine; the semantics are those of macOS's msdosfs. */

const expectTranscript = (transcript: string) => new SessionBench().expectTranscript(transcript);

test('listing', () => {
  expectTranscript(`
$ mkdir photos
$ echo hello > notes.txt
$ cp notes.txt photos
$ ln -s notes.txt link
$ ls -la
total 6
drwxrwxrwx  1 student  staff  512 Jan  1 09:00 .
drwxr-xr-x  3 root     wheel    0 Jan  1 09:00 ..
lrwxrwxrwx  1 student  staff    9 Jan  1 09:00 link -> notes.txt
-rwxrwxrwx  1 student  staff    6 Jan  1 09:00 notes.txt
drwxrwxrwx  1 student  staff  512 Jan  1 09:00 photos
$ ls -lO notes.txt
-rwxrwxrwx  1 student  staff  - 6 Jan  1 09:00 notes.txt
$ stat notes.txt
16777217 268435456 -rwxrwxrwx 1 student staff 0 6 "Jan  1 00:00:00 2026" "Jan  1 09:00:00 2026" "Jan  1 09:00:00 2026" "Jan  1 09:00:00 2026" 512 1 0 notes.txt
$ df
Filesystem   512-blocks Used Available Capacity iused ifree %iused  Mounted on
devfs                 0    0         0   100%      12     0  100%   /
/dev/disk1s1     127006    7    126999     1%       0     0     -   /Volumes/UNTITLED
$ df -h .
Filesystem      Size    Used   Avail Capacity iused ifree %iused  Mounted on
/dev/disk1s1    62Mi   3.5Ki    62Mi     1%       0     0     -   /Volumes/UNTITLED
$ du -a
1	./photos/notes.txt
2	./photos
1	./notes.txt
3	./link
7	.
`);
});

test('what FAT cannot do', () => {
  expectTranscript(`
$ touch a
$ ln a b
ln: b: Operation not supported
[1]
$ chmod 600 a
$ stat -f %Sp a
-rwxrwxrwx
$ chown root a
chown: a: Operation not permitted
[1]
$ touch 'a*b'
$ ls
a
a*b
$ touch -t 202602030405.07 a
$ stat -f %Sm a
Feb  3 04:05:06 2026
$ chflags uchg a
$ stat -f %Sf a
uchg
$ echo x > a
sh: a: Operation not permitted (it is locked (flag uchg or schg))
[1]
$ rm a
rm: a: Operation not permitted
[1]
$ chflags nouchg a
$ chflags nodump a
chflags: a: Invalid argument
[1]
$ chflags arch a
chflags: a: Operation not permitted
[1]
$ chflags hidden a
$ ls -lO a
-rwxrwxrwx  1 student  staff  hidden 0 Feb  3  2026 a
$ cp -c a c
$ ls -o c
-rwxrwxrwx  1 student  0 Jan  1 09:00 c
`);
});

test('a name in any case is the same file', () => {
  expectTranscript(`
$ touch Notes
$ ls notes
notes
$ mv Notes NOTES
$ ls
NOTES
$ mv notes notes
$ cp NOTES notes
cp: notes and NOTES are identical (not copied).
[1]
`);
});

test('the largest file, and a full disk', () => {
  expectTranscript(`
$ dd if=/dev/zero of=big bs=1m
dd: big: No space left on device
63+0 records in
62+1 records out
65026560 bytes transferred in 0.025260 secs (2574317914 bytes/sec)
[1]
$ rm big
$ truncate -s 5g big
truncate: big: File too large
[1]
$ mkfile 5g big
mkfile: (big removed) Write Error: File too large
[1]
$ ls
$ dd if=/dev/random of=rnd bs=64k count=16 status=noxfer
16+0 records in
16+0 records out
$ cp rnd rnd2
$ rm -P rnd
`);
});

test('extended attributes live in a file beside', () => {
  expectTranscript(`
$ touch a
$ xattr a
$ xattr -w color blue a
$ xattr -w com.example.second 'two words' a
$ xattr a
color
com.example.second
$ xattr -l a
color: blue
com.example.second: two words
$ xattr -lx a
color:
00000000  62 6C 75 65                                      |blue|
00000004
com.example.second:
00000000  74 77 6F 20 77 6F 72 64 73                       |two words|
00000009
$ xattr -p color a
blue
$ xattr -px color a
62 6C 75 65 
$ xattr -w -x hex '00 01 fF41' a
$ xattr -lx a
color:
00000000  62 6C 75 65                                      |blue|
00000004
com.example.second:
00000000  74 77 6F 20 77 6F 72 64 73                       |two words|
00000009
hex:
00000000  00 01 FF 41                                      |...A|
00000004
$ ls -a
.
..
._a
a
$ ls -l@ a
-rwxrwxrwx@ 1 student  staff  0 Jan  1 09:00 a
	color	4 
	com.example.second	9 
	hex	4 
$ cp a b
$ xattr b
color
com.example.second
hex
$ cp -X a c
$ xattr c
$ mkdir d
$ cp a d
$ cp -R d e
$ ls -A e
._a
a
$ xattr e/a
color
com.example.second
hex
$ xattr -d color a
$ xattr -p color a
xattr: a: No such xattr: color
[1]
$ xattr -rv d
d/a: color
d/a: com.example.second
d/a: hex
$ xattr -c a b
$ ls -A
a
b
c
d
e
$ xattr -p color gone
xattr: No such file: gone
[1]
`);
});
