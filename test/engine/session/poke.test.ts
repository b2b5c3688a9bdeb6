import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { imageHash } from '../../../src/engine/device/image.ts';
import { DISK_SIZES } from './disk-sizes.ts';
import { bench } from './bench.ts';
import type { Bench } from './bench.ts';
import { fsckApfs, fsckExfat, fsckVfat } from '../../support/checkers.ts';
import { sparseImageFile } from '../../support/formats.ts';

/**
 * Goal: bytes edited by hand are a step like any other: written as told and nothing else, undone to the byte, run again
 * to the byte; checksums fit when asked to, and the verdict beside it is the checker's.
 * Method: lines typed at real disks of every format; the reference checkers judge what was mended.
 */

const FILES =
  'mkdir d; echo "hello, this is a file with a long name" > "A rather long name.text"; echo x > d/B.TXT';
const made = (format: string, more: Partial<Parameters<typeof bench>[0]> = {}): Bench => {
  const machine = bench({ format, sizeBytes: DISK_SIZES[format] ?? 2 ** 24, ...more });
  machine.run(FILES);
  return machine;
};

/** The first block whose fields have one of that name, and the field. */
function fieldNamed({ session }: Bench, name: RegExp, title = /./) {
  const { regions } = session.views.regions({ offset: 0, countMax: 1000 });
  for (const { firstBlock, blockCount, role } of regions) {
    if (role === 'free' || role === 'data') continue;
    for (let block = firstBlock; block < firstBlock + Math.min(blockCount, 64); block++) {
      const { annotation } = session.views.block(block);
      if (!title.test(annotation.title)) continue;
      const field = annotation.fields.find((each) => name.test(each.name));
      if (field !== undefined) return { block, ...field };
    }
  }
  throw new Error(`no field is called ${name}`);
}

const hexOf = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

const FORMATS = Object.keys(DISK_SIZES);

describe.each(FORMATS)('%s', (format) => {
  test('an edit writes its bytes and no others, is one step, and is undone and done again to the byte', () => {
    const machine = made(format, { scheme: 'gpt' });
    const { session, run } = machine;
    const before = session.store.fork();
    const hash = session.imageHash();
    const block = session.views
      .regions({ offset: 0, countMax: 9999 })
      .regions.find(({ role }) => role === 'free');
    const at = (block?.firstBlock ?? 0) + 3;
    const steps = session.timeline().steps.length;
    expect(run(`scope poke ${at} 0x10 de ad BEEF`)).toContain('00 00 00 00 → de ad be ef');
    expect(session.timeline().steps.length).toBe(steps + 1);
    expect(session.timeline().steps.at(-1)).toMatchObject({ writeCount: 1, exitCode: 0 });
    const { bytes, before: old } = session.views.block(at);
    expect(hexOf(bytes.subarray(16, 20))).toBe('deadbeef');
    expect(old?.every((byte) => byte === 0)).toBe(true);
    const edited = session.imageHash();
    const whole = new Uint8Array(512);
    before.read(at, whole);
    whole.set([0xde, 0xad, 0xbe, 0xef], 16);
    before.write(at, whole, { role: 'free', owner: '', reason: 'as told' });
    expect(imageHash(before)).toBe(edited);
    session.undo();
    expect(session.imageHash()).toBe(hash);
    expect(run('cat d/B.TXT')).toBe('x\n');
    session.undo();
    session.seek({ step: steps });
    expect(session.imageHash()).toBe(edited);
  });

  test('the same lines give the same bytes', () => {
    const hashes = [1, 2].map(() => {
      const machine = made(format);
      machine.run('scope poke 2 9 0102 --mend; echo more > more');
      machine.run('scope poke 30 1 ff');
      return machine.session.imageHash();
    });
    expect(hashes[0]).toBe(hashes[1]);
  });

  test('what was typed before it stays under writeback', () => {
    const { session, run } = made(format, { policy: 'writeback' });
    run('echo late > late.txt');
    const { blockCount } = session.store;
    expect(run(`scope poke ${blockCount - 9} 100 01; cat late.txt`)).toMatch(/late\n$/);
  });

  test('a file that is open is EBUSY, and nothing has changed', () => {
    const { session, run } = made(format);
    const hash = session.imageHash();
    expect(run('exec 3<d/B.TXT; scope poke 0 0 ff; echo $?')).toMatch(/busy.*open[^]*\n1\n$/i);
    expect(session.imageHash()).toBe(hash);
    expect(run('cat <&3')).toBe('x\n');
  });

  test('hostile words are sentences, nothing is written, and the exit code says so', () => {
    const { session, run } = made(format);
    const hash = session.imageHash();
    const { blockCount } = session.store;
    const refusals: [string, RegExp][] = [
      ['scope poke', /usage/],
      ['scope poke 1 2', /usage/],
      ['scope poke x 0 ff', /'x' is no block/],
      ['scope poke 1 y ff', /'y' is no offset/],
      ['scope poke 1 0 fg', /'g' is no hexadecimal digit/],
      ['scope poke 1 0 fff', /3 hexadecimal digits/],
      ['scope poke 1 0 ""', /no byte to write/],
      [`scope poke ${blockCount} 0 ff`, /has blocks 0 to/],
      ['scope poke 99999999999999999999 0 ff', /no block/],
      ['scope poke -- -1 0 ff', /no block/],
      ['scope poke 1 512 ff', /bytes 0 to 511/],
      ['scope poke 1 511 ffff', /2 bytes do not fit/],
      [`scope poke 1 0 ${'ff'.repeat(513)}`, /513 bytes do not fit/],
      [`scope poke 1 0 ${'ff'.repeat(9000)}`, /more than a block has/],
      ['scope poke 1 0 💥', /no hexadecimal digit/],
    ];
    for (const [line, sentence] of refusals) {
      expect(run(line), line).toMatch(sentence);
      expect(session.timeline().steps.at(-1)?.exitCode, line).not.toBe(0);
      expect(session.timeline().steps.at(-1)?.writeCount, line).toBe(0);
    }
    expect(session.imageHash()).toBe(hash);
  });

  test('a volume without its signature says why it is not mounted, is judged as what it was, and comes back with undo', () => {
    const { session, run } = made(format);
    const signature = { fat32: [0, 510], exfat: [0, 3], hfsplus: [2, 0], hfsx: [2, 0], apfs: [0, 32] }[
      format
    ];
    const [block, offset] = signature ?? [0, 0];
    const said = run(`scope poke ${block} ${offset} 00000000`.slice(0, format === 'fat32' ? -4 : undefined));
    expect(said).toMatch(/cannot be mounted: /);
    expect(session.views.disk().problem).toMatch(/cannot be mounted: /);
    expect(said).toMatch(/fsck_(msdos|exfat|hfs|apfs): (\d+ finding|the volume cannot)/);
    session.undo();
    expect(session.views.disk().problem).toBeNull();
    expect(run('cat d/B.TXT')).toBe('x\n');
  });

  test('whatever is written wherever: no bug is met, there is a verdict, and undo leads back', () => {
    const machine = made(format);
    const { session, run } = machine;
    const here = session.timeline().steps.length - 1;
    const hash = session.imageHash();
    const telling = session.views
      .regions({ offset: 0, countMax: 9999 })
      .regions.filter(({ role }) => role !== 'free' && role !== 'data')
      .flatMap(({ firstBlock, blockCount }) =>
        Array.from({ length: Math.min(blockCount, 24) }, (_, i) => firstBlock + i),
      );
    const edit = fc.record({
      block: fc.constantFrom(...telling),
      offset: fc.nat({ max: 504 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
      mends: fc.boolean(),
    });
    fc.assert(
      fc.property(edit, ({ block, offset, bytes, mends }) => {
        const said = run(
          `scope poke ${block} ${offset} ${hexOf(bytes)}${mends ? ' --mend' : ''}; ls -R / > /dev/null`,
        );
        expect(said).toMatch(/fsck_\w+: |holds these bytes already/);
        run('echo y > y; rm y');
        session.seek({ step: here });
        expect(session.imageHash()).toBe(hash);
      }),
      { seed: 20261201, numRuns: Number(process.env['POKES'] ?? 25) },
    );
  });
});

describe('checksums', () => {
  test('APFS: an object that was edited fits again, and apfsck agrees', () => {
    const machine = made('apfs');
    const { session, run } = machine;
    const { block, offsetBytes } = fieldNamed(machine, /NxSuperblock\.uuid/, /newest checkpoint/);
    const judged = () => fsckApfs(sparseImageFile(session.restingStore));
    expect(run(`scope poke ${block} ${offsetBytes} 11 --mend`)).toMatch(/Fletcher-64 .* fits again/);
    expect(judged()).not.toMatch(/checksum/i);
    session.undo();
    const said = run(`scope poke ${block} ${offsetBytes} 11`);
    expect(said).not.toContain('fits again');
    expect(said).toMatch(/fsck_apfs: [1-9]|checksum/);
  });

  test('APFS: contents of files carry none, also when they look like an object', () => {
    const machine = made('apfs');
    const { session, run } = machine;
    run('dd if=/dev/disk1 of=copy bs=4096 count=1 2>/dev/null');
    const [block] = session.views.file('/copy').extentFirstBlocks;
    expect(run(`scope poke ${block} 40 77 --mend`)).toContain('it is no object');
  });

  test('exFAT: boot region, entry set and up-case table fit again, and fsck.exfat agrees', () => {
    const machine = made('exfat');
    const { session, run } = machine;
    const judged = () => fsckExfat(sparseImageFile(session.restingStore));
    expect(run('scope poke 0 100 12345678 --mend')).toContain('checksum of the boot region fits again');
    // The copy has another serial number now, which the checker does not mind.
    expect(judged()).toBe('');
    session.undo();
    expect(run('scope poke 0 100 12345678')).toMatch(/cannot be mounted[^]*checksum/i);
    session.undo();
    const name = fieldNamed(machine, /FileEntry\.modifyStamp/);
    expect(run(`scope poke ${name.block} ${name.offsetBytes} 21 --mend; ls -lO`)).toContain(
      'checksum of the entry set fits again',
    );
    expect(judged()).toBe('');
    session.undo();
    expect(run(`scope poke ${name.block} ${name.offsetBytes} 21`)).toMatch(/fsck_exfat: [1-9]/);
    session.undo();
    const table = session.views
      .regions({ offset: 0, countMax: 999 })
      .regions.find(({ owner }) => /up-case/i.test(owner));
    expect(run(`scope poke ${table?.firstBlock} 200 4100 --mend`)).toContain('the up-case table fits again');
  });

  test('HFS+: the header of the journal fits again; elsewhere there is nothing to mend', () => {
    const machine = made('hfsplus');
    const { session, run } = machine;
    const { block, offsetBytes } = fieldNamed(machine, /JournalHeader\.start/, /[Jj]ournal/);
    const sound = session.views.block(block).bytes;
    run(
      `scope poke ${block} ${offsetBytes} ${hexOf(sound.subarray(offsetBytes + 8, offsetBytes + 16))} --mend`,
    );
    const { annotation, bytes } = session.views.block(block);
    expect(annotation.title).not.toMatch(/wrong/);
    expect(bytes.subarray(36, 40)).not.toEqual(sound.subarray(36, 40));
    expect(run('scope poke 2 100 00000007 --mend')).toContain('only the journal of HFS+ has any');
  });

  test('FAT: the parts of a long name follow their short name', () => {
    const machine = made('fat32');
    const { session, run } = machine;
    const { block, offsetBytes } = fieldNamed(machine, /slot \d+: DirectoryEntry\.name/, /Directory/);
    const { fields } = session.views.block(block).annotation;
    const short = fields.find(({ text }) => text.includes('ARATHE')) ?? { offsetBytes };
    const typed = `scope poke ${block} ${short.offsetBytes} 5a --mend`;
    expect(run(typed)).toContain('carry the checksum of their short name again');
    expect(run('ls')).toContain('A rather long name.text');
    expect(fsckVfat(sparseImageFile(session.restingStore))).toBe('');
    session.seek({ step: 1 });
    run(typed.replace(' --mend', ''));
    expect(run('ls')).not.toContain('A rather long name.text');
  });

  test('GPT: header and array fit again, and both copies are still believed', () => {
    const { session, run } = made('fat32', { scheme: 'gpt' });
    expect(run('scope poke 1 60 00 --mend')).toMatch(/CRC-32s .* fit again[^]*map is sound/);
    expect(run('scope poke 2 56 41 --mend')).toMatch(/CRC-32s .* fit again[^]*map is sound/);
    session.undo();
    expect(run('scope poke 2 56 41')).toContain('CRC-32');
  });
});
