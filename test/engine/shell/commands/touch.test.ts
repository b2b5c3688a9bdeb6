import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: touch sets the times it is told to. Source: file_cmds touch.c. */

const bench = () => {
  const made = new Bench(COMMANDS);
  made.write('file', '');
  return made;
};

test('makes files, unless told not to', () => {
  expectTranscript(
    bench(),
    `
$ touch new
$ touch -c gone
$ touch -h gone
$ ls
file
new
$ touch nowhere/x
touch: nowhere/x: No such file or directory
[1]
`,
  );
});

test('a given time, for either stamp', () => {
  expectTranscript(
    bench(),
    `
$ touch -t 202603040506.07 new
$ touch -am -t 202601010000 new
$ touch -m -t 202702030405 new
$ stat -f '%Sa | %Sm' new
Jan  1 00:00:00 2026 | Feb  3 04:05:00 2027
$ touch -r new file
$ stat -f '%Sa | %Sm' file
Jan  1 00:00:00 2026 | Feb  3 04:05:00 2027
$ touch -d 2026-01-02T03:04:05.5Z file
$ stat -f %.3Fm file
1767323045.500
`,
  );
});

test('what is no time', () => {
  expectTranscript(
    bench(),
    `
$ touch -t 99 file
touch: out of range or illegal time specification: [[CC]YY]MMDDhhmm[.SS]
[1]
$ touch -t 202613010000 file
touch: out of range or illegal time specification: [[CC]YY]MMDDhhmm[.SS]
[1]
$ touch -d yesterday file
touch: out of range or illegal time specification: YYYY-MM-DDThh:mm:SS[.frac][tz]
[1]
$ touch -r gone file
touch: gone: No such file or directory
[1]
$ touch
usage: touch [-achm] [-r file] [-t [[CC]YY]MMDDhhmm[.SS]]
       [-d YYYY-MM-DDThh:mm:SS[.frac][tz]] file ...
[1]
$ touch -A 01 file
touch: illegal option -- A
usage: touch [-achm] [-r file] [-t [[CC]YY]MMDDhhmm[.SS]]
       [-d YYYY-MM-DDThh:mm:SS[.frac][tz]] file ...
[1]
`,
  );
});
