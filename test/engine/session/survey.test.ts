import { expect, test, vi } from 'vitest';
import { Store } from '../../../src/engine/device/store.ts';
import { bench } from './bench.ts';

/**
 * Goal: panes look at a full disk as quickly as at an empty one, once somebody has walked over it. Method: a folder of
 * thousands of files, the map first as on the page, then what other panes ask is counted in bytes read; and what is
 * written in between must be seen.
 */
const FORMATS = ['fat32', 'exfat', 'hfsplus', 'apfs'];
const FILES = 20_000;

/** By whatever looks, from any state of the disk. */
function bytesRead(look: () => unknown): number {
  const read = vi.spyOn(Store.prototype, 'read');
  look();
  const sum = read.mock.calls.reduce((bytes, [, into]) => bytes + into.length, 0);
  read.mockRestore();
  return sum;
}

test.each(FORMATS)('%s: one walk over the files serves every block, page and diagram', (format) => {
  const { session, run } = bench({ format, sizeBytes: 2 ** 28, policy: 'writeback' });
  expect(run(`mkdir many; cd many; touch $(seq 1 ${FILES}); echo contents > 1; sync`)).toBe('');
  run('echo more > 1');
  const { views } = session;
  const { total } = views.regions({ offset: 0, countMax: 1 });
  const { regions } = views.regions({ offset: 0, countMax: total });
  const used = regions.filter(({ role }) => role !== 'free');
  const some = Array.from(
    { length: 100 },
    (_, i) => used[Math.floor((i * used.length) / 100)]?.firstBlock ?? 0,
  );
  views.diagrams(); // of the disk before the last line too
  // A walk over these files reads megabytes.
  expect(bytesRead(() => some.map((block) => views.block(block)))).toBeLessThan(800_000);
  expect(bytesRead(() => views.structures(null, { offset: 0, countMax: 250 }))).toBeLessThan(10_000);
  expect(bytesRead(() => views.diagrams())).toBeLessThan(50_000);
});

test.each(FORMATS)(
  '%s: what was written since the last look is seen, also in the middle of a line',
  (format) => {
    const { session, run } = bench({ format });
    const { views } = session;
    run('echo first > a');
    const [extent] = views.file('/a').extents;
    const block = (extent?.deviceOffsetBytes ?? -1) / views.disk().blockSizeBytes;
    const running = session.run('read -r ignored; mv a b; read -r ignored');
    const goOn = () => {
      do running.next();
      while (!session.isWaitingForInput);
    };
    goOn();
    expect(views.block(block).annotation.owner).toBe('/a');
    session.type('\n');
    goOn();
    expect(views.block(block).annotation.owner).toBe('/b');
  },
);
