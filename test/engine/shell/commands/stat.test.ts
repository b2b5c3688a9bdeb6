import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: stat's formats are macOS's. Source: file_cmds stat.c. */

const bench = () => {
  const made = new Bench(COMMANDS);
  made.write('file', 'hello\n');
  return made;
};

test('the six formats', () => {
  expectTranscript(
    bench(),
    `
$ chmod 755 file
$ chflags uchg file
$ stat file
16777217 3 -rwxr-xr-x 1 student staff 0 6 "Jan  1 09:00:00 2026" "Jan  1 09:00:00 2026" "Jan  1 09:00:00 2026" "Jan  1 09:00:00 2026" 512 1 0x2 file
$ stat -x file
  File: "file"
  Size: 6            FileType: Regular File
  Mode: (0755/-rwxr-xr-x)         Uid: (  501/ student)  Gid: (   20/   staff)
Device: 1,1   Inode: 3    Links: 1
Access: Thu Jan  1 09:00:00 2026
Modify: Thu Jan  1 09:00:00 2026
Change: Thu Jan  1 09:00:00 2026
 Birth: Thu Jan  1 09:00:00 2026
$ stat -r file
16777217 3 0100755 1 501 20 0 6 1767258000 1767258000 1767258000 1767258000 512 1 2 file
$ stat -s file
st_dev=16777217 st_ino=3 st_mode=0100755 st_nlink=1 st_uid=501 st_gid=20 st_rdev=0 st_size=6 st_atime=1767258000 st_mtime=1767258000 st_ctime=1767258000 st_birthtime=1767258000 st_blksize=512 st_blocks=1 st_flags=2
$ stat -l file
-rwxr-xr-x 1 student staff 6 Jan  1 09:00:00 2026 file
$ ln -s file link
$ mkdir dir
$ stat -lF dir link file
drwxr-xr-x 1 student staff 0 Jan  1 09:00:00 2026 dir/
lrwxrwxrwx 1 student staff 4 Jan  1 09:00:00 2026 link@ -> file
-rwxr-xr-x 1 student staff 6 Jan  1 09:00:00 2026 file*
$ stat -F dir
drwxr-xr-x 1 student staff 0 Jan  1 09:00:00 2026 dir/
`,
  );
});

test('links', () => {
  expectTranscript(
    bench(),
    `
$ ln -s file link
$ ln -s gone dangling
$ stat -f '%N %HT' link
link Symbolic Link
$ stat -Lf '%N %HT' link
link Regular File
$ stat -Lf '%N %HT' dangling
dangling Symbolic Link
$ stat -f '%N %R%n%Y' link
link /Volumes/MEMORY/file
file
$ stat -f '%N%SY' link
link -> file
$ readlink link
file
$ readlink file
[1]
$ readlink -f link
/Volumes/MEMORY/file
`,
  );
});

test('pieces of modes', () => {
  expectTranscript(
    bench(),
    `
$ chmod 4751 file
$ stat -f '%p %Op %Dp %Hp %Mp %Lp %A %Sp %SHp %SMp %SLp' file
104751 104751 35305 10 4 751 4751 -rwsr-x--x rws r-x --x
`,
  );
});

test("printf's widths and flags", () => {
  expectTranscript(
    bench(),
    `
$ stat -f '[%8z][%-8z][%08z][%.8z][%+Dz][%#Xz][%Oz][%#Oz]' file
[       6][6       ][00000006][00000006][+6][0x6][6][06]
$ stat -f '[%10N][%-10N][%.2N]' file
[      file][file      ][fi]
$ stat -f '%@ %N%t%%' file file
1 file	%
2 file	%
$ stat -n -f %z file
6%
`,
  );
});

test('owners, times, types', () => {
  expectTranscript(
    bench(),
    `
$ mkdir dir
$ stat -f '%u %Su %g %Sg %f %Sf %HT %T' file dir
501 student 20 staff 0 - Regular File 
501 student 20 staff 0 - Directory /
$ touch -t 202603040506.07 file
$ stat -f '%m %Sm %.2Fm' -t '%Y-%m-%d %H:%M' file
1772600767 2026-03-04 05:06 1772600767.00
`,
  );
});

test('complaints', () => {
  expectTranscript(
    bench(),
    `
$ stat -f %q file
stat: %q: bad format
[1]
$ stat -f %Sz file
stat: %Sz: bad format
[1]
$ stat -f %Hz file
stat: %Hz: bad format
[1]
$ stat gone file
stat: gone: stat: No such file or directory
16777217 3 -rw-r--r-- 1 student staff 0 6 "Jan  1 09:00:00 2026" "Jan  1 09:00:00 2026" "Jan  1 09:00:00 2026" "Jan  1 09:00:00 2026" 512 1 0 file
[1]
$ stat -q gone
[1]
$ stat -x -s file
stat: can't use format 'x' with 's'
[1]
$ stat -x -F file
stat: can't use format 'x' with -F
[1]
$ stat -k
stat: illegal option -- k
usage: stat [-FLnq] [-f format | -l | -r | -s | -x] [-t timefmt] [file ...]
[1]
`,
  );
});
