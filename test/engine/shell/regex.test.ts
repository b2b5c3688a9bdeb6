import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../../src/engine/shell/pattern.ts';
import { compileRegex, type Match, type Regex } from '../../../src/engine/shell/regex/regex.ts';
import { Stopwatch } from '../../support/stopwatch.ts';

/**
 * Goal: expressions and patterns match what they should, in time proportional to the text.
 * Method: random small expressions against JavaScript's own engine (as an oracle of which texts match at all) and
 * against trying every substring (for leftmost-longest); the classic bombs with a clock.
 */
const find = (regex: Regex, text: string): Match | null => {
  const running = regex.find(text);
  let step = running.next();
  while (!step.done) step = running.next();
  return step.value;
};

const extended = { isExtended: true, ignoresCase: false } as const;

const atom = fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', '\\.', '[[:digit:]]', 'ab');
const expression: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    atom,
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => a + b),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a}|${b})`),
    fc
      .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{0,1}', '{2,}'))
      .map(([a, q]) => `(${a})${q}`),
  ),
})).node;
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '.', 'é'), maxLength: 10 });
const anchored = fc
  .tuple(fc.constantFrom('', '^'), expression, fc.constantFrom('', '$'))
  .map((parts) => parts.join(''));

const javascript = (source: string) => new RegExp(source.replaceAll('[[:digit:]]', '[0-9]'));

describe('regular expressions', () => {
  test('match the texts that the same expression matches in JavaScript', () => {
    fc.assert(
      fc.property(anchored, text, (source, line) => {
        expect(compileRegex([source], extended).test(line)).toBe(javascript(source).test(line));
      }),
      { numRuns: 2000 },
    );
  });

  test('find the leftmost match, and of those the longest', () => {
    fc.assert(
      fc.property(expression, text, (source, line) => {
        const whole = new RegExp(`^(?:${javascript(source).source})$`);
        let wanted: { start: number; end: number } | null = null;
        for (let start = 0; start <= line.length && !wanted; start++)
          for (let end = line.length; end >= start && !wanted; end--)
            if (whole.test(line.slice(start, end))) wanted = { start, end };
        const found = find(compileRegex([source], extended), line);
        expect(found && { start: found.start, end: found.end }).toEqual(wanted);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['(a+)+$', 'a'.repeat(5000) + 'b'],
    ['(a|aa)+$', 'a'.repeat(5000) + 'b'],
    ['(a*)*b', 'a'.repeat(5000)],
    ['(.*)*x(.*)*y', 'x'.repeat(3000)],
    ['a?'.repeat(100) + 'a'.repeat(100), 'a'.repeat(99)],
    ['(((a{30}){30}))', 'a'.repeat(800)],
  ])('%s takes no time to fail', (source, line) => {
    const watch = new Stopwatch();
    const regex = compileRegex([source], extended);
    expect(regex.test(line)).toBe(false);
    expect(find(regex, line)).toBeNull();
    expect(watch.milliseconds).toBeLessThan(2000);
  });

  test.each([
    'a\\',
    '[a',
    '(a',
    '*a',
    '+',
    'a{2,1}',
    'a{256}',
    '[z-a]',
    '[[:nope:]]',
    '(a)\\1',
    '((((a{255}){255}){255}))',
    '('.repeat(200),
  ])('%s is refused with a reason', (source) => {
    expect(() => compileRegex([source], extended)).toThrow(/\w{4}/);
  });

  test('groups tell what they held', () => {
    expect(find(compileRegex(['^(.*)-(x?)([0-9]+)$'], extended), 'ab-12')?.groups).toEqual(['ab', '', '12']);
  });
});

describe('shell patterns', () => {
  const piece = fc.constantFrom('a', 'b', '*', '?', '[ab]', '[!a]', '[a-c]', '\\*', '.');
  const oracle = (pattern: string) =>
    new RegExp(
      `^${pattern.replace(/\\\*|\[!|[*?.]/g, (part) => ({ '\\*': '\\*', '[!': '[^', '*': '.*', '?': '.', '.': '\\.' })[part] ?? part)}$`,
    );

  test('match as a translation into a regular expression does', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 6 }),
        fc.string({ unit: fc.constantFrom('a', 'b', 'c', '*', '.'), maxLength: 8 }),
        (pieces, name) => {
          const pattern = pieces.join('');
          expect(compilePattern(pattern).matches(name)).toBe(oracle(pattern).test(name));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('of many stars take no time to fail', () => {
    const watch = new Stopwatch();
    expect(compilePattern(`${'*a'.repeat(50)}*b`).matches('a'.repeat(20_000))).toBe(false);
    expect(watch.milliseconds).toBeLessThan(2000);
  });
});
