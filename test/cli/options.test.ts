import { describe, expect, test } from 'vitest';
import { helpText, parseArguments, UsageError } from '../../src/cli/options.ts';
import type { Synopsis } from '../../src/cli/options.ts';
import { parseSize } from '../../src/cli/size.ts';
import { printedSize } from '../../src/engine/session/sentences.ts';

const synopsis: Synopsis = {
  name: 'make',
  summary: 'Make a thing',
  operands: [
    { name: 'IMAGE', help: 'the image' },
    { name: 'SCRIPT', isOptional: true, help: 'the script' },
  ],
  options: [
    { name: 'size', short: 's', value: 'SIZE', help: 'how big' },
    { name: 'set', short: 'o', value: 'KEY=VALUE', isRepeatable: true, help: 'settings' },
    { name: 'scheme', value: 'SCHEME', choices: ['none', 'gpt', 'mbr'], help: 'map' },
    { name: 'force', short: 'f', help: 'overwrite' },
    { name: 'quiet', short: 'q', help: 'say nothing' },
  ],
};
const parse = (line: string) => parseArguments(synopsis, line.split(' '));

describe('arguments', () => {
  test.each(['-s 64m a.img', '-s64m a.img', '--size 64m a.img', '--size=64m a.img', 'a.img -s 64m'])(
    '%s gives the size and the operand',
    (line) => {
      expect(parse(line).value('size')).toBe('64m');
      expect(parse(line).operand('IMAGE')).toBe('a.img');
      expect(parse(line).operand('SCRIPT')).toBeUndefined();
    },
  );

  test('a value may hold an equals sign and begin with a dash', () => {
    expect(parse('--set=a=b -o c=-1 x').values('set')).toEqual(['a=b', 'c=-1']);
  });

  test('switches may be bundled, a bare dash is an operand and -- ends the options', () => {
    const parsed = parse('-fq a.img -');
    expect([parsed.has('force'), parsed.has('quiet'), parsed.operand('SCRIPT')]).toEqual([true, true, '-']);
    expect(parse('-- -f').operand('IMAGE')).toBe('-f');
    expect(parse('-- -f').has('force')).toBe(false);
  });

  test.each([
    ['--forc a', 'There is no option --forc (did you mean --force?).'],
    ['-x a', 'There is no option -x'],
    ['--force=1 a', '--force takes no value.'],
    ['a --size', '--size needs a value: --size SIZE.'],
    ['--scheme gtp a', "--scheme does not know 'gtp' (did you mean gpt?); it takes none, gpt or mbr."],
    ['-s 1m -s 2m a', '-s is given twice.'],
    ['a b c', "'c' is one argument too many."],
    ['-f', 'IMAGE is missing.'],
  ])('%s is refused with a sentence', (line, sentence) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(sentence);
  });

  test('help needs no operands and names every option', () => {
    expect(parse('--help').has('help')).toBe(true);
    const help = helpText(synopsis);
    expect(help).toContain('usage: diskoscope make [options] IMAGE [SCRIPT]');
    for (const { name } of synopsis.options) expect(help).toContain(`--${name}`);
  });
});

describe('sizes', () => {
  test.each([
    ['512k', 524288],
    ['64m', 67108864],
    ['2G', 2147483648],
    ['1t', 2 ** 40],
    ['1.5g', 1610612736],
    ['4096', 4096],
    ['4KiB', 4096],
    ['10MB', 10485760],
  ])('%s is %i bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(['', '-1', '12q', 'k', '1.3', '99999999t', '1e9', '0x10'])('%s is refused', (text) => {
    expect(() => parseSize(text)).toThrow(UsageError);
  });

  test('sizes are written with binary units', () => {
    expect([0, 1536, 2 ** 26, 2 ** 40].map(printedSize)).toEqual(['0 bytes', '1.5 KiB', '64 MiB', '1 TiB']);
  });
});
