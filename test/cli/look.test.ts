import { beforeAll, describe, expect, test } from 'vitest';
import { commandLine } from './built.ts';

const diskoscope = commandLine();
const json = (...args: string[]) => JSON.parse(diskoscope([...args, '--json']).stdout);
const image = () => diskoscope.path('a.img');

beforeAll(() => {
  diskoscope(['newfs', '-t', 'fat32', '-s', '64m', '-v', 'LOOK', '--scheme', 'gpt', image()]);
  diskoscope(['sh', image(), '-c', 'mkdir d; echo hi > d/a; mkfile 20k b; rm -f d/none; mkfile 3k c']);
});

describe('info', () => {
  test('prints geometry in words and as JSON', () => {
    const { stdout, exitCode } = diskoscope(['info', image()]);
    expect(exitCode).toBe(0);
    for (const words of ['64 MiB (67,108,864 bytes)', 'Partition map:', 'gpt', 'MS-DOS (FAT32)', 'LOOK']) {
      expect(stdout).toContain(words);
    }
    expect(json('info', image())).toMatchObject({
      ...{ sizeBytes: 2 ** 26, blockSizeBytes: 512, blockCount: 2 ** 17, scheme: 'gpt', problem: null },
      volume: { device: 'disk1s1', label: 'LOOK', formatName: 'fat32', firstBlock: 2048 },
      slices: [{ device: 'disk1s1', firstBlock: 2048, typeName: 'Microsoft Basic Data' }],
    });
  });

  test('--hash gives the fingerprint, equal for equal disks', () => {
    const one = json('info', '--hash', image()).hash;
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    diskoscope(['sh', image(), '-c', 'echo x > x']);
    expect(json('info', '--hash', image()).hash).not.toBe(one);
  });
});

describe('map', () => {
  test('its runs cover the whole disk without gap or overlap', () => {
    const regions = json('map', image());
    let end = 0;
    for (const { firstBlock, blockCount } of regions) {
      expect(firstBlock).toBe(end);
      end = firstBlock + blockCount;
    }
    expect(end).toBe(2 ** 17);
    const of = (owner: string) => regions.filter((region: { owner: string }) => region.owner === owner);
    expect(of('/b')).toMatchObject([{ role: 'data', blockCount: 40 }]);
    expect(of('/d')).toMatchObject([{ role: 'directory' }]);
    expect(regions[0]).toMatchObject({ role: 'partition' });
    expect(diskoscope(['map', image()]).stdout.split('\n')).toHaveLength(regions.length + 1);
  });
});

describe('inspect', () => {
  test('explains every byte of a boot sector on the whole disk', () => {
    const { annotation, bytes } = json('inspect', image(), '--block', '2048');
    expect(bytes).toHaveLength(1024);
    expect(annotation.title).toContain('Boot sector');
    let end = 0;
    for (const { offsetBytes, lengthBytes } of annotation.fields) {
      expect(offsetBytes).toBe(end);
      end = offsetBytes + lengthBytes;
    }
    expect(end).toBe(512);
    expect(diskoscope(['inspect', image(), '-b', '2048']).stdout).toContain('BPB_BytsPerSec');
    expect(diskoscope(['inspect', image(), '-b', '1']).stdout).toContain('GPT header');
  });

  test('tells where a file lies, counted on the disk, and why', () => {
    const detail = json('inspect', image(), '--path', '/b');
    expect(detail.file).toMatchObject({ path: '/b', sizeBytes: 20480, extentCount: 1 });
    const [first] = detail.extentFirstBlocks;
    expect(json('inspect', image(), '--block', String(first)).annotation).toMatchObject({ role: 'data' });
    expect(detail.why.join(' ')).toContain(`block ${first}`);
    expect(diskoscope(['inspect', image(), '-p', 'd/a']).stdout).toContain('/d/a: file, 3 bytes');
  });

  test.each([
    [[], 2, 'Give one of --block and --path.'],
    [['-b', '1', '-p', 'b'], 2, 'Give one of --block and --path.'],
    [['-b', '-1'], 2, '--block takes a number'],
    [['-b', '131072'], 2, '--block takes a number from 0 to 131071'],
    [['-p', 'missing'], 1, 'No such file or directory'],
  ])('%j: exit code %i', (args, exitCode, sentence) => {
    const outcome = diskoscope(['inspect', image(), ...args]);
    expect(outcome.stderr).toContain(sentence);
    expect(outcome.exitCode).toBe(exitCode);
  });
});
