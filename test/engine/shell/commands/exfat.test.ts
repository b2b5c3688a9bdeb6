import { test } from 'vitest';
import { SessionBench } from './session-bench.ts';

/** Goal: commands on exFAT, where it differs from FAT. Method: transcripts on the whole machine. */
const exfat = () => new SessionBench({ format: 'exfat', scheme: 'gpt' });

test('mount, list and info name the volume as macOS does', () => {
  exfat().expectTranscript(`
$ mount -t exfat
/dev/disk1s1 on /Volumes/UNTITLED (exfat, local, nodev, nosuid, noowners)
$ diskutil list
/dev/disk1 (disk image):
   #:                       TYPE NAME                    SIZE       IDENTIFIER
   0:      GUID_partition_scheme                        +67.1 MB    disk1
   1:       Microsoft Basic Data UNTITLED                65.0 MB    disk1s1

$ diskutil info disk1s1 | grep -E 'Personality|Bundle|Visible|Journal'
   File System Personality:   ExFAT
   Type (Bundle):             exfat
   Name (User Visible):       ExFAT
`);
});

test('attributes live beside the file, links are not there, modes do not change', () => {
  exfat().expectTranscript(`
$ echo hello > a; xattr -w org.example.note "a note" a; ls -A; xattr -l a
._a
a
org.example.note: a note
$ ln a b
ln: b: Operation not supported
[1]
$ ln -s a l; cat l
hello
$ chmod 600 a; ls -l a
-rwxrwxrwx@ 1 student  staff  6 Jan  1 09:00 a
$ chflags hidden a; ls -lO a; chflags opaque a
-rwxrwxrwx@ 1 student  staff  hidden 6 Jan  1 09:00 a
chflags: a: Invalid argument
[1]
$ rm a; ls -A
l
`);
});

test('newfs_exfat, fsck_exfat and mount_exfat', () => {
  exfat().expectTranscript(`
$ newfs_exfat disk1s1
newfs_exfat: /dev/rdisk1s1 is mounted on /Volumes/UNTITLED
[1]
$ newfs_exfat -N -c 16 disk1s1 | grep cluster:
Bytes per cluster: 8192
$ cd /; umount disk1s1
$ fsck_exfat -q disk1s1
** /dev/rdisk1s1
FILESYSTEM CLEAN
$ fsck_exfat -n disk1s1 | tail -1
** The volume UNTITLED appears to be OK.
$ newfs_exfat -I 0x1234abcd -b 32768 -v FRESH disk1s1 | grep -E 'cluster:|Serial'
Bytes per cluster: 32768
Volume Serial #  : 1234abcd
$ mount_exfat disk1s1 /Volumes; mount -t exfat; umount /Volumes
/dev/disk1s1 on /Volumes (exfat, local, nodev, nosuid, noowners)
$ newfs_exfat -v "a name beyond eleven" disk1s1
newfs_exfat: /dev/rdisk1s1: File name too long (an exFAT label has at most 11 UTF-16 units, 'a name beyond eleven' has 20)
[1]
$ newfs_exfat -n 2 disk1s1
newfs_exfat: 2: bad number of FATs: exFAT has one (TexFAT would have two)
[1]
$ newfs_exfat -S 4096 disk1s1
newfs_exfat: 4096: bad bytes/sector: the disk has sectors of 512 bytes
[1]
$ newfs_exfat -s 5 disk1s1
newfs_exfat: -s is not simulated: the geometry is the disk's own
[1]
$ newfs_exfat -b 5000 disk1s1
newfs_exfat: /dev/rdisk1s1: Invalid argument ('5000' is no value for cluster-size: a power of two from 512 bytes to 32m, like 4k)
[1]
$ dd if=/dev/zero of=/dev/rdisk1s1 bs=512 count=1 status=none; fsck_exfat -y disk1s1 > /dev/null; diskutil mount disk1s1
Volume FRESH on disk1s1 mounted
`);
});
