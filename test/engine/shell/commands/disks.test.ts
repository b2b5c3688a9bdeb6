import { test } from 'vitest';
import { SessionBench } from './session-bench.ts';

/** Goal: the disk commands print what diskutil, mount, newfs_msdos and fsck_msdos print, and refuse what they refuse. Method: transcripts on the whole machine. */

const expectTranscript = (transcript: string) => new SessionBench().expectTranscript(transcript);

test('mount and umount', () => {
  expectTranscript(`
$ mount
devfs on / (devfs, local, nobrowse, read-only)
/dev/disk1s1 on /Volumes/UNTITLED (msdos, local, nodev, nosuid, noowners)
$ mount -t msdos
/dev/disk1s1 on /Volumes/UNTITLED (msdos, local, nodev, nosuid, noowners)
$ umount disk1s1
umount(/Volumes/UNTITLED): Resource busy (/Volumes/UNTITLED is the current directory of a process) -- try 'diskutil unmount'
[1]
$ cd /
$ umount /dev/disk1s1
$ mount
devfs on / (devfs, local, nobrowse, read-only)
$ umount /dev/disk1s1
umount: /dev/disk1s1: not currently mounted
[1]
$ mount /dev/disk1s1
$ mount
devfs on / (devfs, local, nobrowse, read-only)
/dev/disk1s1 on /Volumes/UNTITLED (msdos, local, nodev, nosuid, noowners)
$ mount /dev/disk1s1
mount: /dev/disk1s1: Resource busy (it is mounted already)
[1]
$ umount -v /Volumes/UNTITLED
/dev/disk1s1 unmount from /Volumes/UNTITLED
$ mount -r disk1s1
$ touch /Volumes/UNTITLED/x
touch: /Volumes/UNTITLED/x: Read-only file system
[1]
$ mount
devfs on / (devfs, local, nobrowse, read-only)
/dev/disk1s1 on /Volumes/UNTITLED (msdos, local, nodev, nosuid, read-only, noowners)
$ umount -a
$ mount -t exfat /dev/disk1s1 /Volumes
mount: /dev/disk1s1 on /Volumes: Invalid argument (it holds msdos)
[1]
$ mount -t foo /dev/disk1s1 /Volumes
mount: exec /Library/Filesystems/foo.fs/Contents/Resources/mount_foo for /Volumes: No such file or directory
[72]
$ mount -o sneaky /dev/disk1s1
mount: -o sneaky: option not supported
[64]
$ mount /dev/disk9
mount: /dev/disk9: No such file or directory
[1]
$ mount gone
mount: gone: No such file or directory
[1]
$ mount -t msdos /dev/disk1s1 /gone
mount: realpath /gone: No such file or directory
[1]
$ umount -f disk1s1
umount: -f is not simulated: unmounting by force would lose what is open. Close it first.
[1]
$ umount
usage: umount [-fv] [-t fstypelist] special | node
       umount -a[fv] [-h host] [-t fstypelist]
[1]
$ mount a b c
usage: mount [-dfFrkuvw] [-o options] [-t external_type] special mount_point
       mount [-adfFrkuvw] [-t external_type]
       mount [-dfrkuvw] special | mount_point
[64]
`);
});

test("a mount point of one's own", () => {
  expectTranscript(`
$ cd /
$ umount disk1s1
$ mkdir /Volumes/here
mkdir: /Volumes/here: Read-only file system
[1]
$ mount -t msdos -o rdonly /dev/disk1s1 /Volumes
$ mount
devfs on / (devfs, local, nobrowse, read-only)
/dev/disk1s1 on /Volumes (msdos, local, nodev, nosuid, read-only, noowners)
$ ls /Volumes
`);
});

test('diskutil list and info', () => {
  expectTranscript(`
$ diskutil list
/dev/disk1 (disk image):
   #:                       TYPE NAME                    SIZE       IDENTIFIER
   0:     FDisk_partition_scheme                        +67.1 MB    disk1
   1:             Windows_FAT_32 UNTITLED                66.1 MB    disk1s1

$ diskutil list disk1
/dev/disk1 (disk image):
   #:                       TYPE NAME                    SIZE       IDENTIFIER
   0:     FDisk_partition_scheme                        +67.1 MB    disk1
   1:             Windows_FAT_32 UNTITLED                66.1 MB    disk1s1

$ diskutil list disk7
Could not find disk: disk7
[1]
$ diskutil info disk7
Could not find disk: disk7
[1]
$ diskutil
Disk Utility Tool
Usage:  diskutil <verb> <options>, where <verb> is as follows:

     list                 (List the partitions of a disk)
     info[rmation]        (Get information on a specific disk or partition)
     u[n]mount            (Unmount a single volume)
     unmountDisk          (Unmount an entire disk (all volumes))
     mount                (Mount a single volume)
     mountDisk            (Mount an entire disk (all mountable volumes))
     rename               (Rename a volume)
     verifyVolume         (Verify the file system data structures of a volume)
     repairVolume         (Repair the file system data structures of a volume)
     eraseDisk            (Erase an existing disk, removing all volumes)
     eraseVolume          (Erase an existing volume)
     partitionDisk        ((re)Partition a disk, removing all volumes)
     listFilesystems      (List file systems available for formatting)
     apfs <verb>          (Perform additional verbs related to APFS)
$ diskutil lisst
diskutil: did not recognize verb "lisst"; did you mean "list"?; type "diskutil" for a list
[1]
$ diskutil info
Usage:  diskutil info MountPoint|DiskIdentifier|DeviceNode
[1]
$ diskutil listFilesystems
Formattable file systems

These file system personalities can be used for erasing and partitioning.

-------------------------------------------------------------------------------
PERSONALITY                      USER VISIBLE NAME
-------------------------------------------------------------------------------
Case-sensitive APFS              APFS (Case-sensitive)
  (or) APFSX
APFS                             APFS
  (or) APFSI
ExFAT                            ExFAT
MS-DOS                           MS-DOS (FAT)
MS-DOS FAT12                     MS-DOS (FAT12)
MS-DOS FAT16                     MS-DOS (FAT16)
MS-DOS FAT32                     MS-DOS (FAT32)
  (or) FAT32
HFS+                             Mac OS Extended
Case-sensitive HFS+              Mac OS Extended (Case-sensitive)
  (or) HFSX
Case-sensitive Journaled HFS+    Mac OS Extended (Case-sensitive, Journaled)
  (or) JHFSX
Journaled HFS+                   Mac OS Extended (Journaled)
  (or) JHFS+
`);
});

test('diskutil mounts and unmounts', () => {
  expectTranscript(`
$ diskutil unmount disk1s1
Volume UNTITLED on disk1s1 failed to unmount: Resource busy (/Volumes/UNTITLED is the current directory of a process)
[1]
$ cd /
$ diskutil unmount disk1s1
Volume UNTITLED on disk1s1 unmounted
$ diskutil unmount disk1s1
disk1s1 was already unmounted
$ diskutil mount disk1s1
Volume UNTITLED on disk1s1 mounted
$ diskutil mount disk1s1
Volume UNTITLED on disk1s1 already mounted
$ diskutil unmountDisk disk1
Unmount of all volumes on disk1 was successful
$ diskutil mountDisk disk1
Volume(s) mounted successfully
$ diskutil unmount /Volumes/UNTITLED
Volume UNTITLED on disk1s1 unmounted
$ diskutil mount readOnly disk1s1
Volume UNTITLED on disk1s1 mounted
$ touch /Volumes/UNTITLED/x
touch: /Volumes/UNTITLED/x: Read-only file system
[1]
$ diskutil mount disk9s9
Could not find disk: disk9s9
[1]
$ diskutil rename disk1s1 NEW
Error renaming volume on disk1s1: Read-only file system (the volume is mounted for reading only)
[1]
`);
});

test('diskutil renames', () => {
  expectTranscript(`
$ diskutil rename disk1s1 'MY DISK'
Volume on disk1s1 renamed to MY DISK
$ diskutil list
/dev/disk1 (disk image):
   #:                       TYPE NAME                    SIZE       IDENTIFIER
   0:     FDisk_partition_scheme                        +67.1 MB    disk1
   1:             Windows_FAT_32 MY DISK                 66.1 MB    disk1s1

$ diskutil rename disk1s1 'A LABEL MUCH TOO LONG'
Error renaming volume on disk1s1: File name too long (a FAT label has at most 11 characters, 'A LABEL MUCH TOO LONG' has 21)
[1]
`);
});

test('diskutil checks and repairs', () => {
  expectTranscript(`
$ touch a b
$ diskutil verifyVolume disk1s1
Started file system verification on disk1s1 UNTITLED
Verifying file system
Performing fsck_msdos -n /dev/rdisk1s1
** Phase 1 - Preparing FAT
** Phase 2 - Checking Directories
** Phase 3 - Checking for Orphan Clusters
File system was not properly unmounted: the dirty flag is set
MARK FILE SYSTEM CLEAN? no
2 files, 63502 KiB free (127005 clusters)
File system check exit code is 0
Finished file system verification on disk1s1 UNTITLED
$ cd /
$ diskutil repairVolume disk1s1
Started file system repair on disk1s1 UNTITLED
Repairing file system
Volume was successfully unmounted
Performing fsck_msdos -y /dev/rdisk1s1
** Phase 1 - Preparing FAT
** Phase 2 - Checking Directories
** Phase 3 - Checking for Orphan Clusters
2 files, 63502 KiB free (127005 clusters)
File system check exit code is 0
Restoring the original state found as mounted
Finished file system repair on disk1s1 UNTITLED
$ ls /Volumes/UNTITLED
a
b
`);
});

test('diskutil erases', () => {
  expectTranscript(`
$ touch a
$ cd /
$ diskutil eraseVolume FAT32 FRESH disk1s1
Started erase on disk1s1 UNTITLED
Unmounting disk
Erasing
512 bytes per physical sector
/dev/rdisk1s1: 127006 sectors in 127006 FAT32 clusters (512 bytes/cluster)
bps=512 spc=1 res=32 nft=2 mid=0xf8 spt=32 hds=8 hid=2048 drv=0x80 bsec=129024 bspf=993 rdcl=2 infs=1 bkbs=6
Mounting disk
Finished erase on disk1s1 FRESH
$ ls /Volumes/FRESH
$ diskutil eraseVolume 'MS-DOS FAT16' SIXTEEN disk1s1
Started erase on disk1s1 FRESH
Unmounting disk
Erasing
512 bytes per physical sector
/dev/rdisk1s1: 128732 sectors in 32183 FAT16 clusters (2048 bytes/cluster)
bps=512 spc=4 res=4 nft=2 rde=512 mid=0xf8 spf=128 spt=32 hds=8 hid=2048 drv=0x80 bsec=129024
Mounting disk
Finished erase on disk1s1 SIXTEEN
$ diskutil eraseVolume NTFS X disk1s1
NTFS does not appear to be a valid file system format
Use diskutil listFilesystems to view a list of supported file systems
[1]
$ diskutil eraseDisk FAT32 WHOLE MBR disk1
Started erase on disk1
Unmounting disk
Creating the partition map
Waiting for partitions to activate
Formatting disk1s1 as MS-DOS (FAT32) with name WHOLE
512 bytes per physical sector
/dev/rdisk1s1: 127006 sectors in 127006 FAT32 clusters (512 bytes/cluster)
bps=512 spc=1 res=32 nft=2 mid=0xf8 spt=32 hds=8 hid=2048 drv=0x80 bsec=129024 bspf=993 rdcl=2 infs=1 bkbs=6
Mounting disk
Finished erase on disk1
$ diskutil list
/dev/disk1 (disk image):
   #:                       TYPE NAME                    SIZE       IDENTIFIER
   0:     FDisk_partition_scheme                        +67.1 MB    disk1
   1:             Windows_FAT_32 WHOLE                   66.1 MB    disk1s1

$ diskutil eraseDisk FAT32 PLAIN none disk1
Started erase on disk1
Unmounting disk
Formatting disk1 as MS-DOS (FAT32) with name PLAIN
512 bytes per physical sector
/dev/rdisk1: 129022 sectors in 129022 FAT32 clusters (512 bytes/cluster)
bps=512 spc=1 res=32 nft=2 mid=0xf8 spt=32 hds=8 hid=0 drv=0x80 bsec=131072 bspf=1009 rdcl=2 infs=1 bkbs=6
Mounting disk
Finished erase on disk1
$ diskutil list
/dev/disk1 (disk image):
   #:                       TYPE NAME                    SIZE       IDENTIFIER
   0:                            PLAIN                  +67.1 MB    disk1

$ diskutil eraseDisk FAT32 X APM disk1
APM is no partition scheme: GPT, MBR or none
[1]
$ diskutil eraseDisk FAT32 X
Usage:  diskutil eraseDisk format name [MBR|GPT|none] MountPoint|DiskIdentifier|DeviceNode
[1]
`);
});

test('newfs_msdos', () => {
  expectTranscript(`
$ newfs_msdos disk1s1
newfs_msdos: /dev/rdisk1s1 is mounted on /Volumes/UNTITLED
[1]
$ cd /; umount disk1s1
$ newfs_msdos -F 16 -v SMALL -I 0x1234abcd /dev/rdisk1s1
512 bytes per physical sector
/dev/rdisk1s1: 128732 sectors in 32183 FAT16 clusters (2048 bytes/cluster)
bps=512 spc=4 res=4 nft=2 rde=512 mid=0xf8 spf=128 spt=32 hds=8 hid=2048 drv=0x80 bsec=129024
$ newfs_msdos -F 32 -c 1 disk1s1
512 bytes per physical sector
/dev/rdisk1s1: 127006 sectors in 127006 FAT32 clusters (512 bytes/cluster)
bps=512 spc=1 res=32 nft=2 mid=0xf8 spt=32 hds=8 hid=2048 drv=0x80 bsec=129024 bspf=993 rdcl=2 infs=1 bkbs=6
$ newfs_msdos -F 33 disk1s1
newfs_msdos: 33: bad FAT type
[1]
$ newfs_msdos -c 3 disk1s1
newfs_msdos: /dev/rdisk1s1: Invalid argument ('1536' is no cluster size: choose 512, 1k, 2k, 4k, 8k, 16k, 32k or 64k)
[1]
$ newfs_msdos -v 'bad*name' disk1s1
newfs_msdos: /dev/rdisk1s1: Invalid argument ('bad*name' is no FAT label: use letters A to Z, digits, spaces inside and !#$%&'()-@^_\`{}~)
[1]
$ newfs_msdos -S 512 disk1s1
newfs_msdos: -S is not simulated: the geometry is the disk's own
[1]
$ newfs_msdos disk9
newfs_msdos: /dev/rdisk9: Device not configured (there is no disk9)
[1]
$ newfs_msdos
usage: newfs_msdos [ -options ] special [disktype]
where the options are:
	-N don't create file system: just print out parameters
	-F FAT type (12, 16, or 32)
	-I volume ID
	-O OEM string
	-b block size
	-c sectors/cluster
	-e root directory entries
	-n number of FATs
	-r reserved sectors
	-v filesystem/volume name
[1]
`);
});

test('fsck_msdos', () => {
  expectTranscript(`
$ touch a
$ fsck_msdos -n disk1s1
** /dev/rdisk1s1
** Phase 1 - Preparing FAT
** Phase 2 - Checking Directories
** Phase 3 - Checking for Orphan Clusters
File system was not properly unmounted: the dirty flag is set
MARK FILE SYSTEM CLEAN? no
1 files, 63502 KiB free (127005 clusters)
$ fsck_msdos -y /dev/disk1s1
** /dev/rdisk1s1
Can't open /dev/disk1s1: Resource busy (disk1s1 is mounted on /Volumes/UNTITLED; unmount it first)
[8]
$ cd /; umount disk1s1
$ fsck_msdos -y /dev/disk1s1
** /dev/rdisk1s1
** Phase 1 - Preparing FAT
** Phase 2 - Checking Directories
** Phase 3 - Checking for Orphan Clusters
1 files, 63502 KiB free (127005 clusters)
$ fsck_msdos -q disk1s1
** /dev/rdisk1s1
Warning: FILESYSTEM CLEAN; SKIPPING CHECKS
$ fsck_msdos disk9
** /dev/rdisk9
Can't open disk9: Device not configured (there is no disk9)
[8]
$ fsck_msdos
Usage: fsck_msdos [-fnpqy] [-M <integer>[k|K|m|M]] [-S path] filesystem ... 
[8]
`);
});

test('scope', () => {
  expectTranscript(`
$ echo hello > notes.txt
$ scope extents notes.txt
notes.txt: 1 extent
  file offset  device offset  length
            0        2082304       6
$ touch later
$ ls
later
notes.txt
$ scope undo
Undo: ls
$ scope undo
Undo: touch later
$ ls
notes.txt
$ scope undo
Undo: ls
$ scope redo
Redo: ls
$ ls
notes.txt
$ scope undo extra
usage: scope why path | block
       scope extents path
       scope map [device]
       scope shared path path
       scope snapshot list [volume]
       scope snapshot create | delete | revert | why name [volume]
       scope snapshot rename name new-name [volume]
       scope poke block offset hex ... [--mend]
       scope undo
       scope redo
       scope help
[64]
$ scope wy
scope: unknown verb 'wy'; did you mean 'why'?
usage: scope why path | block
       scope extents path
       scope map [device]
       scope shared path path
       scope snapshot list [volume]
       scope snapshot create | delete | revert | why name [volume]
       scope snapshot rename name new-name [volume]
       scope poke block offset hex ... [--mend]
       scope undo
       scope redo
       scope help
[64]
$ scope
usage: scope why path | block
       scope extents path
       scope map [device]
       scope shared path path
       scope snapshot list [volume]
       scope snapshot create | delete | revert | why name [volume]
       scope snapshot rename name new-name [volume]
       scope poke block offset hex ... [--mend]
       scope undo
       scope redo
       scope help
[64]
$ scope extents gone
scope: gone: No such file or directory
[1]
`);
});
