import { expect, test } from 'vitest';
import { FsError } from '../../../src/engine/base/errno.ts';
import { FaultyDevice } from '../../../src/engine/device/fault.ts';
import { FlatDevice } from '../../support/flat-device.ts';

/** Goal: exactly the accesses that touch a bad block fail, with EIO, and change nothing. */
test('only accesses that touch a bad block fail, and they change nothing', () => {
  const flat = new FlatDevice(512 * 20);
  const device = new FaultyDevice(flat, [
    { firstBlock: 5, blockCount: 2, fails: 'both' },
    { firstBlock: 10, blockCount: 1, fails: 'read' },
    { firstBlock: 15, blockCount: 1, fails: 'write' },
  ]);
  const label = { role: 'data', owner: '', reason: '' } as const;
  const ones = (blocks: number) => new Uint8Array(512 * blocks).fill(1);
  const outcome = (access: () => void) => {
    try {
      access();
      return 'done';
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      return `${error.code}: ${error.detail}`;
    }
  };

  expect(outcome(() => device.write(0, ones(5), label))).toBe('done');
  expect(outcome(() => device.write(4, ones(2), label))).toBe('EIO: block 5 cannot be written');
  expect(outcome(() => device.fill(6, 3, { generator: 'zero' }, label))).toBe(
    'EIO: block 6 cannot be written',
  );
  expect(outcome(() => device.write(7, ones(4), label))).toBe('done');
  expect(outcome(() => device.read(7, ones(4)))).toBe('EIO: block 10 cannot be read');
  expect(outcome(() => device.read(11, ones(9)))).toBe('done');
  expect(outcome(() => device.write(11, ones(9), label))).toBe('EIO: block 15 cannot be written');
  expect(outcome(() => device.trim(5, 2))).toBe('done');
  expect(flat.log).toHaveLength(2);
});
