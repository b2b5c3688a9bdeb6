import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: chmod, chown and chflags change what they say and say what they cannot. Source: file_cmds. */

const bench = () => {
  const made = new Bench(COMMANDS, [{}, { label: 'FAT', hasPermissions: false }]);
  made.write('file', '');
  return made;
};

test('octal and symbolic modes', () => {
  expectTranscript(
    bench(),
    `
$ chmod 600 file
$ chmod u+x,g+r file
$ stat -f %Sp file
-rwxr-----
$ chmod -w file
$ stat -f %Sp file
-r-xr-----
$ chmod u+w,go=u file
$ stat -f %Sp file
-rwxrwxrwx
$ chmod -v 644 file
file
$ chmod -v 644 file
$ chmod -vv 600 file
file: 0100644 [-rw-r--r-- ] -> 0100600 [-rw------- ]
`,
  );
});

test('trees', () => {
  expectTranscript(
    bench(),
    `
$ mkdir -p dir/sub
$ touch dir/x
$ ln -s ../file dir/link
$ chmod -R go-rx dir
$ chmod -Rv a+rX dir
dir
dir/sub
dir/x
$ ls -lR dir
total 1
lrwxrwxrwx  1 student  staff  7 Jan  1 09:00 link -> ../file
drwxr-xr-x  1 student  staff  0 Jan  1 09:00 sub
-rw-r--r--  1 student  staff  0 Jan  1 09:00 x

dir/sub:
total 0
$ stat -f %Sp file
-rw-r--r--
`,
  );
});

test('FAT keeps no permissions, and says nothing of it', () => {
  expectTranscript(
    bench(),
    `
$ touch /Volumes/FAT/f
$ chmod 600 /Volumes/FAT/f
$ stat -f %Sp /Volumes/FAT/f
-rwxrwxrwx
`,
  );
});

test("chmod's complaints", () => {
  expectTranscript(
    bench(),
    `
$ chmod
usage: chmod [-fhv] [-R [-H | -L | -P]] mode file ...
[1]
$ chmod 755
usage: chmod [-fhv] [-R [-H | -L | -P]] mode file ...
[1]
$ chmod 888 file
chmod: Invalid file mode: 888
[1]
$ chmod 644 gone
chmod: gone: No such file or directory
[1]
$ ln -s gone dangling
$ chmod 644 dangling
chmod: dangling: No such file or directory
[1]
$ chmod -h 600 dangling
chmod: dangling: Operation not supported
[1]
$ chmod -R -h 600 file
chmod: the -R and -h options may not be specified together.
[1]
$ chmod 600 /dev/null
chmod: Unable to change file mode on /dev/null: Operation not permitted
[1]
$ chmod -f 600 /dev/null
$ chmod -Z 1 file
chmod: illegal option -- Z
usage: chmod [-fhv] [-R [-H | -L | -P]] mode file ...
[1]
`,
  );
});

test('owners', () => {
  expectTranscript(
    bench(),
    `
$ chown root file
chown: file: Operation not permitted
[1]
# chown root file
$ stat -f %Su:%Sg file
root:staff
# chown student:staff file
# chown -v :wheel file
file
# chown -vv 501:20 file
file: student:wheel -> student:staff
# chgrp wheel file
$ stat -f %Su:%Sg file
student:wheel
# chown nobody file
chown: nobody: illegal user name
[1]
# chown student:nogroup file
chown: nogroup: illegal group name
[1]
# chown -n root file
chown: root: illegal user name
[1]
$ mkdir -p dir/sub
# chown -R root:wheel dir
$ stat -f '%N %Su:%Sg' dir dir/sub
dir root:wheel
dir/sub root:wheel
$ chown
usage: chown [-fhnvx] [-R [-H | -L | -P]] owner[:group] file ...
       chown [-fhnvx] [-R [-H | -L | -P]] :group file ...
[1]
$ chgrp
usage: chgrp [-fhnvx] [-R [-H | -L | -P]] group file ...
[1]
`,
  );
});

test('flags', () => {
  expectTranscript(
    bench(),
    `
$ chflags hidden file
$ chflags uchg,nohidden file
$ stat -f %Sf file
uchg
$ touch file
touch: file: Operation not permitted
[1]
$ chflags nouchg file
$ chflags -v hidden file
file
$ chflags -vv 0 file
file: 0100000 -> 00
$ mkdir dir
$ touch dir/x
$ chflags -R hidden dir
$ stat -f '%N %Sf' dir dir/x
dir hidden
dir/x hidden
$ chflags schg file
chflags: file: Operation not permitted
[1]
# chflags schg file
# stat -f %Sf file
schg
$ chflags
usage: chflags [-fhvx] [-R [-H | -L | -P]] flags file ...
[1]
$ chflags blue file
chflags: invalid flag: blue
[1]
$ chflags 8 file
chflags: invalid flag: 8
[1]
$ chflags uchg gone
chflags: gone: No such file or directory
[1]
`,
  );
});
