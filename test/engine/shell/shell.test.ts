import { describe, expect, test } from 'vitest';
import { textOf } from '../../../src/engine/base/bytes.ts';
import { openPipe } from '../../../src/engine/shell/pipe.ts';
import { OPEN_MAX } from '../../../src/engine/vfs/constants.ts';
import { ShellMachine } from '../../support/shell-machine.ts';
import { millisecondsOf } from '../../support/stopwatch.ts';

/** Goal: what a host relies on: pumping, cancelling, typing, state, completion, and no dead shell on a full disk. */

describe('pumping', () => {
  test.each([
    'while true; do :; done',
    'until false; do x=$((x + 1)); done',
    'for ((;;)); do true; done',
    'f() { g; }; g() { :; }; while f; do continue; done',
    'yes > /dev/null',
    'yes | cat | wc',
    'while :; do echo x; done | while read l; do :; done',
    'cat /dev/zero | grep -c x',
    'echo $(yes | while read x; do :; done)',
    'sort < /dev/random',
    'tail /dev/zero',
  ])('%s can be stopped at any time', (script) => {
    const machine = new ShellMachine();
    expect(machine.run(script, 500).status).toBe(130);
    expect(machine.run('echo $?').stdout).toBe('130\n');
    expect(machine.process.openFiles()).toEqual([]);
  });

  test('what a cancelled line had open is closed, in every stage and subshell', () => {
    const machine = new ShellMachine();
    machine.run('seq 100000 > big');
    const script = '{ (while read x; do cat < big; done < big) | cat | tee copy; } > out 2> err';
    machine.run(script, 300);
    expect(machine.process.openFiles()).toEqual([]);
    expect(machine.run('echo alive; umask').stdout).toBe('alive\n0022\n');
  });

  test('a line never takes long between two breaths', () => {
    const machine = new ShellMachine();
    machine.run('seq 200000 > f');
    for (const script of ['sort -r f | tail -1', 'grep 9 f | wc -l', 'for i in $(cat f); do :; done']) {
      const running = machine.shell.run(script);
      let longest = 0;
      for (let isDone = false; !isDone;) {
        const took = millisecondsOf(() => (isDone = running.next().done ?? false));
        longest = Math.max(longest, took);
      }
      expect(longest, script).toBeLessThan(3000);
    }
  });

  test('pipes are bounded: a writer waits at 64 KiB until somebody reads', () => {
    const { reader, writer } = openPipe({ isBlocked: false });
    const sending = writer.send(new Uint8Array(1_000_000));
    for (let i = 0; i < 10; i++) expect(sending.next().done).toBe(false);
    let received = 0;
    for (let isSent = false; !isSent; isSent = sending.next().done ?? false) {
      const step = reader.read(1_000_000).next();
      const length = step.done ? (step.value?.length ?? 0) : 0;
      expect(length).toBeLessThanOrEqual(64 * 1024);
      received += length;
    }
    writer.release();
    for (let isAtEnd = false; !isAtEnd;) {
      const step = reader.read(1_000_000).next();
      isAtEnd = step.done === true && step.value === null;
      received += step.done ? (step.value?.length ?? 0) : 0;
    }
    expect(received).toBe(1_000_000);
  });

  test('a pipe keeps its own copy of what was written', () => {
    const { reader, writer } = openPipe({ isBlocked: false });
    const buffer = Uint8Array.of(1, 2, 3);
    expect(writer.send(buffer).next().done).toBe(true);
    buffer.fill(9);
    expect(reader.read().next().value).toEqual(Uint8Array.of(1, 2, 3));
  });
});

describe('a full disk', () => {
  const full = () => new ShellMachine({ limits: { capacityBytes: 10_000 } });

  test('is a message and exit code 1 for echo, printf and programs, and the shell goes on', () => {
    const machine = full();
    expect(machine.run('yes | head -c 20000 > a').stderr).toBe('head: stdout: No space left on device\n');
    expect(machine.run('echo hi > b; echo $?')).toEqual({
      status: 0,
      stdout: '1\n',
      stderr: 'echo: write error: No space left on device\n',
    });
    expect(machine.run('printf x > c').stderr).toBe('printf: write error: No space left on device\n');
    expect(machine.run('cat a > d').status).toBe(1);
    expect(machine.run('seq 1 9 | tee e > /dev/null').stderr).toBe('tee: e: No space left on device\n');
    expect(machine.run('{ echo x; echo y >&2; } > f').stderr).toContain('y\n');
    expect(machine.run('rm a; echo hi > b && cat b')).toEqual({ status: 0, stdout: 'hi\n', stderr: '' });
  });

  test('behind standard error takes the message, not the line', () => {
    const machine = full();
    machine.run('yes | head -c 20000 > a');
    expect(
      machine.run('cat nofile 2> e; nosuch 2>> e; nofunction() { cat nofile; }; nofunction 2>> e; echo $?')
        .stdout,
    ).toBe('1\n');
  });

  test('ends a script under set -e', () => {
    const machine = full();
    machine.run('yes | head -c 20000 > a');
    expect(machine.run('set -e; echo x > b; echo not reached').stdout).toBe('');
  });
});

describe('redirections', () => {
  test('are open, write, close: one of each for one echo', () => {
    const machine = new ShellMachine();
    const calls: string[] = [];
    const { process } = machine;
    for (const name of ['open', 'write', 'close'] as const) {
      const original = process[name].bind(process) as (...args: unknown[]) => unknown;
      Object.assign(process, {
        [name]: (...args: unknown[]) => {
          calls.push(name);
          return original(...args);
        },
      });
    }
    machine.run('echo hi > f');
    expect(calls).toEqual(['open', 'write', 'close']);
  });

  test('large output goes out in pieces, never whole', () => {
    const machine = new ShellMachine();
    machine.run('yes | head -c 3000000 > big');
    const sizes: number[] = [];
    const write = machine.process.write.bind(machine.process);
    machine.process.write = (fd, data) => {
      sizes.push(data.length);
      return write(fd, data);
    };
    machine.run('cat big > copy');
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(64);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024);
    expect(sizes.length).toBeLessThan(60);
  });

  test('leave no descriptor open, also when one of several fails', () => {
    const machine = new ShellMachine();
    machine.run('echo a > x > y 2> nodir/z; cat < x < nofile; f() { echo; } > q; f; { :; } 3< x 4>&3');
    expect(machine.process.openFiles()).toEqual([]);
  });

  test('hundreds of them do not run out of descriptors', () => {
    const machine = new ShellMachine();
    const rounds = OPEN_MAX * 2;
    expect(machine.run(`for ((i = 0; i < ${rounds}; i++)); do echo $i > f; done; cat f`).stdout).toBe(
      `${rounds - 1}\n`,
    );
  });
});

describe('the terminal', () => {
  test('a command that reads waits for what is typed, line by line, to the end of input', () => {
    const machine = new ShellMachine({ isTerminal: true });
    const running = machine.shell.run('read x; echo "got $x"; cat');
    for (let i = 0; i < 10; i++) running.next();
    expect(machine.shell.isWaitingForInput).toBe(true);
    machine.shell.type('one\n');
    expect(machine.shell.isWaitingForInput).toBe(false);
    for (let i = 0; i < 10; i++) running.next();
    machine.shell.type('two\n');
    for (let i = 0; i < 10; i++) running.next();
    machine.shell.type(null);
    let step = running.next();
    while (!step.done) step = running.next();
    expect(step.value).toBe(0);
    expect(machine.pieces.map(({ bytes }) => textOf(bytes)).join('')).toBe('got one\ntwo\n');
  });

  test('what passes through a pipe is shown before more is asked for', () => {
    const machine = new ShellMachine({ isTerminal: true });
    const running = machine.shell.run('cat | grep -n a');
    const pump = () => {
      do running.next();
      while (!machine.shell.isWaitingForInput);
      return machine.pieces
        .splice(0)
        .map(({ bytes }) => textOf(bytes))
        .join('');
    };
    expect(pump()).toBe('');
    machine.shell.type('abc\nx\n');
    expect(pump()).toBe('1:abc\n');
    machine.shell.type('bar\n');
    expect(pump()).toBe('3:bar\n');
    machine.shell.type(null);
    while (!running.next().done);
  });

  test('a host that rests while a command waits keeps no other command waiting', () => {
    const machine = new ShellMachine({ isTerminal: true });
    const running = machine.shell.run('cat > /dev/null | { seq 1 20000; cat; } | tail -n 1');
    let rounds = 0;
    while (!machine.shell.isWaitingForInput && rounds++ < 100_000) running.next();
    // Everything but the first cat has run to its end before the host rests.
    machine.shell.type(null);
    while (!running.next().done);
    expect(machine.pieces.map(({ bytes }) => textOf(bytes)).join('')).toBe('20000\n');
    expect(rounds).toBeGreaterThan(10);
  });

  test('what nobody read comes back', () => {
    const machine = new ShellMachine({ isTerminal: true });
    const running = machine.shell.run('true');
    machine.shell.type('next line\n');
    while (!running.next().done);
    expect(machine.shell.takeUnread()).toBe('next line\n');
    expect(machine.shell.takeUnread()).toBe('');
  });

  test('control characters of files and names never reach it', () => {
    const machine = new ShellMachine({ isTerminal: true });
    const { stdout } = machine.run(
      `printf 'a\\033[2Jb\\007c\\302\\233d\\342\\200\\256e\\r\\tok\\n'; echo $'\\e]0;x\\a'`,
    );
    expect(stdout).toBe('a?[2Jb?c??d???e?\tok\n?]0;x?\n');
    expect(machine.run('clear').stdout).toBe('\u001b[H\u001b[2J');
  });

  test('bytes go unchanged where the host is no terminal', () => {
    const machine = new ShellMachine();
    machine.run(`printf '\\033\\377\\000'`);
    expect(machine.pieces.map(({ bytes }) => [...bytes])).toEqual([[0o33, 0o377, 0]]);
  });
});

describe('state', () => {
  const script =
    'x="a b"; export y=2; a=(1 [5]=z); f() { echo "f $1"; }; alias ll="ls -l"; set -u; set -- p q; mkdir d; cd d; umask 027; readonly r=9';

  test('survives as plain data and comes back in another shell', () => {
    const machine = new ShellMachine();
    machine.run(script);
    const saved = JSON.parse(JSON.stringify(machine.shell.state()));
    machine.run(
      'x=other; unset y a; f() { :; }; unalias ll; set +u; set --; cd ..; umask 0; RANDOM=5; false',
    );
    machine.shell.restore(saved);
    expect(
      machine.run(
        'echo "$x $y ${a[5]} ${!a[@]} $1 $2 $?"; f 1; alias; umask; basename "$PWD"; pwd | grep -o d$; env | grep ^y; r=1; echo no',
      ).stdout,
    ).toBe(`a b 2 z 0 5 p q 0\nf 1\nalias ll='ls -l'\n0027\nd\nd\ny=2\n`);
    expect(machine.run('echo $nothing').status).toBe(1);
  });

  test('the same seed gives the same $RANDOM, going back repeats it', () => {
    const [one, two] = [new ShellMachine(), new ShellMachine()];
    expect(one.run('echo $RANDOM $RANDOM').stdout).toBe(two.run('echo $RANDOM $RANDOM').stdout);
    const saved = one.shell.state();
    const next = one.run('echo $RANDOM').stdout;
    one.run('echo $RANDOM');
    one.shell.restore(saved);
    expect(one.run('echo $RANDOM').stdout).toBe(next);
  });

  test('a directory that is gone leaves the shell at the root', () => {
    const machine = new ShellMachine();
    machine.run('mkdir d; cd d');
    const saved = machine.shell.state();
    machine.run('cd ..; rmdir d');
    machine.shell.restore(saved);
    expect(machine.run('pwd').stdout).toBe('/\n');
  });

  test('a directory removed under the shell can be left and saved', () => {
    const machine = new ShellMachine();
    machine.run('mkdir -p d/e; cd d/e; rm -r /Volumes/MEMORY/d');
    expect(machine.shell.directory).toBe('/Volumes/MEMORY/d/e');
    const saved = machine.shell.state();
    expect(machine.run('pwd').status).toBe(1);
    expect(machine.run('cd ..').stderr).toBe('sh: cd: ..: No such file or directory\n');
    expect(machine.run('cd ../..; pwd').stdout).toBe('/Volumes/MEMORY\n');
    machine.shell.restore(saved);
    expect(machine.run('echo $PWD; pwd').stdout).toBe('/\n/\n');
  });

  test('a subshell changes nothing outside', () => {
    const machine = new ShellMachine();
    machine.run('mkdir d; x=1; (cd d; x=2; f() { :; }; set -e; umask 0; exec > out; alias q=ls)');
    expect(machine.run('basename "$PWD"; echo $x; umask; type f; alias').stdout).toBe('MEMORY\n1\n0022\n');
  });

  test('exit ends the shell, not only the line', () => {
    const machine = new ShellMachine();
    expect(machine.run('(exit 3); echo still').stdout).toBe('still\n');
    expect(machine.shell.exitCode).toBeNull();
    expect(machine.run('exit 4; echo no')).toEqual({ status: 4, stdout: '', stderr: '' });
    expect(machine.shell.exitCode).toBe(4);
  });
});

describe('is a line complete?', () => {
  const { shell } = new ShellMachine();
  test.each([
    'echo a',
    '',
    "# it's a comment\\",
    'echo a # open "',
    'for i in 1; do echo; done',
    'cat <<A\nx\nA',
    'echo )',
    'fi',
    'echo a\\\\',
    'a ;; b',
    'f() { :; }',
    'echo "a\nb"',
    'cat <',
  ])('yes: %j', (text) => {
    expect(shell.isComplete(text)).toBe(true);
  });
  test.each([
    '"abc',
    "'abc",
    'echo $(ls',
    'echo `ls',
    'echo ${x',
    'echo $((1+',
    'for i in 1 2',
    'for i in 1 2; do',
    'while true; do echo',
    'if true; then',
    'if true; then a; else',
    'case x in',
    'case x in a) b;;',
    'f() {',
    '( a',
    '{ a;',
    'a |',
    'a &&',
    'a ||\n',
    'echo a\\',
    'echo a \\\n',
    'cat <<A',
    'cat <<A\nx\n',
    'cat <<"A" <<B\nA\n',
    'echo $(cat <<A\n',
    'x=(1 2',
    '[[ a',
  ])('no: %j', (text) => {
    expect(shell.isComplete(text)).toBe(false);
  });
});

describe('Tab', () => {
  const machine = new ShellMachine();
  machine.run(
    `mkdir 'my dir' docs .hidden; touch docs/a.txt "it's" 'q"x' $'new\\nline' 'my dir/inner' data.bin '$x'; greet() { :; }; colour=red`,
  );
  const complete = (text: string) => machine.shell.complete(text);

  test.each([
    ['ec', ['echo '], 2],
    ['gre', ['greet ', 'grep '], 3],
    ['cat d', ['data.bin ', 'docs/'], 1],
    ['cat docs/', ['docs/a.txt '], 5],
    ['cat my', ['my\\ dir/'], 2],
    ['cat my\\ d', ['my\\ dir/'], 5],
    ['cat my\\ dir/', ['my\\ dir/inner '], 8],
    ['cat "my', ['"my dir/'], 3],
    ["cat 'my dir/i", ["'my dir/inner' "], 9],
    ['cat it', ["it\\'s "], 2],
    ['cat "q', ['"q\\"x" '], 2],
    ['cat \\$', ['\\$x '], 2],
    ['cat new', ["$'new\\x0aline' "], 3],
    ['ls .h', ['.hidden/'], 2],
    ['echo $col', ['$colour'], 4],
    ['echo "${col', ['${colour}'], 5],
    ['ls | gre', ['greet ', 'grep '], 3],
    ['if tru', ['true ', 'truncate '], 3],
    ['echo > da', ['data.bin '], 2],
    ['x=1 gree', ['greet '], 4],
    ['sudo ech', ['echo '], 3],
    ['nosuchthing', [], 11],
    ['cat nodir/x', [], 7],
    ['', undefined, 0],
  ])('%j', (text, words, replaceLength) => {
    const found = complete(text);
    if (words) expect(found.words).toEqual(words);
    else expect(found.words.length).toBeGreaterThan(50);
    expect(found.replaceLength).toBe(replaceLength);
  });

  test('what it offers means the file again', () => {
    for (const name of ['my dir/inner', "it's", 'q"x', '$x', 'new\nline']) {
      const [word = ''] = complete(`cat ${name.slice(0, 1).replace('$', '\\$')}`).words.filter((each) =>
        each.includes(name.slice(2, 4).replace(/['"\n]/, '')),
      );
      const path = name.startsWith('my') ? 'my\\ dir/inner' : word.trim();
      expect(machine.run(`test -e ${path}`).status, path).toBe(0);
    }
  });
});
