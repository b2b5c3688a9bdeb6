import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../../src/engine/shell/option-parser.ts';
import { baseName, directoryName } from '../../../src/engine/shell/paths-text.ts';
import { flagsText, modeText, parseFlags, parseMode } from '../../../src/engine/shell/permissions-text.ts';
import { decimalSize, expandNumber, humanize } from '../../../src/engine/shell/sizes-text.ts';
import { visibleName } from '../../../src/engine/shell/terminal-text.ts';
import {
  formatTime,
  listingTime,
  parseIsoTime,
  parseTouchTime,
} from '../../../src/engine/shell/times-text.ts';

/** Goal: the small languages all file commands share say what macOS's C library says. */

describe('options', () => {
  test.each([
    [['-la', 'x', '-R'], 'al', 'la', ['x', '-R'], null],
    [['-m755', 'd'], 'm:p', 'm=755', ['d'], null],
    [['-pm', '755', 'd'], 'm:p', 'pm=755', ['d'], null],
    [['--', '-a'], 'a', '', ['-a'], null],
    [['-', 'x'], 'a', '', ['-', 'x'], null],
    [['-z'], 'a', '', [], 'illegal option -- z'],
    [['-:'], 'a:', '', [], 'illegal option -- :'],
    [['-a'], 'a:', '', [], 'option requires an argument -- a'],
    [['--color'], 'a', '', [], 'illegal option -- -'],
  ])('%j against %s', (args, letters, found, operands, problem) => {
    const parsed = parseOptions(args, { letters });
    expect(parsed.options.map(({ letter, value }) => (value ? `${letter}=${value}` : letter)).join('')).toBe(
      found,
    );
    expect([parsed.operands, parsed.problem]).toEqual([operands, problem]);
  });

  test('getopt_long words it differently', () => {
    expect(parseOptions(['--si'], { letters: 'h', long: { si: 'H' } }).options).toEqual([
      { letter: 'H', value: '' },
    ]);
    expect(parseOptions(['--so'], { letters: 'h', long: { si: 'H' } }).problem).toBe(
      "unrecognized option `--so'",
    );
    expect(parseOptions(['--color=auto'], { letters: '', long: { color: 'G' } }).options).toEqual([
      { letter: 'G', value: 'auto' },
    ]);
    expect(parseOptions(['-z'], { letters: 'h', long: {} }).problem).toBe('invalid option -- z');
  });
});

describe('sizes', () => {
  test.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1.0K'],
    [1024, '1.0K'],
    [10_239, '10K'],
    [1024 * 1023.6, '1.0M'],
    [932 * 2 ** 30, '932G'],
    [2 ** 40, '1.0T'],
  ])('ls -h of %d is %s', (bytes, text) => {
    expect(humanize(bytes, { bufferSize: 5, divisor: 1024 })).toBe(text);
  });

  test('df -h and df -H', () => {
    expect(humanize(932 * 2 ** 30, { bufferSize: 6, divisor: 1024, suffix: 'i' })).toBe('932Gi');
    expect(humanize(0, { bufferSize: 6, divisor: 1024, suffix: 'i' })).toBe('0Bi');
    expect(humanize(9_767_493_838, { bufferSize: 5, divisor: 1000, hasByteMark: false })).toBe('9.8G');
  });

  test.each([
    ['12', 12],
    ['4k', 4096],
    ['1G', 2 ** 30],
    ['9999999p', null],
    ['x', null],
    ['', null],
    ['-1', null],
  ])('expand_number of %j', (text, bytes) => {
    expect(expandNumber(text)).toBe(bytes);
  });

  test.each([
    [512, '512 B'],
    [8_388_608, '8.4 MB'],
    [994_662_584_320, '994.7 GB'],
    [1_000_204_886_016, '1.0 TB'],
  ])('diskutil says %d as %s', (bytes, text) => {
    expect(decimalSize(bytes)).toBe(text);
  });
});

describe('modes', () => {
  test.each([
    [0o100644, '-rw-r--r--'],
    [0o040755, 'drwxr-xr-x'],
    [0o041777, 'drwxrwxrwt'],
    [0o104644, '-rwSr--r--'],
    [0o102755, '-rwxr-sr-x'],
    [0o120755, 'lrwxr-xr-x'],
  ])('%o reads %s', (mode, text) => {
    expect(modeText(mode)).toBe(text);
  });

  test.each([
    ['644', 0o100755, 0o644],
    ['u+x', 0o100644, 0o744],
    ['go-r', 0o100644, 0o600],
    ['a=rX', 0o100600, 0o444],
    ['a=rX', 0o040700, 0o555],
    ['+w', 0o100444, 0o644],
    ['g=u', 0o100740, 0o770],
    ['u=rwx,go=rx', 0o100000, 0o755],
    ['+t', 0o040755, 0o1755],
    ['o+t', 0o040755, 0o755],
    ['u+s', 0o100755, 0o4755],
    ['u-w+x', 0o100644, 0o544],
  ])('chmod %s of %o', (text, before, after) => {
    expect(parseMode(text, 0o022)?.(before)).toBe(after);
  });

  test.each(['8', '77777', 'u', 'z+x', '', 'u+x,', '644x'])('%j is no mode', (text) => {
    expect(parseMode(text, 0o022)).toBeNull();
  });

  test('flags', () => {
    expect(flagsText(0x8002)).toBe('uchg,hidden');
    expect(parseFlags('uchg,nohidden,nodump')).toEqual({ set: 3, clear: 0x8000 });
    expect(parseFlags('dump')).toEqual({ set: 0, clear: 1 });
    expect(parseFlags('uchg,blue')).toEqual({ unknown: 'blue' });
  });
});

describe('times', () => {
  const time = { seconds: Date.UTC(2026, 0, 4, 9, 5, 7) / 1000, nanoseconds: 0 };
  const at = (text: string) => ({ seconds: Date.parse(text) / 1000, nanoseconds: 0 });

  test('strftime', () => {
    expect(formatTime(time, '%c|%F %T|%e %b %y|%j|%I %p|%A|%u|%s|%%|%Q')).toBe(
      `Sun Jan  4 09:05:07 2026|2026-01-04 09:05:07| 4 Jan 26|004|09 AM|Sunday|7|${time.seconds}|%|%Q`,
    );
  });

  test('ls shows the clock for half a year and the year beyond, future included', () => {
    expect(listingTime(time, at('2026-05-01T00:00:00Z'), false)).toBe('Jan  4 09:05');
    expect(listingTime(time, at('2026-09-01T00:00:00Z'), false)).toBe('Jan  4  2026');
    expect(listingTime(time, at('2026-01-01T00:00:00Z'), false)).toBe('Jan  4  2026');
    expect(listingTime(time, at('2026-01-05T00:00:00Z'), true)).toBe('Jan  4 09:05:07 2026');
  });

  test.each([
    ['202602030405.06', '2026-02-03T04:05:06Z'],
    ['7002030405', '1970-02-03T04:05:00Z'],
    ['1002030405', '2010-02-03T04:05:00Z'],
    ['02030405', '2026-02-03T04:05:00Z'],
    ['02300405', null],
    ['020304', null],
    ['0203040a', null],
    ['202613030405', null],
  ])('touch -t %s', (text, expected) => {
    expect(parseTouchTime(text, time)).toEqual(expected === null ? null : at(expected));
  });

  test('touch -d', () => {
    expect(parseIsoTime('2026-02-03T04:05:06.5Z')).toEqual({
      ...at('2026-02-03T04:05:06Z'),
      nanoseconds: 500_000_000,
    });
    expect(parseIsoTime('2026-02-30T04:05:06')).toBeNull();
  });
});

describe('paths and names', () => {
  test.each([
    ['/a/b/', 'b', '/a'],
    ['b', 'b', '.'],
    ['/', '/', '/'],
    ['//a', 'a', '/'],
    ['', '.', '.'],
    ['a//b', 'b', 'a'],
  ])('%j has base %s and directory %s', (path, base, directory) => {
    expect([baseName(path), directoryName(path)]).toEqual([base, directory]);
  });

  test('a name shows control characters and never obeys them', () => {
    expect(visibleName('a\nb\u009bc\u202ed')).toBe('a?b?c?d');
  });
});
