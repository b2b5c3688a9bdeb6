import { describe, expect, test } from 'vitest';
import { bench } from './bench.ts';

/** Goal: disks, slices and mounts follow what commands do to them, and go back with everything else. */

const stateOf = ({ session }: ReturnType<typeof bench>) => {
  const { scheme, volume } = session.views.disk();
  return [scheme, volume?.mountPoint ?? null, session.directory];
};

describe('mounting', () => {
  test('a volume in use is busy; outside it can be taken out, and the disk says why nothing is shown', () => {
    const machine = bench();
    const { session, run } = machine;
    expect(run('umount /dev/disk1')).toContain('Resource busy');
    expect(run('cd /; umount /dev/disk1; mount')).not.toContain('disk1');
    expect(stateOf(machine)).toEqual(['none', null, '/']);
    expect(session.views.disk().problem).toContain('disk1 is not mounted');
    expect(() => session.views.directory('/', { offset: 0, countMax: 1 })).toThrow('disk1 is not mounted');
    expect(run('diskutil list')).toContain('BENCH');
    expect(run('diskutil mount disk1 && cd /Volumes/BENCH && echo hi > a && ls')).toContain('a\n');
    expect(session.views.disk()).toMatchObject({ problem: null, volume: { label: 'BENCH' } });
  });

  test('read-only means EROFS, and unmounting is undone like anything else', () => {
    const machine = bench();
    const { session, run } = machine;
    run('echo one > a');
    const { volume } = session.views.disk();
    expect(
      run('cd /; umount /dev/disk1; diskutil mount readOnly disk1; echo x > /Volumes/BENCH/b'),
    ).toContain('Read-only file system');
    expect(session.views.disk().volume?.isReadOnly).toBe(true);
    session.undo();
    expect(session.views.disk().volume).toEqual(volume);
    expect(run('echo two > b; cat b')).toBe('two\n');
  });

  test('a volume that was renamed keeps its place, also after going back and forth', () => {
    const machine = bench();
    const { session, run } = machine;
    run('mkdir d; cd d');
    run('diskutil rename /Volumes/BENCH OTHER');
    expect(session.views.disk().volume?.label).toBe('OTHER');
    run('echo x > x');
    session.undo();
    expect(session.directory).toBe('/Volumes/BENCH/d');
    session.undo();
    expect(session.views.disk().volume?.label).toBe('BENCH');
    session.redo();
    expect(session.views.disk().volume?.label).toBe('OTHER');
  });

  test('checking a mounted volume for repair is refused, looking is not', () => {
    const { run } = bench();
    expect(run('fsck_msdos -y disk1; echo $?')).toMatch(/busy|mounted/i);
    expect(run('fsck_msdos -n disk1')).toContain('Phase 1');
    expect(run('cd /; umount /dev/disk1; fsck_msdos -y disk1; echo $?')).toMatch(/\n0\n$/);
  });
});

describe('making disks anew', () => {
  test('eraseDisk writes a map, mounts the new volume, moves the shell into it, and is undone', () => {
    const machine = bench({ scheme: 'gpt' });
    const { session, run } = machine;
    run('echo precious > a');
    const before = session.imageHash();
    expect(run('diskutil eraseDisk FAT32 NEW MBRFormat disk1')).toContain('Finished erase on disk1');
    expect(stateOf(machine)).toEqual(['mbr', '/Volumes/NEW', '/Volumes/NEW']);
    expect(run('ls; ls /dev | grep disk')).toBe('disk1\ndisk1s1\nrdisk1\nrdisk1s1\n');
    expect(session.views.regions({ offset: 0, countMax: 1 }).regions[0]?.role).toBe('partition');
    session.seek({ step: 1 });
    expect([session.imageHash(), stateOf(machine)]).toEqual([
      before,
      ['gpt', '/Volumes/BENCH', '/Volumes/BENCH'],
    ]);
    expect(run('cat a')).toBe('precious\n');
  });

  test('newfs_msdos on the whole disk leaves no map behind', () => {
    const machine = bench({ scheme: 'gpt' });
    const { session, run } = machine;
    expect(run('newfs_msdos /dev/rdisk1')).toMatch(/busy|mounted/i);
    run('cd /; umount /dev/disk1s1; newfs_msdos -v WHOLE /dev/rdisk1; ls /dev');
    expect(session.views.disk().scheme).toBe('none');
    expect(run('ls /dev | grep disk')).toBe('disk1\nrdisk1\n');
    expect(run('diskutil mount disk1')).toContain('WHOLE');
  });

  test.each(['gpt', 'mbr', 'none'] as const)(
    'with scheme %s everything is at blocks of the whole disk',
    (scheme) => {
      const { session, run } = bench({ scheme });
      run('echo "find me" > needle');
      const { extentFirstBlocks } = session.views.file('/needle');
      const { bytes, annotation, before } = session.views.block(extentFirstBlocks[0] ?? 0);
      expect(new TextDecoder().decode(bytes.subarray(0, 8))).toBe('find me\n');
      expect(before?.every((byte) => byte === 0)).toBe(true);
      expect(annotation).toMatchObject({ role: 'data', owner: '/needle' });
      const [boot] = session.views.structures(null, { offset: 0, countMax: 1 }).nodes;
      expect(boot?.deviceOffsetBytes).toBe((session.views.disk().volume?.firstBlock ?? 0) * 512);
      const { regions, total } = session.views.regions({ offset: 0, countMax: 1000 });
      expect(total).toBe(regions.length);
      let end = 0;
      for (const { firstBlock, blockCount } of regions) {
        expect(firstBlock).toBe(end);
        end += blockCount;
      }
      expect(end).toBe(session.store.blockCount);
      expect(
        session.views.map({ firstBlock: 0, blockCount: end, cellsMax: 500 }).written.some((bit) => bit === 1),
      ).toBe(true);
      expect(run('scope extents needle')).toContain(String((extentFirstBlocks[0] ?? 0) * 512));
    },
  );
});

describe('devices that are not there', () => {
  test.each([
    'diskutil info disk7',
    'diskutil mount disk1s4',
    'diskutil eraseDisk FAT32 X disk2',
    'fsck_msdos disk9',
  ])('%s fails with a sentence', (line) => {
    const { session, run } = bench();
    expect(run(line)).toMatch(/disk\d/);
    expect(session.timeline().steps[1]?.exitCode).not.toBe(0);
  });
});
