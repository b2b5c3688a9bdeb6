import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { sharedPieces } from '../../../../src/engine/shell/commands/scope-sharing.ts';
import { ApfsMachine } from './apfs-machine.ts';
import { Bench, expectTranscript } from './bench.ts';

/**
 * Goal: the commands for containers, volumes and snapshots print what macOS's print, hand the machine what was asked
 * for, and refuse with a sentence. Method: transcripts against a machine that only remembers; apfs-real.test.ts has the
 * real one.
 */
const benchOf = (fake: ApfsMachine) => {
  const bench = new Bench(COMMANDS, [{ label: 'Data', rootMode: 0o755 }]);
  bench.machine = fake.machine;
  return bench;
};

const TWO = [
  { label: 'Data', mountPoint: '/Volumes/Data', role: 'Data', quotaBytes: 500_000_000 },
  {
    label: 'A name longer than the column is',
    isCaseSensitive: true,
    reserveBytes: 4096,
    consumedBytes: 1e8,
  },
];

describe('diskutil', () => {
  test('list and apfs list', () => {
    const fake = new ApfsMachine(TWO);
    fake.volumes[0]?.snapshots.push({ name: 'before', xid: 7, mountPoint: '/Volumes/before' });
    expectTranscript(
      benchOf(fake),
      `
$ diskutil list
/dev/disk1 (disk image):
   #:                       TYPE NAME                    SIZE       IDENTIFIER
   0:      GUID_partition_scheme                        +1.1 GB     disk1
   1:                 Apple_APFS Container disk2         1.0 GB     disk1s1

/dev/disk2 (synthesized):
   #:                       TYPE NAME                    SIZE       IDENTIFIER
   0:      APFS Container Scheme -                      +1.0 GB     disk2
                                 Physical Store disk1s1
   1:                APFS Volume Data                    2.0 MB     disk2s1
   2:              APFS Snapshot before                  2.0 MB     disk2s1s1
   3:                APFS Volume A name longer than t... 100.0 MB   disk2s2

$ diskutil apfs list
APFS Container (1 found)
|
+-- Container disk2 11111111-0000-4000-8000-000000000001
    ====================================================
    APFS Container Reference:     disk2
    Size (Capacity Ceiling):      1000000000 B (1.0 GB)
    Capacity In Use By Volumes:   102000000 B (102.0 MB) (10.2% used)
    Capacity Not Allocated:       898000000 B (898.0 MB) (89.8% free)
    |
    +-< Physical Store disk1s1 22222222-0000-4000-8000-000000000001
    |   -----------------------------------------------------------
    |   APFS Physical Store Disk:   disk1s1
    |   Size:                       1000000000 B (1.0 GB)
    |
    +-> Volume disk2s1 33333333-0000-4000-8000-000000000001
    |   ---------------------------------------------------
    |   APFS Volume Disk (Role):   disk2s1 (Data)
    |   Name:                      Data (Case-insensitive)
    |   Mount Point:               /Volumes/Data
    |   Capacity Consumed:         2000000 B (2.0 MB)
    |   Capacity Quota:            500000000 B (500.0 MB)
    |   Sealed:                    No
    |   FileVault:                 No
    |   |
    |   Snapshot:                  44444444-0000-4000-8000-000000000007
    |   Snapshot Disk:             disk2s1s1
    |   Snapshot Mount Point:      /Volumes/before
    |
    +-> Volume disk2s2 33333333-0000-4000-8000-000000000002
        ---------------------------------------------------
        APFS Volume Disk (Role):   disk2s2 (No specific role)
        Name:                      A name longer than the column is (Case-sensitive)
        Mount Point:               Not Mounted
        Capacity Consumed:         100000000 B (100.0 MB)
        Capacity Reserve:          4096 B (4.1 KB)
        Sealed:                    No
        FileVault:                 No
$ diskutil apfs list disk7
Could not find disk: disk7
[1]
`,
    );
  });

  test('apfs addVolume, deleteVolume, eraseVolume, changeVolumeRole', () => {
    const fake = new ApfsMachine();
    expectTranscript(
      benchOf(fake),
      `
$ diskutil apfs addVolume disk2 APFS Steam -quota 512m -role D
Will export new APFS Volume "Steam" from APFS Container Reference disk2
Started APFS operation on disk2
Preparing to add APFS Volume to APFS Container disk2
Creating APFS Volume
Created new APFS Volume disk2s2
Mounting APFS Volume
Setting volume permissions
Disk from APFS operation: disk2s2
Finished APFS operation on disk2
$ diskutil apfs addVolume disk1s1 'Case-sensitive APFS' Other -nomount
Will export new APFS (Case-sensitive) Volume "Other" from APFS Container Reference disk2
Started APFS operation on disk2
Preparing to add APFS Volume to APFS Container disk2
Creating APFS Volume
Created new APFS Volume disk2s3
Disk from APFS operation: disk2s3
Finished APFS operation on disk2
$ diskutil apfs changeVolumeRole disk2s3 0
Started APFS operation on disk2s3
Finished APFS operation on disk2s3
$ diskutil apfs eraseVolume disk2s2 -name Fresh
Started erase on disk2s2 (Steam)
Preparing to erase APFS Volume content
Erasing APFS Volume disk2s2 by deleting and re-adding
Deleting APFS Volume from its APFS Container
Unmounting disk2s2
Deleting Volume
Preparing to add APFS Volume to APFS Container disk2
Creating APFS Volume
Created new APFS Volume disk2s3
Mounting APFS Volume
Setting volume permissions
Finished erase on disk2s3 (Fresh)
$ diskutil apfs deleteVolume disk2s1
Started APFS operation
Deleting APFS Volume from its APFS Container
Deleting Volume
Finished APFS operation
`,
    );
    expect(fake.log).toEqual([
      `add to disk2 {"label":"Steam","isCaseSensitive":false,"quotaBytes":536870912,"role":"Data"}`,
      'mount disk2s2 to write',
      `add to disk2 {"label":"Other","isCaseSensitive":true}`,
      `role disk2s3 ''`,
      'unmount disk2s2',
      'delete disk2s2',
      `add to disk2 {"label":"Fresh","isCaseSensitive":false,"role":"Data","quotaBytes":536870912,"reserveBytes":0}`,
      'mount disk2s3 to write',
      'delete disk2s1',
    ]);
  });

  test('what does not fit is refused with a sentence, and nothing happens', () => {
    const fake = new ApfsMachine();
    expectTranscript(
      benchOf(fake),
      `
$ diskutil apfs addVolume disk2 JHFS+ X
JHFS+ is not an APFS format: APFS or "Case-sensitive APFS"
[1]
$ diskutil apfs addVolume disk2 APFS X -quota much
much is not a size: give a number and k, m, g or t, such as 512m
[1]
$ diskutil apfs addVolume disk2 APFS X -quota
Usage:  diskutil apfs addVolume containerReferenceDevice format name [-reserve size] [-quota size] [-role role] [-nomount | -mountpoint path]
[1]
$ diskutil apfs addVolume disk9 APFS X
Could not find disk: disk9
[1]
$ diskutil apfs deleteVolume disk1s1
disk1s1 is not an APFS Volume
[1]
$ diskutil apfs resizeContainer disk2 large
large is not a size: give a number and k, m, g or t, such as 20g, 0 for all the room there is, or "limits"
[1]
$ diskutil apfs resizeContainer disk2 10g
Started APFS operation
Aligning grow delta to 9,737,418,240 bytes and targeting a new container size of 10,737,418,240 bytes
Determined the maximum size for the APFS Container to be 2,000,000,000 bytes
Error resizing APFS Container disk2: The new size is larger than the partition map has room for
[1]
$ diskutil apfs resizeContainer disk2 100m
Started APFS operation
Aligning shrink delta to 895,142,400 bytes and targeting a new container size of 104,857,600 bytes
Determined the minimum size for the APFS Container to be 500,000,000 bytes
Error: -69521: Your APFS Container resize request is below the APFS-system-imposed minimal container size (perhaps caused by APFS Snapshot usage by Time Machine)
The new size is smaller than 500,000,000 bytes: a snapshot is in the way; delete it
[1]
$ diskutil apfs encryptVolume disk2s1
diskutil apfs encryptVolume is not built: nothing is encrypted here
[1]
$ diskutil apfs addVolme disk2
diskutil: did not recognize APFS verb "addVolme"; did you mean "addvolume"?; type "diskutil apfs" for a list
[1]
$ diskutil apfs resizeContainer disk1s1 limits
Limits for APFS Physical Store partition disk1s1:
  Current Physical Store partition size on map:   1.0 GB (1000000000 Bytes)
  Minimum (constrained by file/snapshot usage):   500.0 MB (500000000 Bytes)
  Maximum (constrained by partition map space):   2.0 GB (2000000000 Bytes)
$ diskutil eraseVolume JHFS+ X disk2s1
disk2s1 is a volume of a container and stays APFS: erase the whole store disk1s1 to make it JHFS+
[1]
`,
    );
    expect(fake.log).toEqual([]);
    fake.isBusy = true;
    expect(benchOf(fake).run('diskutil apfs deleteVolume disk2s1')).toMatchObject({
      exitCode: 1,
      stderr: 'Error deleting APFS Volume disk2s1: Resource busy (somebody is in the way)\n',
    });
  });

  test('snapshots', () => {
    const fake = new ApfsMachine([{ mountPoint: '/Volumes/Data' }]);
    const bench = benchOf(fake);
    expect(bench.run('diskutil apfs listSnapshots disk2s1').stdout).toBe('No snapshots for disk2s1\n');
    for (const name of ['com.apple.TimeMachine.2026-03-15-121124.local', 'mine']) {
      fake.machine.createSnapshot('disk2s1', name);
    }
    expectTranscript(
      bench,
      `
$ diskutil apfs listSnapshots /Volumes/Data
Snapshots for disk2s1 (2 found)
|
+-- 44444444-0000-4000-8000-000000000011
|   Name:        com.apple.TimeMachine.2026-03-15-121124.local
|   XID:         11
|   Purgeable:   Yes
|
+-- 44444444-0000-4000-8000-000000000012
    Name:        mine
    XID:         12
    Purgeable:   No
$ diskutil apfs deleteSnapshot disk2s1 -name no
Could not find APFS Snapshot no on APFS Volume disk2s1
[1]
$ diskutil apfs deleteSnapshot disk2s1 -xid 11
Deleting APFS Snapshot 44444444-0000-4000-8000-000000000011 "com.apple.TimeMachine.2026-03-15-121124.local" from APFS Volume disk2s1
Started APFS operation
Finished APFS operation
$ diskutil apfs deleteSnapshot disk2s1 mine
Usage:  diskutil apfs deleteSnapshot volumeDevice|mountPoint -uuid uuid | -xid xid | -name name
[1]
`,
    );
    expect(fake.volumes[0]?.snapshots.map(({ name }) => name)).toEqual(['mine']);
  });

  test('mounting by name of a volume or snapshot, unmounting all of a disk', () => {
    const fake = new ApfsMachine([{ label: 'One' }, { label: 'Two' }]);
    fake.machine.createSnapshot('disk2s1', 's');
    expectTranscript(
      benchOf(fake),
      `
$ diskutil mountDisk disk1
Volume(s) mounted successfully
$ diskutil unmount /Volumes/Two
Volume Two on disk2s2 unmounted
$ diskutil unmountDisk disk1
Unmount of all volumes on disk1 was successful
`,
    );
    expect(fake.log.slice(1)).toEqual([
      'mount disk2s1 to write',
      'mount disk2s2 to write',
      'unmount disk2s2',
      'unmount disk2s1',
    ]);
  });

  test('repair takes every volume of the container out and in again', () => {
    const fake = new ApfsMachine([{ mountPoint: '/Volumes/a' }, { mountPoint: '/Volumes/b' }]);
    expect(benchOf(fake).run('diskutil repairVolume disk2s1').stdout).toContain(
      'Performing fsck_apfs -y /dev/rdisk2s1\n',
    );
    expect(fake.log).toEqual([
      'unmount disk2s1',
      'unmount disk2s2',
      'fsck disk2s1 repair',
      'mount disk2s2 to write',
      'mount disk2s1 to write',
    ]);
  });
});

describe('tmutil', () => {
  test('takes, lists, deletes and thins', () => {
    const fake = new ApfsMachine([{ mountPoint: '/Volumes/Data' }, { mountPoint: null }]);
    fake.machine.createSnapshot('disk2s1', 'com.apple.TimeMachine.2024-01-01-000000.local');
    fake.machine.createSnapshot('disk2s1', 'by hand');
    fake.log.length = 0;
    const bench = benchOf(fake);
    const taken = bench.run('tmutil localsnapshot').stdout;
    expect(taken).toMatch(
      /^NOTE: local snapshots are considered purgeable .*\nCreated local snapshot with date: \d{4}-\d\d-\d\d-\d{6}\n$/,
    );
    const date = taken.slice(-18, -1);
    expect(fake.log).toEqual([`snapshot disk2s1 com.apple.TimeMachine.${date}.local`]);
    expectTranscript(
      bench,
      `
$ tmutil listlocalsnapshots /Volumes/Data
Snapshots for disk /Volumes/Data:
com.apple.TimeMachine.2024-01-01-000000.local
by hand
com.apple.TimeMachine.${date}.local
$ tmutil listlocalsnapshotdates
Snapshot dates for all disks:
2024-01-01-000000
${date}
$ tmutil deletelocalsnapshots 2024-01-01-000000
Deleted local snapshot '2024-01-01-000000'
$ tmutil deletelocalsnapshots 2024-01-01-000000
tmutil: there is no local snapshot of 2024-01-01-000000
[1]
$ tmutil thinlocalsnapshots /Volumes/Data 1g 5
${bench.run('tmutil').stderr.trimEnd()}
[64]
$ tmutil thinlocalsnapshots /Volumes/Data 1g 4
Thinned local snapshots:
${date}
$ tmutil listlocalsnapshots /Volumes/Data
Snapshots for disk /Volumes/Data:
by hand
$ tmutil listlocalsnapshots /dev
tmutil: /dev: no snapshots are kept on this volume; they need APFS
[1]
`,
    );
  });

  test('thins the oldest first and stops when enough is free', () => {
    const fake = new ApfsMachine([{ mountPoint: '/Volumes/Data' }]);
    for (const day of [1, 2, 3]) {
      fake.machine.createSnapshot('disk2s1', `com.apple.TimeMachine.2024-01-0${day}-000000.local`);
    }
    // The first frees 1.1 MB.
    const thinned = benchOf(fake).run('tmutil thinlocalsnapshots /Volumes/Data 1200000');
    expect(thinned.stdout).toBe('Thinned local snapshots:\n2024-01-01-000000\n2024-01-02-000000\n');
    expect(fake.volumes[0]?.snapshots).toHaveLength(1);
  });
});

describe('newfs_apfs, fsck_apfs, mount_apfs, apfs_systemsnapshot', () => {
  test('newfs_apfs', () => {
    const fake = new ApfsMachine();
    expectTranscript(
      benchOf(fake),
      `
$ newfs_apfs -e -v Work -q 100m -R data disk1s1
$ newfs_apfs -A -v More -r 8m disk2
$ newfs_apfs -b 8192 disk1s1
newfs_apfs: 8192: bad block size: APFS here has blocks of 4096 bytes
[1]
$ newfs_apfs -q lots disk1s1
newfs_apfs: lots: bad size: a number and k, m or g, such as 512m
[1]
$ newfs_apfs -E disk1s1
newfs_apfs: -E is not simulated
[1]
$ newfs_apfs disk2s1
newfs_apfs: disk2s1 is in the container on disk1s1: newfs_apfs -A disk2 adds a volume, newfs_apfs disk1s1 makes a new container
[1]
$ newfs_apfs -A disk9
newfs_apfs: disk9: no APFS container is there
[1]
`,
    );
    expect(fake.log).toEqual([
      'newfs disk1s1 apfs Work {"case-sensitive":"yes","quota":"100m","role":"data"}',
      'add to disk2 {"label":"More","isCaseSensitive":false,"role":"","quotaBytes":0,"reserveBytes":8388608}',
    ]);
  });

  test('newfs_apfs leaves a container alone of which something is mounted', () => {
    const fake = new ApfsMachine([{}, { mountPoint: '/Volumes/x' }]);
    expect(benchOf(fake).run('newfs_apfs disk1s1')).toMatchObject({
      exitCode: 1,
      stderr: 'newfs_apfs: disk2s2 of /dev/rdisk1s1 is mounted on /Volumes/x\n',
    });
    expect(fake.log).toEqual([]);
  });

  test('fsck_apfs: exit codes, and warnings with -W', () => {
    const fake = new ApfsMachine();
    const bench = benchOf(fake);
    const finding = { kind: 'orphan', message: 'x', block: 0, isRepaired: false };
    expect(bench.run('fsck_apfs -n disk2')).toMatchObject({
      exitCode: 0,
      stdout: '** Checking the container superblock.\n',
    });
    fake.report = { ...fake.report, findings: [{ ...finding, severity: 'warning' }] };
    expect(bench.run('fsck_apfs -n disk2s1').exitCode).toBe(0);
    expect(bench.run('fsck_apfs -nW disk1s1').exitCode).toBe(8);
    fake.report = { ...fake.report, findings: [{ ...finding, kind: 'dirty', severity: 'error' }] };
    expect(bench.run('fsck_apfs -n disk1s1').exitCode).toBe(8);
    expect(bench.run('fsck_apfs -q disk1s1')).toMatchObject({
      exitCode: 3,
      stdout: 'QUICKCHECK ONLY; FILESYSTEM DIRTY\n',
    });
    expect(bench.run('fsck_apfs disk1s1', { stdin: 'n\n' }).stdout).toMatch(/REPAIR\? \[yn\] $/);
    expect(bench.run('fsck_hfs disk1s1')).toMatchObject({
      exitCode: 8,
      stderr: 'fsck_hfs: /dev/rdisk1s1 holds apfs, not an HFS+ volume; take fsck_apfs\n',
    });
    expect(fake.log).not.toContain('fsck disk1s1 repair');
  });

  test('mount_apfs -s and apfs_systemsnapshot', () => {
    const fake = new ApfsMachine([{ mountPoint: '/Volumes/Data' }]);
    const bench = benchOf(fake);
    fake.machine.createSnapshot('disk2s1', 's');
    bench.process.mkdir('past');
    fake.log.length = 0;
    expectTranscript(
      bench,
      `
$ mount_apfs -s s /Volumes/Data past
$ mount_apfs -s gone disk2s1 past
mount_apfs: disk2s1 on /Volumes/Data/past: No such file or directory (there is no snapshot of that name)
[1]
$ mount_apfs disk2s1
usage: mount_apfs [-o options] special mount_point
       mount_apfs [-o options] -s snapshot special | volume mount_point
[64]
$ apfs_systemsnapshot -r s -v /Volumes/Data
$ apfs_systemsnapshot -s s -v /Volumes/Data
apfs_systemsnapshot: -s is not simulated: no machine starts from this disk
[1]
`,
    );
    expect(fake.log).toEqual([
      'mount disk2s1 to read s',
      'mount disk2s1 to read gone',
      'revert /Volumes/Data s',
    ]);
  });
});

describe('scope', () => {
  test('snapshot', () => {
    const fake = new ApfsMachine([{ mountPoint: '/Volumes/Data' }]);
    expectTranscript(
      benchOf(fake),
      `
$ scope snapshot list
disk2s1 has no snapshots
$ scope snapshot create before
Took the snapshot before
$ scope snapshot create before
scope: before: File exists
[1]
$ scope snapshot rename before after
Renamed the snapshot before to after
$ scope snapshot list
  transaction  taken                holds on to  frees alone  mounted on  name
           11  1970-01-12 00:00:00  3.0 MB       1.1 MB                   after
$ scope snapshot revert gone disk2s1
scope: gone: No such file or directory (there is no snapshot of that name)
[1]
$ scope snapshot revert after
The volume is what it was at the snapshot after; what came later is gone
$ scope snapshot delete after disk2s1
Deleted the snapshot after
$ scope snapshot list /dev
scope: /dev: no snapshots are kept there; they need an APFS volume
[1]
`,
    );
    expect(benchOf(fake).run('scope snapshot create').exitCode).toBe(64);
    expect(benchOf(fake).run('scope snapshot toString x').exitCode).toBe(64);
  });

  test('shared pieces: where two lists of extents lie on the same bytes', () => {
    const extent = (fileOffsetBytes: number, deviceOffsetBytes: number, lengthBytes: number) => ({
      ...{ fileOffsetBytes, deviceOffsetBytes, lengthBytes },
    });
    const first = [extent(0, 1000, 300), extent(300, 5000, 100), extent(400, 100, 50)];
    const second = [extent(0, 120, 10), extent(10, 1100, 1000), extent(1010, 5050, 10)];
    expect(sharedPieces(first, second)).toEqual([
      { firstOffsetBytes: 420, secondOffsetBytes: 0, deviceOffsetBytes: 120, lengthBytes: 10 },
      { firstOffsetBytes: 100, secondOffsetBytes: 10, deviceOffsetBytes: 1100, lengthBytes: 200 },
      { firstOffsetBytes: 350, secondOffsetBytes: 1010, deviceOffsetBytes: 5050, lengthBytes: 10 },
    ]);
    expect(sharedPieces(first, [])).toEqual([]);
  });
});

describe('files', () => {
  const CLONING = {
    hasClones: true,
    hasSpecialFiles: true,
    hasSparseFiles: true,
    hasExtendedAttributes: true,
  };

  test('cp -c clones, unlinks what is in the way, and copies where cloning is not supported', () => {
    const bench = new Bench(COMMANDS, [
      { label: 'ONE', ...CLONING },
      { label: 'TWO', rootMode: 0o777 },
    ]);
    bench.write('a', 'contents');
    bench.process.chmod('a', 0o640);
    bench.write('b', 'in the way');
    const inode = bench.process.stat('b').inode;
    expectTranscript(
      bench,
      `
$ cp -cv a b
a -> b
$ cp -c a /Volumes/TWO/x
cp: /Volumes/TWO/x: clonefile failed: Cross-device link
[1]
$ mkdir -p d/e
$ cp a d/e/f
$ cp -Rc d whole
$ ls -R whole
e

whole/e:
f
$ cp -c d y
cp: d is a directory (not copied).
[1]
`,
    );
    expect(bench.read('b')).toBe('contents');
    expect(bench.process.stat('b').inode).not.toBe(inode);
    expect(bench.process.stat('b').mode & 0o777).toBe(0o640);
    expect(bench.read('whole/e/f')).toBe('contents');
    bench.process.chdir('/Volumes/TWO');
    bench.write('p', 'plain');
    expectTranscript(bench, '$ cp -c p q');
    expect(bench.read('q')).toBe('plain');
  });

  test('mkfifo and mknod make what ls, stat, cp and rm know', () => {
    const bench = new Bench(COMMANDS, [{ label: 'ONE', ...CLONING }]);
    expectTranscript(
      bench,
      `
$ mkfifo pipe
$ mkfifo -m 600 pipe other
mkfifo: pipe: File exists
[1]
$ mkfifo
usage: mkfifo [-m mode] fifo_name ...
[1]
$ mknod tty c 16 3
mknod: tty: Operation not permitted
[1]
# mknod -m 620 tty c 16 3
# mknod disk b 0x1000005
# mknod x q
mknod: node type must be 'b', 'c' or 'p'.
[1]
# mknod x c 256 0
mknod: invalid major number
[1]
# mknod x c 1 many
mknod: invalid number: many
[1]
$ stat -f '%N %HT %Sp %r %Z' pipe other tty disk
pipe Fifo File prw-r--r-- 0 0
other Fifo File prw------- 0 0
tty Character Device crw--w---- 268435459 16,3
disk Block Device brw-r--r-- 16777221 1,5
# cp -R tty copy
# stat -f '%Sp %r' copy
crw------- 268435459
# rm copy
`,
    );
    expect(bench.run('ls -l tty').stdout).toMatch(/^crw--w----  1 root +wheel +0x10000003 /);
  });

  test('without special files on the volume', () => {
    const bench = new Bench(COMMANDS, [{}]);
    expectTranscript(bench, '$ mkfifo pipe\nmkfifo: pipe: Operation not supported\n[1]');
  });

  test('du counts a clone in full', () => {
    const bench = new Bench(COMMANDS, [{ ...CLONING }]);
    bench.write('a', new Uint8Array(8192).fill(1));
    bench.run('cp -c a b');
    expect(bench.run('du a b').stdout).toBe('16\ta\n16\tb\n');
  });
});
