import { expect, test } from 'vitest';
import { InvariantError } from '../../../src/engine/base/assert.ts';
import { roleIndex } from '../../../src/engine/base/role.ts';
import { PARKED, priceOf, pricesOfRange, PROFILES } from '../../../src/engine/device/profile.ts';
import { Store } from '../../../src/engine/device/store.ts';
import { Tape } from '../../../src/engine/device/tape.ts';

/** Goal: the tape says exactly what was done, by whom and at what cost, and nothing while it is off. */
function recording(): { store: Store; tape: Tape } {
  const store = new Store({ blockSizeBytes: 512, blockCount: 2 ** 31 });
  const tape = new Tape(512);
  store.tape = tape;
  return { store, tape };
}

const bytes = (blocks: number) => new Uint8Array(512 * blocks).fill(1);

test('every write, fill, trim and barrier is an entry below the span that was open', () => {
  const { store, tape } = recording();
  tape.open('command', 'touch a');
  store.barrier('before');
  tape.open('call', 'open a');
  store.write(2 ** 31 - 2, bytes(2), { role: 'directory', owner: 'root directory', reason: 'enter a' });
  store.fill(5, 2 ** 30, { generator: 'zero' }, { role: 'data', owner: 'a', reason: 'zeros' });
  tape.close('fd 3');
  store.trim(8, 9);
  tape.close();

  const entries = Array.from({ length: tape.length }, (_, i) => tape.entry(i));
  expect(entries).toEqual([
    { kind: 'barrier', span: 0, firstBlock: 0, blockCount: 0, role: 'free', owner: '', reason: 'before' },
    {
      ...{ kind: 'write', span: 1, firstBlock: 2 ** 31 - 2, blockCount: 2 },
      ...{ role: 'directory', owner: 'root directory', reason: 'enter a' },
    },
    {
      ...{ kind: 'fill', span: 1, firstBlock: 5, blockCount: 2 ** 30 },
      ...{ role: 'data', owner: 'a', reason: 'zeros' },
    },
    {
      ...{ kind: 'trim', span: 0, firstBlock: 8, blockCount: 9, role: 'free', owner: '' },
      reason: 'these blocks are no longer needed',
    },
  ]);
  expect(tape.span(0)).toEqual({
    ...{ level: 'command', sentence: 'touch a', result: '', parent: -1, firstEntry: 0, endEntry: 4 },
  });
  expect(tape.span(1)).toEqual({
    ...{ level: 'call', sentence: 'open a', result: 'fd 3', parent: 0, firstEntry: 1, endEntry: 3 },
  });
});

test('totals count what lies in the range, by role', () => {
  const { store, tape } = recording();
  for (let i = 0; i < 1000; i++) {
    store.write(i, bytes(1), { role: i % 2 ? 'data' : 'allocation', owner: '', reason: '' });
    if (i % 10 === 0) store.barrier('');
    if (i % 100 === 0) store.trim(5, 7);
  }
  const totals = tape.totals({ from: 0, to: tape.length });
  expect(totals).toMatchObject({ writes: 1000, blocks: 1000, bytes: 512_000, barriers: 100, trims: 10 });
  expect(totals.bytesByRole[roleIndex('data')]).toBe(256_000);
  expect(totals.bytesByRole[roleIndex('allocation')]).toBe(256_000);
  expect(tape.totals({ from: 1, to: 3 })).toMatchObject({ writes: 0, barriers: 1, trims: 1 });
});

test('a tape that is off records nothing', () => {
  const { store, tape } = recording();
  tape.isRecording = false;
  tape.open('command', 'silent');
  store.write(1, bytes(1), { role: 'data', owner: '', reason: '' });
  store.trim(1, 1);
  store.barrier('');
  tape.close();
  expect([tape.length, tape.spanCount]).toEqual([0, 0]);
});

test('recording does not change inside a span, and a span is closed once', () => {
  const { tape } = recording();
  tape.open('command', '');
  expect(() => (tape.isRecording = false)).toThrow(InvariantError);
  tape.close();
  expect(() => tape.close()).toThrow(InvariantError);
});

test('the same tape costs what each profile says: an arm that jumps is dear, a flush is not free', () => {
  const price = (work: (store: Store) => void) => {
    const { store, tape } = recording();
    work(store);
    const range = { from: 0, to: tape.length };
    const profiles = Object.values(PROFILES);
    const prices = pricesOfRange(profiles, tape, range);
    return Object.fromEntries(profiles.map((profile, at) => [profile.name, prices[at]]));
  };
  const label = { role: 'data', owner: '', reason: '' } as const;
  const inOrder = price((store) => {
    for (let i = 0; i < 100; i++) store.write(i * 8, bytes(8), label);
  });
  const scattered = price((store) => {
    for (let i = 0; i < 100; i++) store.write(((i * 37) % 100) * 10_000_000, bytes(8), label);
  });
  const flushed = price((store) => {
    for (let i = 0; i < 100; i++) {
      store.write(i * 8, bytes(8), label);
      store.barrier('');
    }
  });
  expect(scattered['hdd']! / inOrder['hdd']!).toBeGreaterThan(50);
  expect(scattered['sd-card']! / inOrder['sd-card']!).toBeGreaterThan(5);
  expect(scattered['nvme']! / inOrder['nvme']!).toBeLessThan(2);
  for (const name of ['hdd', 'sata-ssd', 'nvme', 'sd-card']) {
    expect(flushed[name]!, name).toBeGreaterThan(2 * inOrder[name]!);
  }
  // After a flush the next sector has just gone by: half a turn each time.
  expect(flushed['hdd']!).toBeGreaterThan(100 * 4.1e6);
  expect(inOrder['nvme']!).toBeLessThan(inOrder['sata-ssd']!);
  expect(inOrder['sata-ssd']!).toBeLessThan(inOrder['hdd']!);
});

test('a disk at 7200 rpm does about 80 random accesses a second and reads a gigabyte in six seconds', () => {
  const random = priceOf(PROFILES.hdd, { kind: 'read', offsetBytes: 3e11, lengthBytes: 4096 }, PARKED);
  expect(1e9 / random).toBeGreaterThan(50);
  expect(1e9 / random).toBeLessThan(120);
  const gigabyte = priceOf(PROFILES.hdd, { kind: 'read', offsetBytes: 0, lengthBytes: 1e9 }, PARKED);
  expect(gigabyte / 1e9).toBeCloseTo(5.6, 1);
});
