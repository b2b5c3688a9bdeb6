import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/engine/base/bytes.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { O_CREAT, O_WRONLY } from '../../src/engine/vfs/constants.ts';
import { outcome, writeFile } from '../support/machine.ts';
import { Bench, FORMATS } from '../support/formats.ts';

/** Goal: what is asked of whole volumes, on every format: statfs, extents, sync, attributes that outlive a mount. */
describe.each(FORMATS)('$name', (format) => {
  test('statfs counts what is used and what is free', () => {
    const { user, facts } = new Bench(format);
    const before = user.statfs('.');
    expect(before).toMatchObject({
      from: '/dev/disk1',
      on: '/Volumes/TEST',
      typeName: facts.typeName ?? 'msdos',
      label: 'TEST',
    });
    expect(before.isReadOnly).toBe(false);
    writeFile(user, 'a', new Uint8Array(10 * before.blockSizeBytes));
    const after = user.statfs('a');
    expect(before.freeBlocks - after.freeBlocks).toBe(10);
    expect(after.totalBlocks).toBe(before.totalBlocks);
    expect(after.availableBlocks).toBeLessThanOrEqual(after.freeBlocks);
    expect(user.getfsstat().map(({ on }) => on)).toEqual(['/', '/Volumes/TEST']);
    expect(outcome(() => user.statfs('no'))).toBe('ENOENT');
  });

  test('extents cover the file without overlapping', () => {
    const { user } = new Bench(format);
    if (!format.isReal) return;
    const a = user.open('a', O_WRONLY | O_CREAT);
    const b = user.open('b', O_WRONLY | O_CREAT);
    const piece = new Uint8Array(2000);
    for (let i = 0; i < 10; i++) {
      user.write(a, piece);
      user.write(b, piece);
    }
    const all = [...user.extents('a'), ...user.extents('b')];
    expect(user.extents('a').length).toBeGreaterThan(1);
    let at = 0;
    for (const { fileOffsetBytes, lengthBytes } of user.extents('a')) {
      expect(fileOffsetBytes).toBe(at);
      at += lengthBytes;
    }
    expect(at).toBeGreaterThanOrEqual(20_000);
    const sorted = all.sort((x, y) => x.deviceOffsetBytes - y.deviceOffsetBytes);
    sorted.forEach((extent, i) => {
      const next = sorted[i + 1];
      if (next !== undefined) {
        expect(extent.deviceOffsetBytes + extent.lengthBytes).toBeLessThanOrEqual(next.deviceOffsetBytes);
      }
    });
    expect(outcome(() => user.extents('no'))).toBe('ENOENT');
  });

  test('what is synced under writeback is on the disk', () => {
    const bench = new Bench(format, { policy: 'writeback' });
    const { user } = bench;
    user.mkdir('d');
    for (let i = 0; i < 20; i++) writeFile(user, `d/file ${i}`, `${i}`);
    user.sync();
    expect(bench.findings()).toEqual([]);
    writeFile(user, 'e', 'x');
    const fd = user.open('e', O_WRONLY);
    user.fsync(fd);
    user.close(fd);
    user.sync();
    expect(bench.findings()).toEqual([]);
  });

  test('attributes outlive a mount, go with their file and leave a clean disk', () => {
    const bench = new Bench(format);
    const value = new Prng(1).bytes(9000);
    writeFile(bench.user, 'Long name of a file.text', 'x');
    bench.user.setxattr('Long name of a file.text', 'org.example.big', value);
    bench.user.setxattr('.', 'org.example.root', utf8('of the root'));
    bench.remount();
    const { user } = bench;
    expect(user.getxattr('Long name of a file.text', 'org.example.big')).toEqual(value);
    expect(user.listxattr('/Volumes/TEST')).toEqual(['org.example.root']);
    user.rename('Long name of a file.text', 'moved');
    expect(user.getxattr('moved', 'org.example.big')).toEqual(value);
    user.unlink('moved');
    user.removexattr('.', 'org.example.root');
    expect(user.statfs('.').freeBlocks).toBe(new Bench(format).user.statfs('.').freeBlocks);
    bench.unmount();
    expect(bench.findings()).toEqual([]);
    expect(bench.verdict()).toBe('');
  });
});
