import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench } from './bench.ts';

/** Goal: Ctrl-C in the middle of anything long leaves no descriptor open. Method: stop at every breathing point. */

const LINES = [
  'cp big copy',
  'cp -R tree tree2',
  'mv big /Volumes/OTHER',
  'mv tree /Volumes/OTHER/tree',
  'rm -r tree',
  'dd if=big of=copy bs=64k',
  'dd if=/dev/zero of=copy bs=1m count=600',
  'mkfile 1m new',
  'ls -lR',
  'du -a',
  'find . -empty',
  'chmod -R 700 tree',
  'tree',
];

const made = () => {
  const bench = new Bench(COMMANDS, [{ capacityBytes: 2 ** 40 }, { label: 'OTHER', capacityBytes: 2 ** 40 }]);
  bench.write('big', new Uint8Array(600_000));
  bench.run('mkdir -p tree/sub');
  bench.write('tree/x', 'x');
  bench.write('tree/sub/y', new Uint8Array(300_000));
  return bench;
};

describe('stopped anywhere', () => {
  test.each(LINES.filter((line) => !line.includes('zero')))('%s', (line) => {
    for (let steps = 0; steps < 40; steps++) {
      const bench = made();
      const held = bench.volumes.map((volume) => volume.heldNodes());
      const running = bench.start(line.split(' '));
      let isDone = false;
      for (let i = 0; i < steps && !isDone; i++) isDone = running.next().done ?? false;
      running.return(130);
      expect(bench.volumes.map((volume) => volume.heldNodes())).toEqual(held);
      if (isDone) return;
    }
  });
});
