import { describe, expect, test } from 'vitest';
import { ShellMachine } from '../../support/shell-machine.ts';

/** Goal: hostile and silly input gets a sentence and an exit code; nothing hangs, nothing overflows, the shell lives on. */
const deep = (open: string, close: string, count: number, inside = 'echo x') =>
  open.repeat(count) + inside + close.repeat(count);

describe('hostile lines end with a sentence', () => {
  test.each([
    ['open substitutions', '$('.repeat(10_000), /syntax error/],
    ['open parentheses', '('.repeat(10_000), /syntax error/],
    ['open braces', '{ '.repeat(10_000), /syntax error/],
    ['open ifs', 'if '.repeat(10_000), /syntax error/],
    ['open parameters', '${x:-'.repeat(10_000), /syntax error/],
    ['open quotes in substitutions', `echo ${'"$('.repeat(5000)}`, /syntax error/],
    ['subshells too deep', deep('( ', ' )', 300), /nesting depth/],
    ['substitutions too deep', `echo ${deep('$(', ')', 300)}`, /nesting depth/],
    ['a very long line', `echo ${'a'.repeat(5 * 1024 * 1024)}`, /longer than/],
    ['an endless brace sequence', 'echo {1..100000000}', /limit is 200000/],
    ['braces times braces', 'echo {1..1000}{1..1000}', /more than 200000 words/],
    ['2^40 words', `echo ${'{a,b}'.repeat(40)}`, /more than 200000 words/],
    ['endless recursion', 'f() { f; }; f', /nesting level exceeded/],
    ['endless recursion in substitutions', 'f() { x=$(f); }; f', /nesting level exceeded/],
    [
      'endless recursion in compound commands',
      'f() { if true; then for i in 1; do { (f); }; done; fi; }; f',
      /nesting level exceeded/,
    ],
    ['endless eval', "f() { eval 'f'; }; f", /exceeded|too deeply/],
    ['endless pipelines', 'f() { echo | f; }; f', /too deeply/],
    ['a file that sources itself', 'echo ". ./s" > s; . ./s', /too deeply/],
    ['a script that runs itself', 'echo "sh t" > t; sh t', /too deeply/],
    ['variables that name each other', 'x=y; y=x; echo $((x))', /recursion level/],
    ['a very long sum', `echo $((1${'+1'.repeat(50_000)}))`, /recursion level/],
    ['a value that doubles', 'x=a; while true; do x=$x$x; done', /too long/],
    ['endless output in a substitution', 'x=$(yes)', /at most 32 MiB/],
    ['an array index out of reach', 'a[99999999999]=1', /bad array subscript/],
    ['a here-document cut in an expansion', 'cat <<A\n$(\nA', /syntax error/],
    ['bad substitution', 'echo ${x!y}', /bad substitution/],
    ['a closed descriptor', 'echo x >&77', /Bad file descriptor/],
    ['too many arguments', 'x=$(yes | head -c 9000000); echo $x', /too many|too long|more than/],
  ])('%s', (_, script, message) => {
    const machine = new ShellMachine();
    const { status, stderr } = machine.run(script, 100_000);
    expect(stderr).toMatch(message);
    expect(stderr.length).toBeLessThan(6 * 1024 * 1024);
    expect([1, 2]).toContain(status);
    expect(machine.process.openFiles()).toEqual([]);
    expect(machine.run('echo alive').stdout).toBe('alive\n');
  });
});

describe('honest depth works', () => {
  test.each([
    ['compound commands', `${'if true; then '.repeat(200)}echo x;${' fi;'.repeat(200)}`],
    ['loops', `${'while true; do '.repeat(100)}echo x; ${'break; done;'.repeat(100)}`],
    ['cases', `${'case a in a) '.repeat(120)}echo x;${' esac;'.repeat(120)}`],
    ['subshells', deep('( ', ' )', 100)],
    ['substitutions', `echo ${deep('$(echo ', ')', 100, 'x')}`],
    ['functions', 'f() { if [ $1 = 0 ]; then echo x; else f $(($1 - 1)); fi; }; f 250'],
    [
      'functions in substitutions',
      'f() { if [ $1 = 0 ]; then echo x; else echo $(f $(($1 - 1))); fi; }; f 200',
    ],
    ['pipes', `echo x${' | cat'.repeat(300)}`],
    ['statements', `${'true; '.repeat(20_000)}echo x`],
    ['a megabyte in a word', `echo ${'a'.repeat(1 << 20)} | tr -s a x`],
  ])('%s', (_, script) => {
    expect(new ShellMachine().run(script)).toEqual({ status: 0, stdout: 'x\n', stderr: '' });
  });
});
