import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { compare, comparedFile } from '../../src/engine/session/compare.ts';
import { comparisonCsv } from '../../src/engine/session/compare-export.ts';
import { countedBlockBytes } from '../../src/engine/session/comparison.ts';
import type { Comparison } from '../../src/engine/session/comparison.ts';
import type { StepView } from '../../src/rpc/protocol.ts';
import { EngineServer } from '../../src/rpc/server.ts';
import { commandLine } from './built.ts';
import { collected } from './collected.ts';

/**
 * Goal: `compare` prints what the page shows. Method: the same commands typed at four engines as the page types them;
 * the figures of both must be equal, to the byte and the nanosecond.
 */
const diskoscope = commandLine();
const COMMANDS = [
  'mkfile 1m film.mov',
  'cp -c film.mov copy.mov || cp film.mov copy.mov',
  'for i in 1 2 3; do\n  echo $i > note-$i.txt\ndone',
  'ln film.mov hard',
];
const SCRIPT = `# a film, cloned\n\n${COMMANDS.join('\n')}\n`;
const TITLES = { apfs: 'APFS', hfsplus: 'HFS+', exfat: 'exFAT', fat32: 'FAT32' } as const;

const script = () => diskoscope.path('script.sh');
const run = (...args: string[]) => diskoscope(['compare', ...args]);

beforeAll(() => writeFileSync(script(), SCRIPT));

async function asThePage(): Promise<Comparison> {
  const disks = [];
  for (const format of Object.keys(TITLES) as (keyof typeof TITLES)[]) {
    const engine = new EngineServer();
    const { disk } = await engine.createDisk({
      ...{ format, sizeBytes: 2 ** 26, label: 'COMPARE', scheme: 'none', settings: {}, startLines: [] },
      ...{ seed: 1, profile: 'hdd', policy: 'each' },
    });
    const steps: StepView[] = [];
    for (const command of COMMANDS) steps.push((await engine.run(command, () => {})).step!);
    const files = [comparedFile('copy.mov', await engine.file('copy.mov'))];
    disks.push({ title: TITLES[format], blockSizeBytes: countedBlockBytes(disk), steps, files });
  }
  return compare(disks, 'hdd');
}

describe('compare', () => {
  test('its figures and sentences are those of the page', async () => {
    const page = await asThePage();
    const json = run('--json', '--device', 'hdd', '-f', 'copy.mov', script());
    expect(json).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(json.stdout)).toMatchObject(JSON.parse(JSON.stringify(page)) as object);
    const csv = run('--csv', '--device', 'hdd', '-f', 'copy.mov', script());
    expect(csv.stdout).toBe(comparisonCsv(page));
    // Priced for the disk, though it ran on another device.
    const text = run('--device', 'hdd', '-f', 'copy.mov', script()).stdout;
    for (const sentence of page.sentences) expect(text.split('\n')).toContain(sentence);
  });

  test('a table for each command and one for all, whose columns line up', () => {
    const { stdout, stderr } = run('-t', 'apfs, fat32', script());
    const lines = stdout.split('\n');
    expect(lines.filter((line) => /^% /.test(line)).length).toBe(COMMANDS.length);
    expect(lines).toContain('4 commands');
    expect(lines).toContain('>   echo $i > note-$i.txt');
    const heads = lines.filter((line) => / APFS \(4 KiB\) +FAT32$/.test(line));
    expect(heads.length).toBe(COMMANDS.length + 1);
    const rows = lines.filter((line) => /^(result|written|  data|barriers|free space)/.test(line));
    expect(new Set([...heads, ...rows].map(({ length }) => length)).size).toBe(1);
    expect(lines.find((line) => line.startsWith('time'))).toContain('NVMe SSD');
    expect(stderr).toContain('FAT32: ln: hard: Operation not supported\n');
    expect(stderr).not.toContain('APFS:');
  });

  test('a script on standard input; one that exits leaves the rest undone', () => {
    const { stdout } = diskoscope(
      ['compare', '-t', 'exfat', '--json', '-'],
      'echo 1 > a\nexit 3\necho 2 > b\n',
    );
    const { commands } = JSON.parse(stdout) as Comparison;
    expect(commands.map(({ cells }) => cells[0]?.failures ?? null)).toEqual([0, 1, null]);
  });

  test('what is wrong with the call is said, and nothing is printed', async () => {
    const wrong = async (sentence: string, ...args: string[]) => {
      const { exitCode, stdout, stderr } = await collected(['compare', ...args]);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toContain(sentence);
    };
    await wrong('SCRIPT is missing.');
    await wrong("-t does not know 'extfat' (did you mean exfat?)", '-t', 'extfat', script());
    await wrong("-t does not know ''", '-t', 'apfs,', script());
    await wrong('-t names apfs twice.', '-t', 'apfs,exfat,apfs', script());
    await wrong('Give --json or --csv, not both.', '--json', '--csv', script());
    await wrong("--device does not know 'floppy'", '--device', 'floppy', script());
    writeFileSync(diskoscope.path('open.sh'), 'echo 1 > a\nfor i in 1 2\n');
    await wrong('The script ends in the middle of a command.', diskoscope.path('open.sh'));
    writeFileSync(diskoscope.path('empty.sh'), '# nothing\n\n');
    await wrong('SCRIPT holds no command.', diskoscope.path('empty.sh'));
  });

  test('a disk too small for a format, and a script that is not there', () => {
    expect(run('-s', '4k', script())).toMatchObject({ exitCode: 1, stdout: '' });
    const { exitCode, stderr } = run(diskoscope.path('none.sh'));
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^diskoscope compare: Cannot read .*none\.sh: there is no such file\.\n$/);
  });
});
