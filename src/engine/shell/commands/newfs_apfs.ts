import { FsError } from '../../base/errno.ts';
import { containerNamed, diskNamed, reasonOf, volumeNamed } from '../disk-names.ts';
import type { Running } from '../command.ts';
import { makeVolume } from '../making.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { expandNumber } from '../sizes-text.ts';
import { outcomeOf } from '../system-outcome.ts';

const USAGE = `usage: newfs_apfs [options] special
       newfs_apfs -A [options] container
  options:
\t-A add a volume to a container
\t-b block size (4096)
\t-e case-sensitive names
\t-i case-insensitive names (default)
\t-q quota size
\t-r reserve size
\t-R role
\t-v volume name`;

/** The only one there is: newfs_apfs -b takes others, and no Mac makes them. */
const BLOCK_SIZE = /^4(?:096|k)$/i;

export const newfsApfs = program({
  name: 'newfs_apfs',
  summary: 'make an APFS container, or a volume in one',
  manual: `newfs_apfs [-ei] [-q size] [-r size] [-R role] [-v name] special
newfs_apfs -A [-ei] [-q size] [-r size] [-R role] [-v name] container

Writes a container with one empty volume to a disk or slice that is not mounted; what was there is lost. With -A: one
more volume in a container that is there (disk2), which shares its free space with the others.

  -e, -i  names are case-sensitive, or not (default)     -v  volume name
  -q      the volume never uses more than this           -r  the others never leave it less than this
  -R      role: System, Data, Preboot, Recovery ...      -b  bytes of a block: 4096

Differs from macOS: no -C -D -E -S -s -u -g -o; containers lie on one device and nothing is encrypted.`,
  usage: USAGE,
  usageExitCode: 64,
  letters: 'Ab:eiq:r:R:v:CDES',
  *main(call) {
    const [special, more] = call.operands;
    if (special === undefined || more !== undefined) return yield* call.showUsage();
    const unbuilt = ['C', 'D', 'E', 'S'].find((letter) => call.has(letter));
    if (unbuilt !== undefined) return yield* call.fail(`-${unbuilt} is not simulated`);
    const blockSize = call.valueOf('b');
    if (blockSize !== undefined && !BLOCK_SIZE.test(blockSize)) {
      return yield* call.fail(`${blockSize}: bad block size: APFS here has blocks of 4096 bytes`);
    }
    for (const letter of ['q', 'r']) {
      const text = call.valueOf(letter);
      if (text !== undefined && expandNumber(text) === null) {
        return yield* call.fail(`${text}: bad size: a number and k, m or g, such as 512m`);
      }
    }
    return call.has('A') ? yield* addVolume(call, special) : yield* makeContainer(call, special);
  },
});

function* makeContainer(call: Invocation, special: string): Running {
  const { machine } = call.context;
  const inside = diskNamed(machine, special) ?? volumeNamed(machine, special)?.disk;
  if (inside?.container !== undefined) {
    const { device } = inside.container.physicalStore;
    return yield* call.fail(
      `${special} is in the container on ${device}: newfs_apfs -A ${inside.device} adds a volume, newfs_apfs ${device} makes a new container`,
    );
  }
  const settings: Record<string, string> = { 'case-sensitive': isCaseSensitive(call) ? 'yes' : 'no' };
  for (const [letter, key] of [
    ['q', 'quota'],
    ['r', 'reserve'],
    ['R', 'role'],
  ] as const) {
    const value = call.valueOf(letter);
    if (value !== undefined) settings[key] = value;
  }
  return yield* makeVolume(call, special, {
    ...{ format: 'apfs', settings, isRehearsal: false },
    label: call.valueOf('v') ?? 'untitled',
  });
}

function* addVolume(call: Invocation, special: string): Running {
  const { machine } = call.context;
  const container = containerNamed(machine, special);
  if (container === undefined) return yield* call.fail(`${special}: no APFS container is there`);
  const size = (letter: string) => expandNumber(call.valueOf(letter) ?? '0') ?? 0;
  const added = outcomeOf(() =>
    machine.addVolume(container.device, {
      label: call.valueOf('v') ?? 'untitled',
      isCaseSensitive: isCaseSensitive(call),
      role: call.valueOf('R') ?? '',
      quotaBytes: size('q'),
      reserveBytes: size('r'),
    }),
  );
  if (added instanceof FsError) return yield* call.fail(`${special}: ${reasonOf(added)}`);
  return 0;
}

const isCaseSensitive = (call: Invocation): boolean => call.lastOf('ei') === 'e';
