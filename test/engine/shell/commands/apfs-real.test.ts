import { describe, expect, test } from 'vitest';
import { readPartitionMap } from '../../../../src/engine/device/partition-map.ts';
import { sparseImageFile } from '../../../support/formats.ts';
import { fsckApfs } from '../../../support/checkers.ts';
import { SessionBench } from './session-bench.ts';

/**
 * Goal: the commands of APFS do on a real container what they say, and apfsck finds it sound afterwards. Method:
 * transcripts on the whole machine; what depends on identifiers and times is matched, not spelt out.
 */
const MIB = 2 ** 20;
/** Without a partition map: the whole disk is the store, and the checker can be given it as it is. */
const newBench = (scheme: 'none' | 'gpt' = 'none', sizeBytes = 1024 * MIB) =>
  new SessionBench({ format: 'apfs', label: 'Data', scheme, sizeBytes });

/** Free and used 1K-blocks as df prints them. */
const space = (bench: SessionBench, path = '.') => {
  const [, row = ''] = bench.run(`df -k ${path}`).split('\n');
  const [, total, used, available] = row.split(/\s+/).map(Number);
  return { total: total ?? NaN, used: used ?? NaN, available: available ?? NaN };
};

const finish = (bench: SessionBench) => {
  bench.run('cd /');
  expect(bench.run('diskutil unmountDisk disk1')).toBe('Unmount of all volumes on disk1 was successful\n');
  expect(bench.run('fsck_apfs -nW disk1')).not.toMatch(/error|warning|\[\d+\]/i);
  expect(fsckApfs(sparseImageFile(bench.session.store))).toBe('');
};

test('diskutil list and info, mount and df know the container', () => {
  const bench = newBench('gpt');
  expect(bench.run('diskutil list')).toMatch(
    new RegExp(
      [
        '^/dev/disk1 \\(disk image\\):',
        '   #:                       TYPE NAME                    SIZE       IDENTIFIER',
        '   0:      GUID_partition_scheme                        \\+1.1 GB     disk1',
        '   1:                 Apple_APFS Container disk2         1.1 GB     disk1s1',
        '',
        '/dev/disk2 \\(synthesized\\):',
        '   #:                       TYPE NAME                    SIZE       IDENTIFIER',
        '   0:      APFS Container Scheme -                      \\+1.1 GB     disk2',
        '                                 Physical Store disk1s1',
        '   1:                APFS Volume Data                    \\d\\S* KB +disk2s1\n',
      ].join('\n'),
    ),
  );
  expect(bench.run('mount')).toContain(
    '/dev/disk2s1 on /Volumes/Data (apfs, local, nodev, nosuid, journaled)\n',
  );
  const info = bench.run('diskutil info disk2s1');
  expect(info).toMatch(/File System Personality: +APFS\n/);
  expect(info).toMatch(/Volume Used Space: +\d\d\.\d KB .*\n +Container Free Space: +1\.1 GB /);
  expect(info).toMatch(
    /\n\n {3}This disk is an APFS Volume\. {2}APFS Information:\n {3}APFS Container: +disk2\n/,
  );
  expect(bench.run('diskutil apfs list')).toMatch(/Capacity In Use By Volumes: +\d+ B .*% used\)\n/);
  expect(bench.run('diskutil verifyVolume disk2s1')).toMatch(/File system check exit code is 0\n/);
});

describe('volumes of one pool', () => {
  test('are added, share the space, change their role, are erased and deleted', () => {
    const bench = newBench();
    expect(bench.run("diskutil apfs addVolume disk2 'Case-sensitive APFS' Other -role B")).toMatch(
      /^Will export new APFS \(Case-sensitive\) Volume "Other" .*\n[^]*Disk from APFS operation: disk2s2\nFinished APFS operation on disk2\n$/,
    );
    const [before, beforeOther] = [space(bench), space(bench, '/Volumes/Other')];
    expect(beforeOther.available).toBe(before.available);
    bench.run('mkfile 100m film.mov');
    const [after, afterOther] = [space(bench), space(bench, '/Volumes/Other')];
    expect(afterOther.available).toBe(after.available);
    expect(after.used - before.used).toBeGreaterThanOrEqual(100 * 1024);
    expect(afterOther.used).toBe(beforeOther.used);
    expect(bench.run('cp -c film.mov /Volumes/Other/')).toBe(
      'cp: /Volumes/Other/film.mov: clonefile failed: Cross-device link\n[1]\n',
    );
    expect(bench.run('touch /Volumes/Other/a /Volumes/Other/A; ls /Volumes/Other')).toBe('A\na\n');
    expect(bench.run('diskutil apfs changeVolumeRole disk2s2 D')).not.toContain('[1]');
    expect(bench.run('diskutil apfs list')).toContain('disk2s2 (Data)');
    expect(bench.run('diskutil eraseVolume APFS Fresh /Volumes/Other')).toMatch(
      /Finished erase on disk2s2 \(Fresh\)\n$/,
    );
    expect(bench.run('ls /Volumes/Fresh; diskutil list disk2')).toContain('APFS Volume Fresh');
    expect(bench.run('diskutil apfs deleteVolume disk2s2')).toMatch(/Finished APFS operation\n$/);
    expect(bench.run('diskutil list disk2')).not.toContain('disk2s2');
    finish(bench);
  });

  test('a quota ends one volume, a reserve is kept from the others', () => {
    // A container holds one volume for each 512 MiB.
    const bench = newBench('none', 2048 * MIB);
    bench.run('diskutil apfs addVolume disk2 APFS Small -quota 8m');
    expect(bench.run('mkfile 16m /Volumes/Small/big')).toMatch(/No space left on device\n\[1\]\n$/);
    const before = space(bench).available;
    bench.run('diskutil apfs addVolume disk2 APFS Sure -reserve 200m');
    expect(before - space(bench).available).toBeGreaterThan(190 * 1024);
    finish(bench);
  });
});

describe('clones', () => {
  test('cp -c writes no contents; scope shared counts what both hold; du and df disagree', () => {
    const bench = newBench();
    bench.run('mkfile 40m a; cp -c a b');
    expect(bench.run('scope shared a b')).toMatch(
      /^a \(10,240 blocks\) and b \(10,240 blocks\) share 10,240 blocks of 4096 bytes\n/,
    );
    bench.run('dd if=/dev/random of=b bs=4096 count=1 seek=5 conv=notrunc status=none');
    expect(bench.run('scope shared a b')).toMatch(/share 10,239 blocks of 4096 bytes\n/);
    expect(bench.run('du -k a b')).toBe('40960\ta\n40960\tb\n');
    expect(space(bench).used).toBeLessThan(42 * 1024);
    expect(bench.run('mkdir d; mkfile 1m d/x; cp -Rc d e; scope shared d/x e/x')).toMatch(/share 256 blocks/);
    expect(bench.run('rm a; cmp b b 2>/dev/null; ls -l b')).toContain('41943040');
    expect(bench.run('mkfile 4k c; scope shared b c')).toMatch(/share nothing\n$/);
    finish(bench);
  });

  test('scope why tells what deleting one of them would free', () => {
    const bench = newBench();
    const freed = (path: string) =>
      bench
        .run(`scope why ${path}`)
        .split('\n')
        .find((line) => line.startsWith('Deleting it would free'));
    bench.run('mkfile 1m a; cp -c a b; mkfile 4k alone');
    expect(freed('alone')).toBe('Deleting it would free 1 block (4 KiB).');
    expect(freed('a')).toMatch(/would free 0 blocks[^:]*: \/b still holds all 256\.$/);
    bench.run('cp -c b c; dd if=/dev/random of=a bs=4096 count=1 conv=notrunc status=none');
    expect(freed('a')).toMatch(/would free 1 block[^:]*: .*\/b and \/c still hold 255 of its 256\.$/);
    bench.run('scope snapshot create s');
    expect(freed('alone')).toMatch(
      /would free 0 blocks[^:]*: the snapshot ‘s’ still holds its only block\.$/,
    );
    finish(bench);
  });

  test('holes, FIFOs and devices', () => {
    const bench = newBench();
    expect(bench.run('truncate -s 1g sparse; du -k sparse; ls -l sparse')).toMatch(
      /^0\tsparse\n.*1073741824/,
    );
    expect(bench.run('mkfifo pipe; sudo mknod null c 3 2; ls -l pipe null')).toMatch(
      /^crw-r--r-- {2}1 root {5}\S+ {2}0x3000002 .* null\nprw-r--r-- .* pipe\n$/,
    );
    expect(bench.run('cp -R pipe other; stat -f %HT other; rm pipe other null')).toBe('Fifo File\n');
    finish(bench);
  });
});

describe('snapshots', () => {
  test('are taken, listed, mounted beside the volume, and cannot go while mounted', () => {
    const bench = newBench();
    bench.run('echo old > notes; mkfile 20m film; mkdir past');
    expect(bench.run('scope snapshot create before')).toBe('Took the snapshot before\n');
    expect(bench.run('scope snapshot create before')).toMatch(/^scope: before: File exists .*\n\[1\]\n$/);
    expect(bench.run('scope snapshot create a/b')).toMatch(/^scope: a\/b: Invalid argument/);
    const held = space(bench).available;
    bench.run('echo new > notes; rm film');
    expect(Math.abs(space(bench).available - held)).toBeLessThan(1024);
    expect(bench.run('scope snapshot list')).toMatch(/\n +\d+ {2}.* (20|21)\.\d MB .*before\n$/);
    expect(bench.run('mount_apfs -s before /Volumes/Data past; cat past/notes notes')).toBe('old\nnew\n');
    expect(bench.run('mount')).toContain(
      'before@/dev/disk2s1 on /Volumes/Data/past (apfs, local, nodev, nosuid, read-only, journaled)\n',
    );
    expect(bench.run('diskutil list disk2')).toMatch(/\n {3}2: {14}APFS Snapshot before .* disk2s1s1\n\n$/);
    expect(bench.run('touch past/x')).toBe('touch: past/x: Read-only file system\n[1]\n');
    expect(bench.run('scope snapshot delete before')).toMatch(/^scope: before: Resource busy/);
    expect(bench.run('umount disk2s1s1')).toBe('');
    expect(bench.run('diskutil apfs deleteSnapshot disk2s1 -name before')).toMatch(
      /^Deleting APFS Snapshot [0-9A-F-]{36} "before" from APFS Volume disk2s1\n/,
    );
    expect(space(bench).available - held).toBeGreaterThan(19 * 1024);
    finish(bench);
  });

  test('fs_snapshot_mount leads through the machine, which knows the mount afterwards', () => {
    const bench = newBench();
    bench.run('echo old > notes; mkdir past; scope snapshot create s; echo new > notes');
    const root = bench.session.system.fork({ uid: 0, gid: 0 });
    root.fsSnapshotMount('/Volumes/Data', '/Volumes/Data/past', 's');
    root.exit();
    expect(bench.run('cat past/notes; diskutil unmount disk2s1s1')).toBe(
      'old\nVolume s on disk2s1s1 unmounted\n',
    );
    finish(bench);
  });

  test('tmutil takes and thins them', () => {
    const bench = newBench();
    bench.run('echo one > notes');
    expect(bench.run('tmutil localsnapshot')).toMatch(/Created local snapshot with date: \d{4}-.*\n$/);
    bench.run('sleep 2; echo two > notes; tmutil localsnapshot');
    expect(bench.run('tmutil listlocalsnapshots /Volumes/Data').split('\n')).toHaveLength(4);
    expect(bench.run('diskutil apfs listSnapshots disk2s1')).toMatch(/Purgeable: {3}Yes\n/);
    expect(bench.run('tmutil thinlocalsnapshots /Volumes/Data 1 4').split('\n').length).toBeGreaterThan(2);
    bench.run('tmutil deletelocalsnapshots /Volumes/Data');
    expect(bench.run('diskutil apfs listSnapshots disk2s1')).toBe('No snapshots for disk2s1\n');
    finish(bench);
  });

  test('going back loses what came later', () => {
    const bench = newBench();
    bench.run('mkdir d; cd d; echo one > notes; scope snapshot create first');
    bench.run('echo two > notes; touch later; scope snapshot create second');
    expect(bench.run('apfs_systemsnapshot -r first -v /Volumes/Data; cat notes; ls')).toBe('one\nnotes\n');
    expect(bench.run('diskutil apfs listSnapshots disk2s1')).toContain('(1 found)');
    finish(bench);
  });
});

test('newfs_apfs and diskutil make containers of what was something else', () => {
  const bench = new SessionBench({ format: 'hfsplus', sizeBytes: 64 * MIB, scheme: 'gpt', label: 'Old' });
  bench.run('cd /');
  expect(bench.run('diskutil eraseVolume APFS New disk1s1')).toMatch(/Finished erase on disk1s1 New\n$/);
  expect(bench.run('cd /Volumes/New; touch a; ls')).toBe('a\n');
  expect(bench.run('newfs_apfs disk1s1')).toBe(
    'newfs_apfs: disk2s1 of /dev/rdisk1s1 is mounted on /Volumes/New\n[1]\n',
  );
  bench.run('cd /; diskutil unmountDisk disk1');
  expect(bench.run('newfs_apfs -e -v Again disk1s1; mount disk2s1; ls /Volumes')).toMatch(/\nAgain\n$/);
  expect(bench.run('cd /; diskutil eraseDisk JHFS+ Back disk1')).toMatch(/Finished erase on disk1\n$/);
  expect(bench.run('diskutil list')).not.toContain('synthesized');
});

test('a raw container is not written while a volume of it is mounted', () => {
  const bench = newBench('gpt');
  for (const device of ['rdisk1s1', 'rdisk2', 'rdisk1']) {
    expect(bench.run(`dd if=/dev/zero of=/dev/${device} bs=4096 count=1 conv=notrunc`)).toMatch(
      /Resource busy/,
    );
  }
});

test('the checkpoint before can be mounted, for reading; older ones and a container in use are refused', () => {
  const bench = newBench();
  bench.run('echo one > notes.txt; echo two > notes.txt; cd /');
  const refused = bench.run('mount -o checkpoint=3 disk2s1 /Volumes');
  expect(refused).toContain('mounted already');
  bench.run('umount /Volumes/Data');
  const there = bench.run('mount -o checkpoint=999 disk2s1');
  const [newest = 0, before = 0] = /only ([\d, ]+)\)/.exec(there)?.[1]?.split(', ').map(Number) ?? [];
  expect(newest).toBe(before + 1);
  expect(bench.run(`mount -o checkpoint=${before} disk2s1; cat /Volumes/Data/notes.txt`)).toBe('two\n');
  expect(bench.run('echo new > /Volumes/Data/new')).toContain('Read-only file system');
  bench.run('umount /Volumes/Data');
  expect(bench.run('mount disk2s1; cat /Volumes/Data/notes.txt')).toBe('two\n');
  finish(bench);
});

test('data that nobody shares is overwritten in place if the mount says so, and is shared no less', () => {
  const bench = newBench();
  bench.run('cd /; umount /Volumes/Data; mount -o inplace,nodiscard disk2s1; cd /Volumes/Data');
  bench.run('mkfile 64k film.mov');
  const extents = bench.run('scope extents film.mov');
  const overwrite = (name: string) =>
    bench.run(`dd if=/dev/random of=${name} bs=4k count=1 seek=3 conv=notrunc status=none`);
  overwrite('film.mov');
  expect(bench.run('scope extents film.mov')).toBe(extents);
  bench.run('cp -c film.mov clone.mov');
  overwrite('clone.mov');
  expect(bench.run('scope extents film.mov')).toBe(extents);
  expect(bench.run('scope extents clone.mov').split('\n').length).toBeGreaterThan(extents.split('\n').length);
  finish(bench);
});

describe('a container gets another size', () => {
  test('and its partition with it, mounted and with a snapshot', () => {
    const bench = newBench('gpt');
    bench.run('mkfile 20m kept; cp -c kept clone; tmutil localsnapshot; rm clone');
    const before = space(bench);
    expect(bench.run('diskutil apfs resizeContainer disk2 300m')).toMatch(
      new RegExp(
        [
          '^Started APFS operation',
          'Aligning shrink delta to 757,071,872 bytes and targeting a new container size of 314,572,800 bytes',
          'Determined the minimum size for the APFS Container to be [\\d,]+ bytes',
          'Resizing APFS Container designated by APFS Container Reference disk2',
          'The specific APFS Physical Store being resized is disk1s1',
          'Verifying storage system',
          'Using live mode',
          'Performing fsck_apfs -n -x -l /dev/disk1s1',
          '[^]*Storage system check exit code is 0',
          'Shrinking APFS Physical Store disk1s1 by 757,071,872 bytes',
          'Shrinking APFS data structures',
          'Modifying partition map',
          'Finished APFS operation\n$',
        ].join('\n'),
      ),
    );
    expect(bench.run('diskutil list')).toMatch(/1: +Apple_APFS Container disk2 +314\.6 MB +disk1s1\n/);
    expect(space(bench).total).toBe(300 * 1024);
    expect(bench.run('diskutil apfs resizeContainer disk2 0')).toMatch(
      /\nGrowing APFS Physical Store disk1s1 from 314,572,800 to 1,071,644,672 bytes\nModifying partition map\nGrowing APFS data structures\nFinished APFS operation\n$/,
    );
    expect(space(bench)).toMatchObject({ total: before.total });
    expect(bench.run('cmp kept kept 2>&1; ls -l kept')).toMatch(/ 20971520 /);
    // The copy of the map is as good as the map.
    const { store } = bench.session;
    const { partitions, problems } = readPartitionMap(store);
    expect(problems).toEqual([]);
    const [first] = partitions;
    store.write(1, new Uint8Array(512), { role: 'partition', owner: '', reason: 'damage done by the test' });
    expect(readPartitionMap(store).partitions).toEqual([first]);
  });

  test('smaller than where its blocks lie, unless a snapshot holds them there', () => {
    const bench = newBench();
    // In one chunk, where files lie in the order in which they were made.
    bench.run('diskutil apfs resizeContainer disk1 120m; mkfile 80m early; mkfile 3m kept');
    bench.run('cp -c kept clone; rm early');
    const sum = bench.run('cat kept clone | md5');
    const blocks = bench.run('scope extents kept');
    expect(bench.run('diskutil apfs resizeContainer disk1 64m')).toMatch(/Finished APFS operation\n$/);
    expect(bench.run('scope extents kept')).not.toBe(blocks);
    expect(bench.run('cat kept clone | md5')).toBe(sum);
    bench.run('diskutil apfs resizeContainer disk2 120m; mkfile 60m early; mkfile 10m pinned');
    bench.run('rm early; tmutil localsnapshot; rm pinned');
    expect(bench.run('diskutil apfs resizeContainer disk2 64m')).toMatch(
      /\nError: -69521: Your APFS Container resize request is below the APFS-system-imposed minimal container size \(perhaps caused by APFS Snapshot usage by Time Machine\)\nThe new size is smaller than [\d,]+ bytes: snapshot '[^']+' of volume '[^']+' holds blocks up to there, which are not moved; delete the snapshot\n/,
    );
    // What it says to try works.
    bench.run('tmutil deletelocalsnapshots .');
    expect(bench.run('diskutil apfs resizeContainer disk2 64m')).toMatch(/Finished APFS operation\n$/);
    finish(bench);
  });

  test('on a disk without a map as far as the disk goes', () => {
    const bench = newBench();
    bench.run('mkfile 5m kept');
    expect(bench.run('diskutil apfs resizeContainer disk1 64m')).toMatch(
      /data structures\nFinished APFS operation\n$/,
    );
    expect(bench.run('diskutil apfs resizeContainer disk2 limits')).toMatch(
      /on map: +67\.1 MB \(67108864 Bytes\)\n.*\n.*: +1\.1 GB \(1073741824 Bytes\)\n$/,
    );
    expect(bench.run('mkfile 100m more')).toMatch(/No space left/);
    bench.run('rm more');
    expect(bench.run('diskutil apfs resizeContainer disk2 0')).toMatch(/Finished APFS operation\n$/);
    expect(bench.run('mkfile 100m more')).toBe('');
    finish(bench);
  });
});

test('files of exabytes: truncate, ls, stat, du, dd and scope count them to the last byte', () => {
  const bench = newBench();
  expect(bench.run('truncate -s 7e f; truncate -s 9223372036854771712 g; ls -l f g')).toMatch(
    / 8070450532247928832 .* f\n.* 9223372036854771712 .* g\n$/,
  );
  expect(bench.run('stat -f %z g; du g; wc -c < g')).toBe(
    '9223372036854771712\n0\tg\n 9223372036854771712\n',
  );
  expect(bench.run('truncate -s 8e f')).toBe("truncate: invalid size argument `8e'\n[1]\n");
  expect(bench.run('truncate -s 9007199254740993 f')).toMatch(/invalid size argument/);
  expect(bench.run('truncate -s 9007199254740994 f')).toMatch(/f: File too large/);
  expect(bench.run('truncate -s +1 g')).toMatch(/File too large/);
  expect(bench.run('printf %4096s x | dd of=f bs=4096 seek=1125899906842624 conv=notrunc 2>&1')).toMatch(
    /4096 bytes/,
  );
  expect(bench.run('stat -f %z f; du -k f')).toBe('8070450532247928832\n4\tf\n');
  expect(bench.run('dd if=f bs=4096 skip=1125899906842624 count=1 2>/dev/null | tail -c 2')).toBe(' x');
  expect(bench.run('scope extents f')).toContain('4611686018427387904');
  expect(bench.run('rm f g')).toBe('');
  finish(bench);
});
