import { describe, expect, test } from 'vitest';
import { FORMATS } from '../../../src/engine/formats/registry.ts';
import type { FileView } from '../../../src/engine/session/view.ts';
import { bench, benchOn } from './bench.ts';

/**
 * Goal: going back and forth, branches, power cuts and views hold on every format, not only on the one they were built
 * with. Method: one script of everything a volume does; each moment of it is visited and compared with what it was.
 */
const LINES = [
  'mkdir -p photos/old',
  'mkfile 300k film.mov; mkfile 100k photos/one.jpg',
  'echo one > notes.txt; echo two >> notes.txt',
  'cat photos/one.jpg >> film.mov',
  'mv notes.txt photos/old/Notes.txt',
  'xattr -w org.example.mood calm film.mov',
  'cp -Rp photos copy',
  'truncate -s 500k later.bin',
  'for i in 1 2 3 4 5 6 7 8 9; do echo $i > photos/a-file-with-a-longer-name-$i.txt; done',
  'rm film.mov',
  'rm -R photos',
];

const said = ({ name, sizeBytes, mode }: FileView) => `${name} ${sizeBytes} ${mode}`;
const isInUse = ({ kind }: { kind: string }) => kind === 'dirty' || kind === 'journal-pending';

describe.each(FORMATS.map(({ name }) => name))('%s', (format) => {
  test('undo and redo lead through exactly the states there were', () => {
    const { session, run } = bench({ format, scheme: 'gpt' });
    const hashes = [session.imageHash()];
    for (const line of LINES) {
      expect(run(line)).toBe('');
      hashes.push(session.imageHash());
    }
    for (let step = LINES.length; step >= 0; step--) {
      session.seek({ step });
      expect(session.imageHash()).toBe(hashes[step]);
      expect(session.problem).toBeNull();
    }
    // Forth again by running: the same bytes, on a branch of its own.
    expect(run(LINES[0] ?? '')).toBe('');
    expect(session.imageHash()).toBe(hashes[1]);
    expect(session.timeline().steps.length).toBe(LINES.length + 2);
  });

  test('one script, in pieces or at once and on another tape, gives the same bytes', () => {
    const pieces = bench({ format });
    for (const line of LINES) pieces.run(line);
    const whole = bench({ format, isRecording: false });
    whole.run(LINES.join('\n'));
    expect(whole.session.imageHash()).toBe(pieces.session.imageHash());
  });

  test('under writeback, too, every step comes back', () => {
    const { session, run } = bench({ format, policy: 'writeback' });
    const listings: string[] = [];
    for (const line of LINES) {
      expect(run(line)).toBe('');
      listings.push(session.views.directory('/', { offset: 0, countMax: 99 }).files.map(said).join());
    }
    for (let step = LINES.length; step > 0; step -= 3) {
      session.seek({ step });
      const { files } = session.views.directory('/', { offset: 0, countMax: 99 });
      expect(files.map(said).join()).toBe(listings[step - 1]);
    }
    session.seek({ step: LINES.length });
    expect(session.views.check().findings.filter((finding) => !isInUse(finding))).toEqual([]);
  });

  test('at every write of every step the disk can be looked at, and is never changed by looking', () => {
    const { session, run } = bench({ format });
    for (const line of LINES) run(line);
    const { steps } = session.timeline();
    for (const { step, writeCount } of steps.slice(1)) {
      const stride = Math.max(1, Math.ceil(writeCount / 2));
      for (let write = 0; write < writeCount; write += stride) {
        session.seek({ step, write });
        const before = session.imageHash();
        const view = session.views.disk();
        expect(view.volume === null).toBe(view.problem !== null);
        if (view.volume !== null) session.views.directory('/', { offset: 0, countMax: 99 });
        session.views.map({ firstBlock: 0, blockCount: view.blockCount, cellsMax: 500 });
        expect(session.imageHash()).toBe(before);
      }
    }
    session.seek({ step: steps.length - 1 });
    expect(run('ls')).toBe('copy\nlater.bin\n');
  });

  test('what is saved was unmounted and is clean; what a power cut leaves says so when it is mounted', () => {
    const { session, run } = bench({ format });
    for (const line of LINES.slice(0, 8)) run(line);
    const checked = (store: typeof session.store) => benchOn(store, { mountsVolumes: false });
    expect(checked(session.restingStore).session.machine.fsck('disk1', { repair: false }).findings).toEqual(
      [],
    );
    // The live disk as it lies now: never unmounted.
    const cut = benchOn(session.store.fork());
    const { volume } = cut.session.views.disk();
    expect(volume?.warnings.length).toBeGreaterThan(0);
    cut.run('cd /; umount /Volumes/BENCH');
    expect(
      cut.run('fsck_msdos -y disk1; fsck_exfat -y disk1; fsck_hfs -fy disk1; fsck_apfs -y disk1'),
    ).not.toBe('');
    expect(cut.run('mount disk1; ls /Volumes/BENCH')).toBe('copy\nfilm.mov\nlater.bin\nphotos\n');
  });

  test('views speak of every block, every file and every structure', () => {
    const { session, run } = bench({ format, scheme: 'mbr' });
    for (const line of LINES.slice(0, 9)) run(line);
    const { blockCount } = session.views.disk();
    const { regions } = session.views.regions({ offset: 0, countMax: 10_000 });
    let end = 0;
    for (const region of regions) {
      expect(region.firstBlock).toBe(end);
      end += region.blockCount;
      const view = session.views.block(region.firstBlock);
      expect(view.annotation.title).not.toBe('');
      expect(session.views.why(region.firstBlock).sentences.length).toBeGreaterThan(1);
    }
    expect(end).toBe(blockCount);
    const top = session.views.structures(null, { offset: 0, countMax: 100 });
    expect(top.total).toBeGreaterThan(2);
    for (const { id } of top.nodes) session.views.structures(id, { offset: 0, countMax: 20 });
    const names = session.views.directory('/photos', { offset: 0, countMax: 99 }).files;
    expect(names.length).toBe(11);
    for (const { path } of names) expect(session.views.file(path).attributes.length).toBeGreaterThan(9);
  });
});
