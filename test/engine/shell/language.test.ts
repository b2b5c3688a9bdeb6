import { describe, expect, test } from 'vitest';
import { ShellMachine } from '../../support/shell-machine.ts';
import { LANGUAGE_CASES } from './language.cases.ts';
import { TOOLS_CASES } from './tools.cases.ts';

/**
 * Goal: scripts mean here what they mean to bash and to the tools of a real system.
 * Method: tables of scripts with what those printed, recorded once; each runs in a fresh shell on an empty volume.
 */
describe.each([
  ['the command language', LANGUAGE_CASES],
  ['text tools', TOOLS_CASES],
])('%s', (_, cases) => {
  test.each(cases.map(([script, stdout, status]) => ({ script, stdout, status })))(
    '$script',
    ({ script, stdout, status }) => {
      const machine = new ShellMachine();
      machine.shell.type(null);
      const outcome = machine.run(script);
      expect({ stdout: outcome.stdout, status: outcome.status }).toEqual({ stdout, status });
    },
  );
});

describe('where this shell has its own words', () => {
  const stderrOf = (script: string) => {
    const { status, stderr } = new ShellMachine().run(script);
    return { status, stderr };
  };

  test.each([
    ['nosuch', 127, 'sh: nosuch: command not found\n'],
    ['ehco hi', 127, "sh: ehco: command not found (did you mean 'echo'?)\n"],
    ['cat < nofile', 1, 'sh: nofile: No such file or directory\n'],
    ['cat nofile', 1, 'cat: nofile: No such file or directory\n'],
    ['/', 126, 'sh: /: is a directory\n'],
    ['./nofile', 127, 'sh: ./nofile: No such file or directory\n'],
    ['echo x > f; ./f', 126, "sh: ./f: cannot be executed; a script runs with 'sh ./f'\n"],
    ['set -u; echo $nothing', 1, 'sh: nothing: unbound variable\n'],
    ['echo ${x?is missing}', 1, 'sh: x: is missing\n'],
    ['echo $((1/0))', 1, 'sh: division by 0\n'],
    ['echo ${}', 1, 'sh: ${}: bad substitution\n'],
    ['readonly r=1; r=2', 1, 'sh: r: readonly variable\n'],
    ['sleep 1 &', 2, "sh: '&' is not supported: commands run one after another (character 1)\n"],
    ['cat <(echo)', 2, "sh: '<( )' is not supported: use a pipe or a file (character 5)\n"],
    ['select x in a; do :; done', 2, "sh: 'select' is not supported: use 'for' or 'case' (character 1)\n"],
    ['echo )', 2, "sh: syntax error: unexpected token ')' (character 6)\n"],
    ['echo a\nfor', 2, "sh: syntax error: expected 'do' (line 2, character 4)\n"],
    ['set -q', 2, 'sh: set: -q: invalid option (known: -e -u -x -f -C -o)\n'],
    ['cat >&- <<< x', 1, 'cat: stdout: Bad file descriptor\n'],
    ["alias p='a | b'", 1, 'sh: alias: p: more than a simple command; write a function instead\n'],
    ['set -x; echo "a b" c', 0, "+ echo 'a b' c\n"],
    ['time sleep 61', 0, '\nreal\t1m1.000s\nuser\t0m0.000s\nsys\t0m0.000s\n'],
  ])('%s', (script, status, stderr) => {
    expect(stderrOf(script)).toEqual({ status, stderr });
  });

  test('a syntax error anywhere keeps the whole text from running', () => {
    expect(new ShellMachine().run('echo one; echo $(echo two; fi)').stdout).toBe('');
  });

  test('aliases stand for a simple command', () => {
    const machine = new ShellMachine();
    machine.run("alias say='echo -n x'; alias more='say y'");
    expect(machine.run('say a; more b; \\say').stdout).toBe('x ax y b');
  });

  test('sudo runs as user 0, its children too', () => {
    expect(
      new ShellMachine().run('sudo whoami; sudo sh -c \'whoami; echo "$1 $UID"\' x y; whoami').stdout,
    ).toBe('root\nroot\ny 0\nstudent\n');
  });

  test('a program finds only exported variables, and cannot reach builtins that would change the shell', () => {
    const { stdout, stderr } = new ShellMachine().run(
      'x=1; export y=2; env | grep ^[xy]=; echo a | xargs cd',
    );
    expect(stdout).toBe('y=2\n');
    expect(stderr).toBe('sh: cd: is a builtin of the shell; it cannot be run by a program\n');
  });
});
