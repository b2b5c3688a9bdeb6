import { program } from '../program.ts';
import { mountOne, readMountWords } from './mount.ts';

export const mountApfs = program({
  name: 'mount_apfs',
  summary: 'mount an APFS volume or one of its snapshots',
  manual: `mount_apfs [-o options] special mount_point
mount_apfs [-o options] -s snapshot special | volume mount_point

special is a volume of a container, such as disk2s1. With -s the volume may also be named by where it is mounted:
mount_apfs -s before /Volumes/Untitled /Volumes/Untitled/past

  -s  show this snapshot of the volume, for reading only (scope snapshot list, tmutil listlocalsnapshots)
  -o  rdonly, inplace, nodiscard, checkpoint=N …, as with mount

Differs from macOS: no -R, -u, -g, -C.`,
  usage: [
    'usage: mount_apfs [-o options] special mount_point',
    '       mount_apfs [-o options] -s snapshot special | volume mount_point',
  ].join('\n'),
  usageExitCode: 64,
  letters: 'o:rs:',
  *main(call) {
    const [special, point, more] = call.operands;
    if (special === undefined || point === undefined || more !== undefined) return yield* call.showUsage();
    const words = (call.valueOf('o') ?? '').split(',');
    const read = readMountWords(words);
    if ('strange' in read) return yield* call.fail(`-o ${read.strange}: option not supported`, 64);
    const snapshot = call.valueOf('s');
    return yield* mountOne(call, special, point, 'apfs', {
      ...read,
      isReadOnly: snapshot !== undefined || call.has('r') || read.isReadOnly,
      ...(snapshot === undefined ? {} : { snapshot }),
    });
  },
});
