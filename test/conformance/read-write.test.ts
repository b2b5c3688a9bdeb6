import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../src/engine/base/bytes.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { ZERO_FILL } from '../../src/engine/formats/contract.ts';
import { O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } from '../../src/engine/vfs/constants.ts';
import { SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET } from '../../src/engine/vfs/constants.ts';
import { outcome, readBytes, readFile, writeFile } from '../support/machine.ts';
import { Bench, FORMATS } from '../support/formats.ts';

/** Goal: read, write, lseek and their kin as on macOS, on every format. Method: contents against an array of bytes. */
describe.each(FORMATS)('read and write on $name', (format) => {
  test('what is written is read, at any offset and over cluster borders', () => {
    const bench = new Bench(format);
    const prng = new Prng(1);
    const expected = new Uint8Array(70_000);
    const { user } = bench;
    const fd = user.open('a', O_RDWR | O_CREAT);
    let size = 0;
    for (let i = 0; i < 60; i++) {
      const offset = prng.below(size + 3000);
      const data = prng.bytes(1 + prng.below(5000)).subarray(0, expected.length - offset);
      if (data.length === 0) continue;
      expect(user.pwrite(fd, data, offset)).toBe(data.length);
      expected.set(data, offset);
      size = Math.max(size, offset + data.length);
    }
    user.close(fd);
    expect(equalBytes(readBytes(user, 'a'), expected.subarray(0, size))).toBe(true);
    bench.remount();
    expect(equalBytes(readBytes(bench.user, 'a'), expected.subarray(0, size))).toBe(true);
  });

  test('the offset moves with read and write, not with pread and pwrite', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a', '0123456789');
    const fd = user.open('a', O_RDWR);
    const into = new Uint8Array(4);
    expect(user.read(fd, into)).toBe(4);
    expect(user.pread(fd, into, 8)).toBe(2);
    user.pwrite(fd, new Uint8Array([65]), 0);
    expect(user.lseek(fd, 0, SEEK_CUR)).toBe(4);
    user.write(fd, new Uint8Array([66]));
    expect(user.lseek(fd, 0, SEEK_CUR)).toBe(5);
    expect(user.read(fd, new Uint8Array(100))).toBe(5);
    expect(user.read(fd, into)).toBe(0);
    user.close(fd);
    expect(readFile(user, 'a')).toBe('A123B56789');
  });

  test('beyond the end nothing is read, and what a write skips reads as zeros', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a', 'x');
    const fd = user.open('a', O_RDWR);
    expect(user.lseek(fd, 3000, SEEK_END)).toBe(3001);
    expect(user.read(fd, new Uint8Array(5))).toBe(0);
    user.write(fd, new Uint8Array([9]));
    user.close(fd);
    const expected = new Uint8Array(3002);
    expected[0] = 120;
    expected[3001] = 9;
    expect(readBytes(user, 'a')).toEqual(expected);
  });

  test('a write of nothing changes nothing', () => {
    const { user } = new Bench(format);
    const fd = user.open('a', O_WRONLY | O_CREAT);
    user.lseek(fd, 1000, SEEK_SET);
    expect(user.write(fd, new Uint8Array(0))).toBe(0);
    expect(user.fstat(fd).sizeBytes).toBe(0);
    user.close(fd);
  });

  test('fill writes what it says', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a', 'xxxxxxxx');
    const fd = user.open('a', O_RDWR);
    user.lseek(fd, 2, SEEK_SET);
    expect(user.fill(fd, 9000, ZERO_FILL)).toBe(9000);
    expect(user.lseek(fd, 0, SEEK_CUR)).toBe(9002);
    expect(user.fill(fd, 0, ZERO_FILL)).toBe(0);
    expect(outcome(() => user.fill(fd, -1, ZERO_FILL))).toBe('EINVAL');
    user.close(fd);
    const expected = new Uint8Array(9002);
    expected.fill(120, 0, 2);
    expect(readBytes(user, 'a')).toEqual(expected);
  });

  test('a descriptor does only what it was opened for', () => {
    const { user } = new Bench(format);
    writeFile(user, 'a', 'x');
    user.mkdir('d');
    const reader = user.open('a', O_RDONLY);
    const writer = user.open('a', O_WRONLY);
    const directory = user.open('d', O_RDONLY);
    const byte = new Uint8Array(1);
    expect(outcome(() => user.write(reader, byte))).toBe('EBADF');
    expect(outcome(() => user.pwrite(reader, byte, 0))).toBe('EBADF');
    expect(outcome(() => user.fill(reader, 1, ZERO_FILL))).toBe('EBADF');
    expect(outcome(() => user.read(writer, byte))).toBe('EBADF');
    expect(outcome(() => user.pread(writer, byte, 0))).toBe('EBADF');
    expect(outcome(() => user.read(directory, byte))).toBe('EISDIR');
    expect(outcome(() => user.write(directory, byte))).toBe('EBADF');
    for (const call of [
      () => user.read(99, byte),
      () => user.write(99, byte),
      () => user.pread(99, byte, 0),
      () => user.pwrite(99, byte, 0),
      () => user.lseek(99, 0, SEEK_SET),
      () => user.fstat(99),
      () => user.fsync(99),
      () => user.ftruncate(99, 0),
      () => user.fill(99, 1, ZERO_FILL),
      () => user.getdirentries(99, 1),
      () => user.preallocate(99, 1),
      () => user.punchHole(99, 0, 1),
    ]) {
      expect(outcome(call)).toBe('EBADF');
    }
  });

  test('silly offsets are refused', () => {
    const { user, facts } = new Bench(format);
    writeFile(user, 'a', 'x');
    const fd = user.open('a', O_RDWR);
    const byte = new Uint8Array(1);
    for (const offset of [-1, 0.5, NaN, Infinity, 2 ** 63]) {
      expect(
        outcome(() => user.pread(fd, byte, offset)),
        `${offset}`,
      ).toBe('EINVAL');
      expect(
        outcome(() => user.pwrite(fd, byte, offset)),
        `${offset}`,
      ).toBe('EINVAL');
    }
    expect(outcome(() => user.lseek(fd, -2, SEEK_END))).toBe('EINVAL');
    expect(outcome(() => user.lseek(fd, 0, 7))).toBe('EINVAL');
    expect(outcome(() => user.lseek(fd, 2 ** 53, SEEK_END))).toBe('EINVAL');
    for (const whence of [SEEK_HOLE, SEEK_DATA]) {
      const wanted = facts.hasSparseFiles === true ? 'EINVAL' : 'ENOTTY';
      expect(outcome(() => user.lseek(fd, -1, whence))).toBe(wanted);
    }
    expect(user.lseek(fd, 0, SEEK_CUR)).toBe(0);
    expect(outcome(() => user.pwrite(fd, new Uint8Array(2), 2 ** 53 - 1))).toBe('EFBIG');
    expect(user.fstat(fd).sizeBytes).toBe(1);
  });

  test('nothing of a write that would cross the size limit is written', () => {
    const { user, facts } = new Bench(format);
    if (facts.fileSizeBytesMax > 2 ** 33) return;
    writeFile(user, 'a', 'x');
    const fd = user.open('a', O_RDWR);
    const free = user.statfs('.').freeBlocks;
    expect(outcome(() => user.pwrite(fd, new Uint8Array(2), facts.fileSizeBytesMax - 1))).toBe('EFBIG');
    expect(outcome(() => user.fill(fd, 2 ** 33, ZERO_FILL))).toBe('EFBIG');
    expect(outcome(() => user.ftruncate(fd, facts.fileSizeBytesMax + 1))).toBe('EFBIG');
    expect(outcome(() => user.truncate('a', 2 ** 40))).toBe('EFBIG');
    expect(user.fstat(fd).sizeBytes).toBe(1);
    expect(user.statfs('.').freeBlocks).toBe(free);
  });

  test('a full volume takes what fits, then ENOSPC, and all of it comes back', () => {
    const bench = new Bench(format);
    const { user, facts } = bench;
    const { freeBlocks, blockSizeBytes } = user.statfs('.');
    const fd = user.open('a', O_WRONLY | O_CREAT);
    const chunk = new Uint8Array(300_000).fill(5);
    let total = 0;
    while (outcome(() => (total += user.write(fd, chunk))) === 'ok');
    expect(outcome(() => user.write(fd, chunk))).toBe('ENOSPC');
    expect(user.fstat(fd).sizeBytes).toBe(total);
    expect(total).toBeLessThanOrEqual(freeBlocks * blockSizeBytes);
    expect(total).toBeGreaterThan((freeBlocks - 4) * blockSizeBytes - (facts.headroomBytes ?? 0));
    if (facts.hasSparseFiles !== true) {
      expect(outcome(() => user.ftruncate(fd, total + 10 * blockSizeBytes))).toBe('ENOSPC');
    }
    expect(user.fstat(fd).sizeBytes).toBe(total);
    user.close(fd);
    bench.remount();
    expect(bench.user.stat('a').sizeBytes).toBe(total);
    bench.user.unlink('a');
    expect(bench.user.statfs('.').freeBlocks).toBe(freeBlocks);
    expect(bench.findings()).toEqual([]);
  });

  test('fsync, preallocate and punchHole answer as the volume can', () => {
    const { user, facts } = new Bench(format);
    writeFile(user, 'a', 'x');
    const fd = user.open('a', O_RDWR);
    const reader = user.open('a', O_RDONLY);
    user.fsync(fd);
    user.fullfsync(fd);
    user.fsync(reader);
    expect(outcome(() => user.punchHole(fd, 0, 4096))).toBe(facts.hasSparseFiles === true ? 'ok' : 'ENOTTY');
    expect(outcome(() => user.punchHole(reader, 0, 4096))).toBe('EPERM');
    expect(outcome(() => user.punchHole(fd, -1, 4096))).toBe('EINVAL');
    expect(outcome(() => user.preallocate(reader, 4096))).toBe('EBADF');
    expect(outcome(() => user.preallocate(fd, 0))).toBe('EINVAL');
    expect(['ok', 'ENOTSUP']).toContain(outcome(() => user.preallocate(fd, 100_000)));
    expect(user.fstat(fd).sizeBytes).toBe(1);
  });
});

describe.each(FORMATS)('truncate on $name', (format) => {
  test('shrinks and grows with zeros', () => {
    const bench = new Bench(format);
    writeFile(bench.user, 'a', new Uint8Array(10_000).fill(1));
    bench.user.truncate('a', 5000);
    bench.user.truncate('a', 12_000);
    bench.remount();
    const expected = new Uint8Array(12_000);
    expected.fill(1, 0, 5000);
    expect(equalBytes(readBytes(bench.user, 'a'), expected)).toBe(true);
    bench.user.truncate('a', 0);
    expect(bench.user.stat('a')).toMatchObject({ sizeBytes: 0, blocks: 0 });
    expect(bench.findings()).toEqual([]);
  });

  test('refuses what is no file, no size or no permission', () => {
    const { user, facts } = new Bench(format);
    user.mkdir('d');
    writeFile(user, 'a', 'x');
    expect(outcome(() => user.truncate('d', 0))).toBe('EISDIR');
    expect(outcome(() => user.truncate('no', 0))).toBe('ENOENT');
    expect(outcome(() => user.truncate('a', -1))).toBe('EINVAL');
    expect(outcome(() => user.truncate('a', 1.5))).toBe('EINVAL');
    const fd = user.open('a', O_RDONLY);
    expect(outcome(() => user.ftruncate(fd, 0))).toBe('EINVAL');
    if (!facts.hasPermissions) return;
    user.chmod('a', 0o400);
    expect(outcome(() => user.truncate('a', 0))).toBe('EACCES');
  });
});
