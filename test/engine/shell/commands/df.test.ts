import { test } from 'vitest';
import { COMMANDS } from '../../../../src/engine/shell/commands/registry.ts';
import { Bench, expectTranscript } from './bench.ts';

/** Goal: df's columns are macOS's. Source: file_cmds df.c, transcripts of real Macs. */

const bench = () => new Bench(COMMANDS, [{}, { label: 'SECOND', capacityBytes: 1048576 }]);

test('every unit', () => {
  expectTranscript(
    bench(),
    `
$ mkfile 5000 x
$ df
Filesystem   512-blocks Used Available Capacity iused  ifree %iused  Mounted on
devfs                 0    0         0   100%       9      0  100%   /
/dev/disk1s1     131072   10    131062     1%       4 999996    0%   /Volumes/MEMORY
/dev/disk2s1       2048    0      2048     0%       3 999997    0%   /Volumes/SECOND
$ df -k
Filesystem   1024-blocks Used Available Capacity iused  ifree %iused  Mounted on
devfs                  0    0         0   100%       9      0  100%   /
/dev/disk1s1       65536    5     65531     1%       4 999996    0%   /Volumes/MEMORY
/dev/disk2s1        1024    0      1024     0%       3 999997    0%   /Volumes/SECOND
$ df -m
Filesystem   1M-blocks Used Available Capacity iused  ifree %iused  Mounted on
devfs                0    0         0   100%       9      0  100%   /
/dev/disk1s1        64    0        63     1%       4 999996    0%   /Volumes/MEMORY
/dev/disk2s1         1    0         1     0%       3 999997    0%   /Volumes/SECOND
$ df -h
Filesystem      Size    Used   Avail Capacity iused ifree %iused  Mounted on
devfs            0Bi     0Bi     0Bi   100%       9     0  100%   /
/dev/disk1s1    64Mi   5.0Ki    64Mi     1%       4  1.0M    0%   /Volumes/MEMORY
/dev/disk2s1   1.0Mi     0Bi   1.0Mi     0%       3  1.0M    0%   /Volumes/SECOND
$ df -H
Filesystem      Size    Used   Avail Capacity iused ifree %iused  Mounted on
devfs             0B      0B      0B   100%       9     0  100%   /
/dev/disk1s1     67M   5120B     67M     1%       4  1.0M    0%   /Volumes/MEMORY
/dev/disk2s1   1049k      0B   1049k     0%       3  1.0M    0%   /Volumes/SECOND
`,
  );
});

test('with and without inodes, types and a sum', () => {
  expectTranscript(
    bench(),
    `
$ df -I
Filesystem   512-blocks Used Available Capacity  Mounted on
devfs                 0    0         0   100%    /
/dev/disk1s1     131072    0    131072     0%    /Volumes/MEMORY
/dev/disk2s1       2048    0      2048     0%    /Volumes/SECOND
$ df -P
Filesystem   512-blocks Used Available Capacity  Mounted on
devfs                 0    0         0   100%    /
/dev/disk1s1     131072    0    131072     0%    /Volumes/MEMORY
/dev/disk2s1       2048    0      2048     0%    /Volumes/SECOND
$ df -b -i
Filesystem   512-blocks Used Available Capacity iused  ifree %iused  Mounted on
devfs                 0    0         0   100%       9      0  100%   /
/dev/disk1s1     131072    0    131072     0%       3 999997    0%   /Volumes/MEMORY
/dev/disk2s1       2048    0      2048     0%       3 999997    0%   /Volumes/SECOND
$ df -Y
Filesystem    Type  512-blocks Used Available Capacity iused  ifree %iused  Mounted on
devfs         devfs          0    0         0   100%       9      0  100%   /
/dev/disk1s1  msdos     131072    0    131072     0%       3 999997    0%   /Volumes/MEMORY
/dev/disk2s1  msdos       2048    0      2048     0%       3 999997    0%   /Volumes/SECOND
$ df -I -c
Filesystem   512-blocks Used Available Capacity  Mounted on
devfs                 0    0         0   100%    /
/dev/disk1s1     131072    0    131072     0%    /Volumes/MEMORY
/dev/disk2s1       2048    0      2048     0%    /Volumes/SECOND
total            133120    0    133120     0%  
$ df -I -, .
Filesystem   512-blocks Used Available Capacity  Mounted on
/dev/disk1s1    131,072    0   131,072     0%    /Volumes/MEMORY
`,
  );
});

test('selected volumes', () => {
  expectTranscript(
    bench(),
    `
$ df -I .
Filesystem   512-blocks Used Available Capacity  Mounted on
/dev/disk1s1     131072    0    131072     0%    /Volumes/MEMORY
$ df -I /dev/disk2s1 /Volumes/SECOND
Filesystem   512-blocks Used Available Capacity  Mounted on
/dev/disk2s1       2048    0      2048     0%    /Volumes/SECOND
/dev/disk2s1       2048    0      2048     0%    /Volumes/SECOND
$ df -T devfs
Filesystem 512-blocks Used Available Capacity iused ifree %iused  Mounted on
devfs               0    0         0   100%       9     0  100%   /
$ df -T nodevfs,msdos
$ df -I -T msdos
Filesystem   512-blocks Used Available Capacity  Mounted on
/dev/disk1s1     131072    0    131072     0%    /Volumes/MEMORY
/dev/disk2s1       2048    0      2048     0%    /Volumes/SECOND
`,
  );
});

test('complaints', () => {
  expectTranscript(
    bench(),
    `
$ df gone
df: gone: No such file or directory
[1]
$ df /dev/zero
df: /dev/zero: not mounted
[1]
$ df -q
df: invalid option -- q
usage: df [--libxo] [-b | -g | -H | -h | -k | -m | -P] [-acIilnY] [-,] [-T type] [-t type]
          [file | filesystem ...]
[64]
`,
  );
});
