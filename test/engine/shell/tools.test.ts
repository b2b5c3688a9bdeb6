import { describe, expect, test } from 'vitest';
import { ShellMachine } from '../../support/shell-machine.ts';

/**
 * Goal: text tools print what macOS prints where it differs from other systems, read only what they need, and answer
 * wrong calls. Formats are those of Apple's text_cmds and shell_cmds.
 */
const run = (script: string) => new ShellMachine().run(script);

describe("macOS's own formats", () => {
  test.each([
    ['printf "a b\\nc\\n" | wc', '       2       3       6\n'],
    ['printf "a\\n" > f; wc -l f f', '       1 f\n       1 f\n       2 total\n'],
    ['printf "a\\na\\nb\\n" | uniq -c', '   2 a\n   1 b\n'],
    ['echo hi > f; md5 f', 'MD5 (f) = 764efa883dda1e11db47671c4a3bbd9e\n'],
    [
      'echo hi > f; md5 -q f; md5 -r f; md5 -s hi; echo hi | md5',
      '764efa883dda1e11db47671c4a3bbd9e\n764efa883dda1e11db47671c4a3bbd9e f\nMD5 ("hi") = 49f68a5c8493ec2c0bf489821c21fc3b\n764efa883dda1e11db47671c4a3bbd9e\n',
    ],
    ['date', 'Thu Jan  1 09:00:00 UTC 2026\n'],
    [
      'date +"%Y-%m-%dT%H:%M:%S %j %a %s %% %y %I%p"; date -u -r 0; date -r 951782400 +%F',
      '2026-01-01T09:00:00 001 Thu 1767258000 % 26 09AM\nThu Jan  1 00:00:00 UTC 1970\n2000-02-29\n',
    ],
    ['sleep 90; date +%T; sleep 1.5h; date +%T', '09:01:30\n10:31:30\n'],
    ['seq 3 1', '3\n2\n1\n'],
    ['which cat cd nosuch', '/bin/cat\ncd: shell built-in command\nnosuch not found\n'],
    ['type cat cd if; type -t ls', 'cat is /bin/cat\ncd is a shell builtin\nif is a shell keyword\nfile\n'],
    [
      'printf "a\\0needle\\n" > f; grep needle f; grep -c needle f; grep -a needle f | wc -c',
      'Binary file f matches\n1\n       9\n',
    ],
    ['mkdir d; echo x > d/f; grep -r x', 'd/f:x\n'],
    ['seq 3 | tail -r; printf "a\\nb" | tail -r', '3\n2\n1\nba\n'],
    ['seq 30 | tail -n 2 -; seq 600 > f; tail -b 1 f | wc -c', '29\n30\n     512\n'],
    ['man -k "reverse each"', 'rev - reverse each line\n'],
    [
      'help | grep "^rev " | tr -s " "; man rev | head -n 1',
      'rev reverse each line\nrev - reverse each line\n',
    ],
    ['history', '    1  history\n'],
    [
      'printf "x" | hexdump -C',
      '00000000  78                                                |x|\n00000001\n',
    ],
  ])('%s', (script, stdout) => {
    expect(run(script).stdout.replace(/^(\.\/)/gm, '')).toBe(stdout);
  });

  test('every command and builtin has a summary and a manual in plain text', () => {
    const { stdout } = run('help');
    const names =
      stdout
        .split('\n\n')[0]
        ?.split('\n')
        .map((line) => line.split(/\s/)[0] ?? '') ?? [];
    expect(names.length).toBeGreaterThan(80);
    const machine = new ShellMachine();
    for (const name of names) {
      const page = machine.run(`man '${name}'`);
      expect(page.status, name).toBe(0);
      expect(page.stdout, name).toMatch(/^\S+ - .+\n\n {4}\S/);
      expect(page.stdout, name).not.toMatch(/[\u0000-\u0009\u000b-\u001f<>]{2}/);
    }
  });
});

describe('only what is needed is read', () => {
  function bytesRead(script: string): { bytes: number; stdout: string } {
    const machine = new ShellMachine();
    machine.run('head -c 5000000 /dev/zero > big; printf "last line\\n" >> big');
    let bytes = 0;
    const { process } = machine;
    const read = process.read.bind(process);
    const pread = process.pread.bind(process);
    process.read = (fd, into) => {
      const count = read(fd, into);
      bytes += count;
      return count;
    };
    process.pread = (fd, into, offset) => {
      const count = pread(fd, into, offset);
      bytes += count;
      return count;
    };
    const { stdout } = machine.run(script);
    return { bytes, stdout };
  }

  test.each([
    ['tail -c 5 big', 5, 'line\n'],
    ['tail -c 5 < big', 5, 'line\n'],
    ['wc -c big', 0, ' 5000010 big\n'],
    ['wc -c < big', 0, ' 5000010\n'],
    ['head -c 3 big | xxd -p', 3, '000000\n'],
    ['xxd -s 5000000 -l 4 big', 100, '004c4b40: 6c61 7374                                last\n'],
    ['xxd -s -5 -p big', 100, '6c696e650a\n'],
    [
      'hexdump -s 5000005 -n 4 -C big',
      100,
      '004c4b45  6c 69 6e 65                                       |line|\n004c4b49\n',
    ],
  ])('%s', (script, bytesMax, wanted) => {
    const { bytes, stdout } = bytesRead(script);
    expect(stdout).toBe(wanted);
    expect(bytes).toBeLessThanOrEqual(bytesMax);
  });

  test('what one command read ahead and did not use is there for the next', () => {
    const script =
      'seq 5 > f; { read a; tail -n 9 | tr "\\n" " "; } < f; { read a; head -n 1; read b; echo $b; } < f; { read a; tail -c 4; } < f';
    expect(run(script).stdout).toBe('2 3 4 5 2\n3\n4\n5\n');
  });

  test('lines at the end are found from the end', () => {
    expect(bytesRead('{ echo; seq 10; } >> big; tail -n 2 big').bytes).toBeLessThan(200_000);
  });
});

describe('wrong calls are answered', () => {
  test.each([
    ['head -n x', 1, /illegal line count -- x/],
    ['tail -c 1x', 1, /illegal offset/],
    ['cut -f 0', 1, /illegal list value/],
    ['cut', 1, /usage: cut/],
    ['tr a', 1, /usage: tr/],
    ['tr "[:nope:]" x', 1, /unknown class/],
    ['sort -k 0', 2, /invalid field/],
    ['sort -t ab', 2, /multi-character/],
    ['grep', 2, /usage: grep/],
    ['grep "["', 2, /brackets/],
    ['grep -Z x', 2, /usage: grep/],
    ['seq a', 1, /invalid floating point/],
    ['seq 1 0 5', 1, /zero increment/],
    ['xxd -s q', 1, /invalid number/],
    ['hexdump -n -1', 1, /bad length/],
    ['shasum -a 5', 1, /unrecognized algorithm/],
    ['date 2026', 1, /cannot be set/],
    ['sleep', 1, /usage: sleep/],
    ['printf', 1, /usage: printf/],
    ['basename', 1, /usage/],
    ['xargs -n 0', 1, /greater than 0/],
    ['uniq -f x', 1, /illegal field skip/],
    ['nl -b q', 1, /numbering type/],
    ['man nosuch', 1, /No manual entry/],
    ['cat -q', 1, /usage: cat/],
    ['history x', 1, /numeric/],
    ['[ 1 -eq a ]', 2, /integer expression expected/],
    ['[ a b c d e f', 2, /missing `\]'/],
    ['test a b c', 2, /binary operator expected/],
    ['cd a b', 1, /too many arguments/],
    ['umask 9', 1, /octal/],
    ['shift x', 1, /numeric/],
    ['read 1x', 1, /not a valid identifier/],
    ['export 1x=2', 1, /not a valid identifier/],
    ['local x', 1, /can only be used in a function/],
    ['.', 2, /filename argument required/],
    ['sh nofile', 127, /No such file/],
    ['sh -c', 2, /requires an argument/],
  ])('%s', (script, status, message) => {
    const machine = new ShellMachine();
    machine.shell.type(null);
    const outcome = machine.run(script);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.status).toBe(status);
  });
});
