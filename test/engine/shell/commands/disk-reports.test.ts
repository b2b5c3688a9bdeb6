import { describe, expect, test } from 'vitest';
import { SessionBench } from './session-bench.ts';

/** Goal: what the machine reports reaches the terminal, in the layout of the tools; the sentences are its own affair. */

const ZERO_FIRST_FAT_SECTOR =
  'dd if=/dev/zero of=/dev/rdisk1s1 bs=512 seek=32 count=1 conv=notrunc status=none';
const ZERO_BOOT_SECTOR = 'dd if=/dev/zero of=/dev/rdisk1s1 bs=512 count=1 conv=notrunc status=none';

const damaged = (...lines: string[]) => {
  const bench = new SessionBench();
  for (const line of ['echo hello > a; mkdir d; cd /; umount disk1s1', ...lines]) {
    expect(bench.run(line)).toBe('');
  }
  return bench;
};

describe('fsck_msdos', () => {
  test('-n finds, repairs nothing and says so in its exit code', () => {
    const bench = damaged(ZERO_FIRST_FAT_SECTOR);
    const first = bench.run('fsck_msdos -n disk1s1');
    expect(first).toMatch(/^\*\* \/dev\/rdisk1s1\n\*\* Phase 1 - Preparing FAT\nFAT .*\nFix\? no\n/);
    expect(first).toMatch(/\[8\]\n$/);
    expect(bench.run('fsck_msdos -n disk1s1')).toBe(first);
  });

  test('asks once; no and the end of the input leave everything as it is', () => {
    const bench = damaged(ZERO_FIRST_FAT_SECTOR);
    expect(bench.run('echo n | fsck_msdos disk1s1')).toMatch(/REPAIR\? \[yn\] \[8\]\n$/);
    expect(bench.run('fsck_msdos disk1s1 < /dev/null')).toMatch(/REPAIR\? \[yn\] \[8\]\n$/);
    expect(bench.run('echo y | fsck_msdos disk1s1')).toMatch(
      /REPAIR\? \[yn\] [^]*WAS MODIFIED \*\*\*\*\*\n$/,
    );
    expect(bench.run('fsck_msdos -n disk1s1')).not.toContain('[8]');
  });

  test('-p repairs and leaves out the phases', () => {
    const output = damaged(ZERO_BOOT_SECTOR).run('fsck_msdos -p disk1s1');
    expect(output).toContain('WAS MODIFIED');
    expect(output).not.toMatch(/^\*\* |\[\d+\]/m);
  });

  test('-q looks at the dirty flag only', () => {
    expect(damaged().run('fsck_msdos -q disk1s1')).toContain('FILESYSTEM CLEAN; SKIPPING CHECKS');
    const mounted = new SessionBench();
    mounted.run('touch a');
    expect(mounted.run('fsck_msdos -q disk1s1')).toMatch(/FILESYSTEM DIRTY; SKIPPING CHECKS\n\[8\]\n$/);
  });

  test('diskutil repairVolume repairs what verifyVolume finds', () => {
    const bench = damaged(ZERO_FIRST_FAT_SECTOR);
    expect(bench.run('diskutil verifyVolume disk1s1')).toMatch(
      /File system check exit code is 8\n[^]*Underlying error: 8\n\[1\]\n$/,
    );
    expect(bench.run('diskutil repairVolume disk1s1')).toMatch(
      /Restoring the original state found as unmounted\nFinished file system repair on disk1s1 UNTITLED\n$/,
    );
    expect(bench.run('mount disk1s1; cat /Volumes/*/a')).not.toContain('No such file');
  });
});

test('diskutil info: a key and a value a row, values under each other', () => {
  const output = new SessionBench().run('diskutil info disk1s1');
  expect(output).toContain('   Device Identifier:         disk1s1\n');
  expect(output).toContain('   Mount Point:               /Volumes/UNTITLED\n');
});

test('scope map and why say what the machine knows', () => {
  const bench = new SessionBench();
  bench.run('echo hello > notes.txt');
  const map = bench.run('scope map');
  expect(map).toMatch(/^ {2}first block {2}blocks {2}role +owner\n {12}0 +1 {2}partition/);
  expect(map).toMatch(/^ +\d+ +1 {2}data +\/notes\.txt$/m);
  expect(bench.run('scope map disk1s1')).not.toContain('partition map');
  expect(bench.run('scope map disk7')).toMatch(/^scope: disk7: Device not configured .*\n\[1\]\n$/);
  expect(bench.run('scope why notes.txt').split('\n').length).toBeGreaterThan(2);
  expect(bench.run('scope why 0 gone')).toMatch(
    /\nscope: gone: No such file or directory.*\n\[1\]\n$|^scope: gone/,
  );
});
