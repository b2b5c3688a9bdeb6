import { describe, expect, test } from 'vitest';
import { SessionBench } from './session-bench.ts';

/** Goal: the commands that only HFS+ gives something to do. Method: transcripts on the whole machine. */
const hfs = (format = 'hfsplus') => new SessionBench({ format, scheme: 'gpt' });

test('mount, list and info name the volume as macOS does', () => {
  hfs().expectTranscript(`
$ mount -t hfs
/dev/disk1s1 on /Volumes/UNTITLED (hfs, local, nodev, nosuid, journaled)
$ diskutil list
/dev/disk1 (disk image):
   #:                       TYPE NAME                    SIZE       IDENTIFIER
   0:      GUID_partition_scheme                        +67.1 MB    disk1
   1:                  Apple_HFS UNTITLED                65.0 MB    disk1s1

$ diskutil info disk1s1 | grep -E 'Personality|Bundle|Visible|Journal'
   File System Personality:   Journaled HFS+
   Type (Bundle):             hfs
   Name (User Visible):       Mac OS Extended (Journaled)
   Journal:                   Journal size 512 KB at offset 0x3000
`);
});

test('attributes, forks, flags, links and permissions', () => {
  hfs().expectTranscript(`
$ echo hello > a; xattr -w org.example.note "a note" a; xattr -wx com.apple.ResourceFork "00 01 02" a
$ ls -lO@ a
-rw-r--r--@ 1 student  staff  - 6 Jan  1 09:00 a
	com.apple.ResourceFork	3 
	org.example.note	6 
$ xattr -l a
com.apple.ResourceFork: 
org.example.note: a note
$ xattr -px com.apple.ResourceFork a
00 01 02 
$ xattr -d org.example.note a; xattr -d org.example.note a
xattr: a: No such xattr: org.example.note
[1]
$ xattr -c a; xattr a; ls -A
a
$ ln a b; ls -l; test a -ef b
total 16
-rw-r--r--  2 student  staff  6 Jan  1 09:00 a
-rw-r--r--  2 student  staff  6 Jan  1 09:00 b
$ chflags nodump,hidden a; ls -lO b; chflags nonodump,nohidden a
-rw-r--r--@ 2 student  staff  nodump,hidden 6 Jan  1 09:00 b
$ chflags schg a
chflags: a: Operation not permitted
[1]
$ sudo chflags schg,arch a; rm -f b; stat -f %Sf a; sudo chflags 0 a
rm: b: Operation not permitted
arch,schg
$ chmod 0 a; cat a; sudo cat a; chmod 644 a
cat: a: Permission denied
hello
$ cp -c a c; cat c; mkfile 100k big; cp -c big big2; cmp big big2 2> /dev/null; md5 -q big big2 | uniq | wc -l
hello
       1
$ find . -links 2 | sort; mv a d; mv b d; ls
./a
./b
b
big
big2
c
d
$ touch Name; ls name NAME
NAME
name
`);
});

test('newfs_hfs, fsck_hfs and mount_hfs', () => {
  hfs().expectTranscript(`
$ newfs_hfs disk1s1
newfs_hfs: /dev/rdisk1s1 is mounted on /Volumes/UNTITLED
[1]
$ newfs_hfs -N -s -J 8m -v Big disk1s1
Initialized /dev/rdisk1s1 as a 62 MB case-sensitive HFS Plus volume with a 8192k journal
$ cd /; umount disk1s1
$ fsck_hfs -fn disk1s1
** /dev/rdisk1s1 (NO WRITE)
   Executing fsck_hfs (version hfs-715.100.10).
** Checking Journaled HFS Plus volume.
   The volume name is UNTITLED
** Checking extents overflow file.
** Checking catalog file.
** Checking multi-linked files.
** Checking catalog hierarchy.
** Checking extended attributes file.
** Checking volume bitmap.
** Checking volume information.
** The volume UNTITLED appears to be OK.
$ fsck_hfs -q disk1s1
QUICKCHECK ONLY; FILESYSTEM CLEAN
$ fsck_msdos -n disk1s1
** /dev/rdisk1s1
fsck_msdos: /dev/rdisk1s1 holds Journaled HFS+, not a FAT volume; take fsck_hfs
[8]
$ newfs_hfs -v "My disk" disk1s1
Initialized /dev/rdisk1s1 as a 62 MB case-insensitive HFS Plus volume
$ mount_hfs -r disk1s1 /Volumes; mount -t hfs; umount /Volumes
/dev/disk1s1 on /Volumes (hfs, local, nodev, nosuid, read-only)
$ newfs_hfs -J -sv Cases disk1s1
Initialized /dev/rdisk1s1 as a 62 MB case-sensitive HFS Plus volume with a 512k journal
$ diskutil mount disk1s1; cd /Volumes/Cases; touch a A; ls; cd /
Volume Cases on disk1s1 mounted
A
a
$ newfs_hfs -n c=8192,x=5 disk1s1
newfs_hfs: x=5: bad node size: c=, e= or a= and a number, such as c=8192
[1]
$ newfs_hfs -J8q disk1s1
newfs_hfs: 8q: bad journal size: a number and k, m or g, such as 8m
[1]
$ newfs_hfs -c e=5 disk1s1
newfs_hfs: -c is not simulated
[1]
$ newfs_hfs -h disk1s1
newfs_hfs: -h is not simulated: plain HFS cannot be made any more, by macOS neither
[1]
$ mount_hfs disk1s1
usage: mount_hfs [-o options] special mount_point
[64]
`);
});

describe('diskutil', () => {
  test.each([
    ['JHFS+', 'Journaled HFS+'],
    ['"Journaled HFS+"', 'Journaled HFS+'],
    ['HFS+', 'HFS+'],
    ['"Case-sensitive HFS+"', 'Case-sensitive HFS+'],
    ['hfsx', 'Case-sensitive HFS+'],
    ['JHFSX', 'Case-sensitive Journaled HFS+'],
    ['"Mac OS Extended (Case-sensitive, Journaled)"', 'Case-sensitive Journaled HFS+'],
    ['exfat', 'ExFAT'],
    ['"MS-DOS FAT16"', 'MS-DOS FAT16'],
  ])('erases as %s', (words, personality) => {
    const bench = new SessionBench({ scheme: 'mbr' });
    bench.run('cd /');
    expect(bench.run(`diskutil eraseVolume ${words} NEW disk1s1`)).toMatch(
      /Finished erase on disk1s1 NEW\n$/,
    );
    const shown = () => bench.run("diskutil info disk1s1 | sed 's/x/x/' 2> /dev/null; diskutil info disk1s1");
    expect(shown()).toContain(`File System Personality:   ${personality}\n`);
    expect(bench.run(`diskutil eraseDisk ${words} AGAIN GPT disk1`)).toMatch(/Finished erase on disk1\n$/);
    expect(shown()).toContain(`File System Personality:   ${personality}\n`);
    expect(bench.run('diskutil verifyVolume disk1s1')).toContain('File system check exit code is 0\n');
  });

  test('the map of the disk says what eraseVolume made; newfs_hfs leaves it', () => {
    const bench = new SessionBench({ scheme: 'mbr' });
    bench.run('cd /; umount disk1s1');
    bench.run('newfs_hfs disk1s1');
    expect(bench.run('diskutil list')).toContain('Windows_FAT_32');
    bench.run('diskutil eraseVolume JHFS+ NEW disk1s1');
    expect(bench.run('diskutil list')).toContain('Apple_HFS NEW');
  });

  test('partitionDisk makes one partition and says that it makes no more', () => {
    const bench = new SessionBench({ scheme: 'none' });
    expect(bench.run('diskutil partitionDisk disk1 1 GPT JHFS+ One R')).toMatch(/Finished erase on disk1\n$/);
    expect(bench.run('diskutil list')).toContain('Apple_HFS One');
    expect(bench.run('diskutil partitionDisk disk1 2 GPT JHFS+ One 30m ExFAT Two R')).toMatch(
      /one volume[^]*\[1\]\n$/,
    );
  });
});

test('after a power cut the journal is replayed, and whoever mounts the volume reads that it was', () => {
  const bench = hfs();
  bench.run('cd /; dd if=/dev/rdisk1s1 of=/dev/null bs=1m status=none');
  bench.run('cd /Volumes/UNTITLED; mkdir d; echo x > d/a');
  bench.run('cd /');
  // As a power cut leaves it: the blocks alone, copied while the volume was in use.
  const cut = new SessionBench({ store: bench.session.store.fork() });
  expect(cut.run('ls d')).toBe('a\n');
  const warnings = cut.session.views.disk().volume?.warnings ?? [];
  expect(warnings.join(' ')).toMatch(/journal|unmounted/i);
});
