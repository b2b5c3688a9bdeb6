import { describe, expect, test } from 'vitest';
import * as C from '../../src/engine/vfs/constants.ts';
import { namesOf, outcome, readFile, writeFile } from '../support/machine.ts';
import { Bench, FORMATS } from '../support/formats.ts';

/** Goal: where a format keeps modes, owners and flags they are enforced, and they are on the disk. */
const permitting = FORMATS.filter(({ facts }) => facts.hasPermissions);
const flagging = FORMATS.filter(({ facts }) => facts.hasAllFlags === true);

describe.each(permitting)('permissions on $name', (format) => {
  test('a directory nobody may search, list or change', () => {
    const bench = new Bench(format);
    const { user } = bench;
    user.mkdir('d');
    writeFile(user, 'd/a', 'x');
    user.chmod('d', 0o600);
    expect(outcome(() => user.stat('d/a'))).toBe('EACCES');
    expect(namesOf(user, 'd')).toEqual(['a']);
    user.chmod('d', 0o300);
    expect(readFile(user, 'd/a')).toBe('x');
    expect(outcome(() => user.open('d', C.O_RDONLY))).toBe('EACCES');
    writeFile(user, 'd/b');
    user.chmod('d', 0o500);
    bench.remount();
    expect(outcome(() => writeFile(bench.user, 'd/c'))).toBe('EACCES');
    expect(outcome(() => bench.user.mkdir('d/c'))).toBe('EACCES');
    expect(outcome(() => bench.user.unlink('d/a'))).toBe('EACCES');
    expect(outcome(() => bench.user.rename('d/a', 'a'))).toBe('EACCES');
    expect(outcome(() => bench.user.chdir('d'))).toBe('ok');
    expect(outcome(() => bench.root.unlink('/Volumes/TEST/d/a'))).toBe('ok');
  });

  test('owner, group and others each have their own bits', () => {
    const { user, root } = new Bench(format);
    writeFile(root, 'a', 'x');
    const outcomes = (mode: number, uid: number, gid: number) => {
      root.chown('a', uid, gid);
      root.chmod('a', mode);
      return [C.O_RDONLY, C.O_WRONLY].map((flags) => outcome(() => user.close(user.open('a', flags))));
    };
    expect(outcomes(0o077, 501, 20)).toEqual(['EACCES', 'EACCES']);
    expect(outcomes(0o407, 501, 20)).toEqual(['ok', 'EACCES']);
    expect(outcomes(0o640, 7, 20)).toEqual(['ok', 'EACCES']);
    expect(outcomes(0o602, 7, 7)).toEqual(['EACCES', 'ok']);
    expect(outcome(() => root.close(root.open('a', C.O_RDWR)))).toBe('ok');
  });

  test('new files carry owner and mode less the umask; all is there after a remount', () => {
    const bench = new Bench(format);
    bench.user.umask(0o027);
    writeFile(bench.user, 'a');
    bench.user.mkdir('d');
    bench.user.chmod('d', 0o1777);
    bench.user.chmod('a', 0o4751);
    bench.root.mkdir('r', 0o700);
    bench.remount();
    const { user } = bench;
    const seen = (path: string) => {
      const { mode, uid, gid } = user.stat(path);
      return [(mode & 0o7777).toString(8), uid, gid];
    };
    expect(seen('a')).toEqual(['4751', 501, 20]);
    expect(seen('d')).toEqual(['1777', 501, 20]);
    expect(seen('r').slice(0, 2)).toEqual(['700', 0]);
    expect(outcome(() => user.chdir('r'))).toBe('EACCES');
  });
});

describe.each(flagging)('flags on $name', (format) => {
  const USERS = C.UF_NODUMP | C.UF_HIDDEN | C.UF_OPAQUE;

  test('are all kept', () => {
    const bench = new Bench(format);
    writeFile(bench.user, 'a');
    bench.user.chflags('a', USERS);
    bench.root.chflags('a', USERS | C.SF_ARCHIVED | C.SF_NOUNLINK);
    bench.remount();
    const { user, root } = bench;
    expect(user.stat('a').flags >>> 0).toBe(USERS | C.SF_ARCHIVED | C.SF_NOUNLINK);
    expect(outcome(() => user.unlink('a'))).toBe('EPERM');
    expect(outcome(() => user.chflags('a', USERS))).toBe('EPERM');
    root.chflags('a', C.SF_IMMUTABLE);
    expect(outcome(() => root.open('a', C.O_WRONLY))).toBe('EPERM');
    root.chflags('a', 0);
    expect(outcome(() => user.unlink('a'))).toBe('ok');
  });

  test('an append-only directory takes names and gives none', () => {
    const { user } = new Bench(format);
    user.mkdir('d');
    writeFile(user, 'd/a');
    user.chflags('d', C.UF_APPEND);
    expect(outcome(() => user.unlink('d/a'))).toBe('EPERM');
    expect(outcome(() => writeFile(user, 'd/b'))).toBe('ok');
    user.chflags('d', C.UF_IMMUTABLE);
    expect(outcome(() => writeFile(user, 'd/c'))).toBe('EPERM');
  });
});
