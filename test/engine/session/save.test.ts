import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/engine/base/prng.ts';
import { Medium } from '../../../src/engine/device/medium.ts';
import type { Backing } from '../../../src/engine/device/store.ts';
import { FORMATS } from '../../../src/engine/formats/registry.ts';
import { createDisk, openDisk } from '../../../src/engine/session/new-disk.ts';
import type { Checkpoint, SavedSession } from '../../../src/engine/session/save.ts';
import { Session } from '../../../src/engine/session/session.ts';
import { bench, benchOf, benchOn } from './bench.ts';
import type { Bench } from './bench.ts';
import { Stopwatch } from '../../support/stopwatch.ts';

/**
 * Goal: a session that was saved comes back at the same moment, byte for byte, and goes on as if it had never been
 * away. Method: a second session is made of the checkpoints alone, which have been through a structured clone, and
 * both are given the same lines.
 */
const LINES = [
  'mkdir -p photos/old; x=5; f() { echo "$x from f"; }; alias ll="ls -l"; umask 027',
  'mkfile 300k film.mov; mkfile 100k photos/one.jpg',
  'echo one > notes.txt; echo two >> notes.txt; cd photos',
  'dd if=/dev/urandom of=../noise bs=1k count=70 status=none',
  'cd ..; mv notes.txt photos/old/Notes.txt; RANDOM=7; false',
  'cp -R photos copy; rm film.mov',
  'truncate -s 500k later.bin',
];
const NEXT =
  'echo $x $RANDOM $? $(pwd) > after; f >> after; cp noise more; mkfile 200k big; history >> after';

/** Keeps what checkpoints say, as a storage would. */
class Shelf {
  #parts: Checkpoint[] = [];

  save({ session }: Bench): Checkpoint {
    const checkpoint = structuredClone(session.checkpoint(this.#parts.at(-1)?.number ?? null));
    if (checkpoint.beginning !== null) this.#parts = [];
    this.#parts.push(checkpoint);
    return checkpoint;
  }

  get saved(): SavedSession {
    const [first] = this.#parts;
    const last = this.#parts.at(-1);
    if (last === undefined || first?.beginning == null) throw new Error('nothing was saved');
    return {
      ...{ number: last.number, head: last.head, beginning: first.beginning },
      steps: this.#parts.flatMap(({ steps }) => steps),
      lines: this.#parts.flatMap(({ lines }) => lines),
      visits: this.#parts.flatMap(({ visits }) => visits),
      blocks: this.#parts.map(({ blocks }) => blocks),
    };
  }

  restore(backing: Backing | null = null): Bench {
    return benchOf((onOutput) => Session.restore(structuredClone(this.saved), backing, onOutput));
  }
}

const said = ({ session }: Bench) => ({
  hash: session.imageHash(),
  timeline: session.timeline(),
  directory: session.directory,
  disk: session.views.disk(),
});

describe.each(FORMATS.map(({ name }) => name))('%s', (format) => {
  test('a session saved after every line comes back at the same moment, and the next line gives equal bytes', () => {
    const live = bench({ format, scheme: 'gpt', isTerminal: true });
    const shelf = new Shelf();
    for (const line of LINES) {
      live.run(line);
      shelf.save(live);
    }
    const back = shelf.restore();
    expect(said(back)).toEqual(said(live));
    expect(back.run(NEXT)).toBe(live.run(NEXT));
    expect(said(back)).toEqual(said(live));
    expect(back.session.totalCosts).toEqual(live.session.totalCosts);
  });

  test('earlier moments come back by running lines again, byte for byte, with their trace', () => {
    const live = bench({ format });
    const shelf = new Shelf();
    const hashes = [live.session.imageHash()];
    for (const line of LINES) {
      live.run(line);
      hashes.push(live.session.imageHash());
    }
    shelf.save(live);
    const back = shelf.restore();
    const page = { offset: 0, countMax: 1000 };
    for (const step of [LINES.length, 3]) {
      expect(back.session.views.trace(step, page)).toEqual(live.session.views.trace(step, page));
      for (const write of [undefined, 1]) {
        const moment = { step, ...(write === undefined ? {} : { write }) };
        for (const each of [live, back]) each.session.seek(moment);
        expect(said(back)).toEqual(said(live));
      }
    }
    back.session.seek({ step: 0 });
    expect(back.session.imageHash()).toBe(hashes[0]);
  });

  test('under writeback the last settled moment is kept, and the lines lead on from there', () => {
    const live = bench({ format, policy: 'writeback' });
    const shelf = new Shelf();
    for (const line of [...LINES.slice(0, 3), 'sync', ...LINES.slice(3)]) live.run(line);
    shelf.save(live);
    const back = shelf.restore();
    const { now, base } = shelf.saved.head;
    expect(base).toBeLessThanOrEqual(now.step);
    back.session.seek(now);
    expect(said(back)).toEqual(said(live));
    expect(back.run(NEXT)).toBe(live.run(NEXT));
    expect(said(back)).toEqual(said(live));
  });
});

describe('a save', () => {
  test('of any moment of any branch brings that moment back, and undo and redo lead where they led', () => {
    const live = bench();
    const shelf = new Shelf();
    const prng = new Prng(11);
    for (let i = 0; i < 30; i++) {
      const { steps } = live.session.timeline();
      const step = prng.below(steps.length);
      const writes = steps[step]?.writeCount ?? 0;
      if (prng.below(3) === 0) live.session.seek({ step });
      else if (prng.below(4) === 0 && writes > 0) live.session.seek({ step, write: prng.below(writes) });
      live.run(`echo ${i} > file-${prng.below(9)}; mkfile ${prng.below(90)}k big-${prng.below(3)}`);
      if (prng.below(4) === 0) live.session.undo();
      if (prng.below(2) === 0) shelf.save(live);
      if (i % 6 !== 5) continue;
      shelf.save(live);
      const back = shelf.restore();
      back.session.seek(shelf.saved.head.now);
      expect(said(back)).toEqual(said(live));
      for (const move of ['undo', 'undo', 'redo'] as const) {
        for (const each of [live, back]) each.session[move]();
        expect(said(back)).toEqual(said(live));
      }
    }
  });

  test('of what came back can be saved and brought back again, also when only changes were kept', () => {
    const live = bench();
    const shelf = new Shelf();
    let current = live;
    for (const line of LINES) {
      live.run(line);
      if (current !== live) current.run(line);
      expect(shelf.save(current).beginning === null).toBe(line !== LINES[0]);
      current = shelf.restore();
      expect(said(current)).toEqual(said(live));
    }
    current.session.seek({ step: 2 });
    live.session.seek({ step: 2 });
    for (const each of [live, current]) each.run('echo branch > b');
    shelf.save(current);
    expect(said(shelf.restore())).toEqual(said(live));
  });

  test('costs what has changed, not what the disk holds or how long the history is', () => {
    const live = bench({ sizeBytes: 2 ** 30 });
    const shelf = new Shelf();
    live.run('dd if=/dev/urandom of=large bs=1m count=30 status=none');
    for (let i = 0; i < 40; i++) live.run(`echo ${i} > f${i % 7}`);
    shelf.save(live);
    live.run('echo one > small');
    const { steps, blocks, lines, visits } = shelf.save(live);
    expect([steps.length, lines.length, visits.length]).toEqual([1, 1, 2]);
    expect(blocks.chunks.length).toBeLessThanOrEqual(4);
    expect(shelf.save(live).blocks).toEqual({ covers: [], chunks: [] });
  });

  test('of computed contents is a reference: a terabyte of zeros and noise takes a few hundred bytes', () => {
    const live = bench({ sizeBytes: 2 ** 40, format: 'exfat' });
    const shelf = new Shelf();
    shelf.save(live);
    live.run('mkfile 300g zeros; fallocate -l 1g x');
    live.session.store.fill(
      1_000_000,
      1_000_000_000,
      { generator: 'random', seed: 9, offsetBytes: 4096 },
      LABEL,
    );
    live.run('true');
    const { blocks } = shelf.save(live);
    const bytes = blocks.chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    expect(bytes).toBeLessThan(2 ** 24);
    expect(blocks.covers.length).toBeGreaterThan(0);
    const back = shelf.restore().session.store;
    for (const block of [999_999, 1_000_000, 1_234_567, 1_000_999_999, 1_001_000_000]) {
      const [a, b] = [new Uint8Array(512), new Uint8Array(512)];
      live.session.store.read(block, a);
      back.read(block, b);
      expect(b).toEqual(a);
    }
  });

  test('over an image keeps only what differs from it, zeros over its bytes too', () => {
    const { store } = createDisk({
      ...{ format: 'exfat', label: 'IMAGE', sizeBytes: 2 ** 23, scheme: 'none', settings: {}, seed: 3 },
    });
    const maker = benchOn(store);
    maker.run('dd if=/dev/urandom of=noise bs=1k count=900 status=none');
    maker.session.shutDown();
    const backing: Backing = {
      sizeBytes: 2 ** 23,
      read: (offsetBytes, into) => into.set(new Medium(store).read(offsetBytes, into.length)),
    };
    const live = benchOn(openDisk(backing, 'image.img', false));
    const shelf = new Shelf();
    live.run('echo one > a; dd if=/dev/zero of=noise bs=1k count=300 seek=9 conv=notrunc status=none');
    const { blocks, beginning } = shelf.save(live);
    const bytes = [...blocks.chunks, ...(beginning?.blocks.chunks ?? [])].reduce(
      (sum, c) => sum + c.bytes.length,
      0,
    );
    expect(bytes).toBeLessThan(500_000);
    const back = shelf.restore(backing);
    expect(said(back)).toEqual(said(live));
    for (const each of [live, back]) each.session.seek({ step: 0 });
    expect(said(back)).toEqual(said(live));
  });

  test('keeps what a line did that Ctrl-C ended: nobody could find the place again', () => {
    const live = bench();
    const shelf = new Shelf();
    live.run('echo one > a');
    interrupt(live, 'for i in 1 2 3 4 5 6 7 8 9; do echo $i > f$i; done', 200);
    live.run('echo two > b');
    shelf.save(live);
    const back = shelf.restore();
    for (const step of [3, 2, 1, 3, 2]) {
      for (const each of [live, back]) each.session.seek({ step });
      expect(said(back)).toEqual(said(live));
    }
    expect(back.run('ls')).toBe(live.run('ls'));
    expect(said(back)).toEqual(said(live));
  });

  test('whose lines do not write what they wrote then says so, and the saved moment stays', () => {
    const live = bench();
    const shelf = new Shelf();
    live.run('echo one > a');
    live.run('echo two > b');
    shelf.save(live);
    const { saved } = shelf;
    const steps = saved.steps.map((step, i) =>
      i === 0 ? { ...step, view: { ...step.view, line: 'echo once > a' } } : step,
    );
    const back = benchOf((onOutput) => Session.restore({ ...saved, steps }, null, onOutput));
    expect(() => back.session.seek({ step: 1 })).toThrow('does not write what it wrote');
    expect([back.session.now, back.session.imageHash()]).toEqual([{ step: 2 }, live.session.imageHash()]);
    expect(back.run('cat a b')).toBe('one\ntwo\n');
  });

  test('that was taken while lines run again loses nothing, and a line typed meanwhile goes first', () => {
    const live = bench();
    const shelf = new Shelf();
    for (const line of LINES) live.run(line);
    shelf.save(live);
    const back = shelf.restore();
    const recalling = back.session.recalls.run(LINES.length);
    for (let i = 0; i < 40; i++) recalling.next();
    shelf.save(back);
    for (const each of [live, back]) each.run(NEXT);
    expect(recalling.next().done).toBe(true);
    shelf.save(back);
    expect(said(back)).toEqual(said(live));
    expect(said(shelf.restore())).toEqual(said(live));
    back.session.seek({ step: 2 });
    live.session.seek({ step: 2 });
    expect(said(back)).toEqual(said(live));
  });

  test.each([
    ['of another version', { version: 2 }, 'another version'],
    ['of a disk without blocks', { blockCount: 0 }, 'a size that there cannot be'],
    ['of a disk that is too small for it', { blockCount: 64 }, 'blocks that the disk does not have'],
    ['that stands at no step', { base: 9 }, 'does not hang together'],
  ])('%s is refused with a sentence', (_, change, words) => {
    const live = bench();
    const shelf = new Shelf();
    live.run('echo one > a');
    shelf.save(live);
    const { saved } = shelf;
    const head = { ...saved.head, ...change } as SavedSession['head'];
    expect(() => Session.restore({ ...saved, head }, null, () => {})).toThrow(words);
  });

  test('of 100 MiB comes back in less than a second', () => {
    const live = bench({ sizeBytes: 2 ** 28, format: 'exfat' });
    const shelf = new Shelf();
    const noise = new Prng(5).bytes(2 ** 20);
    for (let i = 0; i < 100; i++) live.session.store.write(200_000 + i * 2048, noise, LABEL);
    live.run('true');
    shelf.save(live);
    const { saved } = shelf;
    const watch = new Stopwatch();
    const { session } = benchOf((onOutput) => Session.restore(saved, null, onOutput));
    const { milliseconds } = watch;
    expect(session.store.storedBytes).toBeGreaterThan(100 * 2 ** 20);
    expect(milliseconds).toBeLessThan(1000);
  });
});

const LABEL = { role: 'data', owner: '', reason: 'noise' } as const;

function interrupt({ session }: Bench, line: string, breaths: number): void {
  const running = session.run(line);
  for (let i = 0; i < breaths; i++) running.next();
  session.interrupt();
  while (running.next().done !== true);
}
