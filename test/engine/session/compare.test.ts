import { describe, expect, test } from 'vitest';
import { ROLES } from '../../../src/engine/base/role.ts';
import type { ProfileName } from '../../../src/engine/device/profile.ts';
import { compare, comparedFile, missingFile } from '../../../src/engine/session/compare.ts';
import { tableRows } from '../../../src/engine/session/compare-rows.ts';
import { countedBlockBytes } from '../../../src/engine/session/comparison.ts';
import type { ComparedSteps } from '../../../src/engine/session/comparison.ts';
import type { StepView } from '../../../src/engine/session/view.ts';
import { bench } from './bench.ts';
import type { Bench } from './bench.ts';

/**
 * Goal: a comparison says what the disks did. Method: real runs on every format; each figure against a count of the
 * tape that knows nothing of views, each sentence against the figures it is made of.
 */
const TITLES = { apfs: 'APFS', hfsplus: 'HFS+', exfat: 'exFAT', fat32: 'FAT32' } as const;
type Title = keyof typeof TITLES;
const ALL = Object.keys(TITLES) as Title[];

interface Ran {
  readonly benches: readonly Bench[];
  readonly disks: readonly ComparedSteps[];
}

/** `lines` on a disk of each format; `before` is run first and not compared. */
function ran(lines: readonly string[], { before = '', formats = ALL as readonly Title[] } = {}): Ran {
  const benches = formats.map((format) => bench({ format }));
  const disks = benches.map(({ session, run }, at) => {
    if (before !== '') expect(run(before)).toBe('');
    for (const line of lines) run(line);
    return {
      title: TITLES[formats[at] as Title],
      blockSizeBytes: countedBlockBytes(session.views.disk()),
      steps: session.timeline().steps.slice(before === '' ? 1 : 2),
    };
  });
  return { benches, disks };
}

const sentences = (disks: readonly ComparedSteps[], profile: ProfileName = 'nvme') =>
  compare(disks, profile).sentences.join('\n');

describe('figures', () => {
  const LINES = [
    'mkfile 300k film.mov',
    'cp -c film.mov copy.mov || cp film.mov copy.mov',
    'for i in 1 2 3; do echo $i > note-$i.txt; done; ls -l',
    'rm film.mov; sync',
  ];
  const { benches, disks } = ran(LINES);
  const comparison = compare(disks, 'sata-ssd');

  test.each(ALL.map((format, at) => [format, at] as const))('%s: what the tape counts', (_, at) => {
    const { tape } = benches[at]!.session;
    const { blockSizeBytes } = comparison.disks[at]!;
    const count = (range: { from: number; to: number }) => {
      const { bytesByRole, ...totals } = tape.totals(range);
      const bytes = (...roles: string[]) =>
        roles.reduce((sum, role) => sum + (bytesByRole[(ROLES as readonly string[]).indexOf(role)] ?? 0), 0);
      const parts = {
        data: bytes('data', 'shared', 'pinned'),
        journal: bytes('journal'),
        checkpoint: bytes('checkpoint'),
      };
      const metadata = totals.bytes - parts.data - parts.journal - parts.checkpoint;
      const { writes, barriers, trims } = totals;
      const blocks = totals.bytes / blockSizeBytes;
      return { writes, barriers, trims, blocks, bytes: totals.bytes, bytesByGroup: { ...parts, metadata } };
    };
    let from = 0;
    for (const [number, { writeCount, line }] of (disks[at]!.steps as readonly StepView[]).entries()) {
      const range = { from, to: from + writeCount };
      expect(comparison.commands[number]?.line).toBe(line);
      expect(comparison.commands[number]?.cells[at], line).toMatchObject(count(range));
      from = range.to;
    }
    const total = comparison.total[at]!;
    expect(total).toMatchObject(count({ from: 0, to: tape.length }));
    expect(total.simulatedNanoseconds).toBe(
      comparison.commands.reduce((sum, { cells }) => sum + (cells[at]?.simulatedNanoseconds ?? 0), 0),
    );
    expect(total.handedBytes).toBe((at === 0 ? 1 : 2) * 300 * 1024 + 6);
    expect(total.writeAmplification).toBe(total.bytes / total.handedBytes);
  });

  test('journals are of HFS+, checkpoints of APFS', () => {
    expect(comparison.total.map(({ bytesByGroup }) => bytesByGroup.journal > 0)).toEqual([
      false,
      true,
      false,
      false,
    ]);
    expect(comparison.total.map(({ bytesByGroup }) => bytesByGroup.checkpoint > 0)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  test('free space and errors are those of the disk', () => {
    for (const [at, { session }] of benches.entries()) {
      const { freeBytes, totalBytes } = session.views.disk().volume!;
      session.seek({ step: 0 });
      const before = session.views.disk().volume!.freeBytes;
      expect(comparison.total[at]?.freeBytesChange).toBe(freeBytes - before);
      expect(totalBytes).toBeGreaterThan(before);
    }
    expect(comparison.commands[1]?.cells.map((cell) => cell?.error?.code)).toEqual([
      undefined,
      ...Array<string>(3).fill('ENOTSUP'),
    ]);
  });

  test('another device changes the times and nothing else', () => {
    const onCard = compare(disks, 'sd-card');
    const rest = ({ total }: typeof onCard) =>
      total.map(({ simulatedNanoseconds: _, ...figures }) => figures);
    expect(rest(onCard)).toEqual(rest(comparison));
    for (const [at, { simulatedNanoseconds }] of onCard.total.entries()) {
      expect(simulatedNanoseconds).toBeGreaterThan(2 * comparison.total[at]!.simulatedNanoseconds);
    }
  });

  test('a disk that did not run a command has no figures there, and a row keeps its place', () => {
    const shorter = { ...disks[1]!, steps: [...disks[1]!.steps.slice(0, 3), null] };
    const other = compare([disks[0]!, shorter], 'nvme');
    const { line, cells } = other.commands[3]!;
    expect([line, cells[1]]).toEqual([LINES[3], null]);
    expect(other.total[1]?.barriers).toBe(
      compare(disks, 'nvme')
        .commands.slice(0, 3)
        .reduce((sum, row) => sum + row.cells[1]!.barriers, 0),
    );
    const rows = tableRows(other, cells);
    expect(rows[0]?.cells).toEqual(['done', 'not run']);
    expect(rows.map(({ label }) => label)).toEqual(tableRows(other, other.total).map(({ label }) => label));
  });
});

describe('sentences', () => {
  test('a clone against three copies', () => {
    const { disks } = ran(['cp -c a b || cp a b'], { before: 'mkfile 1m a' });
    const comparison = compare(disks, 'nvme');
    const [apfs, , exfat, fat] = comparison.total;
    expect(comparison.sentences[0]).toBe(
      `APFS wrote ${apfs!.blocks} blocks of 4 KiB (${apfs!.bytes / 1024} KiB) and none of them data; HFS+, exFAT and FAT32 got ENOTSUP and copied 1 MiB.`,
    );
    const counts = comparison.total.map(({ barriers }) => barriers);
    const titles = (count: number) =>
      ALL.filter((_, at) => counts[at] === count).map((format) => TITLES[format]);
    const [most, least] = [Math.max(...counts), Math.min(...counts)];
    expect([titles(most), titles(least)]).toEqual([['HFS+'], ['exFAT', 'FAT32']]);
    expect(comparison.sentences).toContain(`HFS+ needed ${most} barriers, exFAT and FAT32 ${least}.`);
    expect(comparison.sentences.join()).toMatch(
      /Free space fell by 1 MiB on HFS\+, exFAT and FAT32 and stayed as it was on APFS/,
    );
    expect(exfat!.handedBytes).toBe(fat!.handedBytes);
  });

  test('what one format refuses and another does', () => {
    const { disks } = ran(['ln a b', 'ls > /dev/null'], { before: 'echo 1 > a' });
    expect(compare(disks, 'nvme').sentences[0]).toBe(
      '“ln a b” works on APFS and HFS+; it fails on exFAT and FAT32 with ENOTSUP (Operation not supported).',
    );
  });

  test('which device it is decides what is said about time', () => {
    const { disks } = ran(['mkfile 2m a'], { formats: ['hfsplus', 'exfat'] });
    for (const profile of ['hdd', 'sd-card'] as const) {
      const { total, sentences: said } = compare(disks, profile);
      const [hfs, exfat] = total.map(({ simulatedNanoseconds }) => simulatedNanoseconds);
      const about = said.find((sentence) => sentence.startsWith('On the simulated device'));
      const ratio = Math.max(hfs!, exfat!) / Math.min(hfs!, exfat!);
      if (Math.abs(Math.log2(ratio)) < 0.25) expect(about).toBeUndefined();
      else expect(about).toContain(hfs! > exfat! ? 'on exFAT and' : 'on HFS+ and');
    }
  });

  test('disks that did the same, and disks that did nothing', () => {
    const twice = ran(['mkfile 100k a'], { formats: ['exfat', 'exfat'] }).disks;
    expect(sentences(twice)).toBe(
      'In what they wrote, in barriers, time and free space, the disks hardly differ.',
    );
    expect(sentences(ran(['ls; df > /dev/null']).disks)).toBe('Nothing was written to any of the disks.');
    expect(sentences(twice.slice(0, 1))).toBe('');
    expect(sentences([])).toBe('');
  });

  test('of many commands the one is named at which the times are furthest apart', () => {
    const { disks } = ran(['touch a', 'mkfile 2m film', 'touch b'], { formats: ['apfs', 'fat32'] });
    const { commands, sentences: said } = compare(disks, 'hdd');
    const spread = commands.map(({ cells }) =>
      Math.abs(cells[0]!.simulatedNanoseconds - cells[1]!.simulatedNanoseconds),
    );
    const at = spread.indexOf(Math.max(...spread));
    const named = said.find((sentence) => sentence.includes('furthest apart'));
    if (spread[at]! * 2 >= spread.reduce((a, b) => a + b)) expect(named).toContain(`“${commands[at]?.line}”`);
    else expect(named).toBeUndefined();
  });

  test('files: how they lie, and where they are not', () => {
    const line = 'mkfile 8k a; mkfile 8k b; mkfile 8k c; rm b; mkfile 24k d; ln -s a link; ln a hard';
    const { benches, disks } = ran([line]);
    const withFiles = disks.map((disk, at) => ({
      ...disk,
      files: ['d', 'hard'].map((path) => {
        try {
          return comparedFile(path, benches[at]!.session.views.file(path));
        } catch {
          return missingFile(path, 'No such file or directory');
        }
      }),
    }));
    const comparison = compare(withFiles, 'nvme');
    for (const [at, { session }] of benches.entries()) {
      const { extents, file } = session.views.file('d');
      const cell = comparison.files[0]!.cells[at]!;
      expect(cell.extents.map(({ lengthBytes }) => lengthBytes)).toEqual(
        extents.map(({ lengthBytes }) => lengthBytes),
      );
      expect([cell.sizeBytes, cell.extentCount]).toEqual([24 * 1024, file.extentCount]);
    }
    expect(comparison.sentences).toContain('“hard” is on APFS and HFS+, not on exFAT and FAT32.');
    const counts = comparison.files[0]!.cells.map((cell) => cell!.extentCount);
    expect(comparison.sentences.some((sentence) => sentence.startsWith('“d” lies on'))).toBe(
      new Set(counts).size > 1,
    );
  });
});
