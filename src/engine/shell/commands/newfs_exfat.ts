import { plainDeviceName } from '../disk-names.ts';
import { makeVolume, numberOf } from '../making.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';

const USAGE = `usage: newfs_exfat [ -options ] special [disktype]
where the options are:
\t-N don't create file system: just print out parameters
\t-R re-use the existing volume's parameters
\t-I volume ID
\t-S bytes/sector
\t-a sectors/FAT
\t-b bytes/cluster
\t-c sectors/cluster
\t-n number of FATs
\t-s file system size (sectors)
\t-v volume name`;

export const newfsExfat = program({
  name: 'newfs_exfat',
  summary: 'make an exFAT volume',
  manual: `newfs_exfat [-N] [-I volume-ID] [-S bytes] [-b bytes | -c sectors] [-n 1] [-v name] special

Writes an empty exFAT volume to a disk or slice that is not mounted. What was there is lost.

  -N  only say what would be made     -I  serial number, 0x and hexadecimal digits
  -b  bytes of a cluster              -c  sectors of a cluster              -v  volume name, 11 characters at most

Differs from macOS: no -R -a -s; -S and -n take what the disk has and exFAT allows; the geometry is the disk's own.`,
  usage: USAGE,
  usageExitCode: 1,
  letters: 'NRI:S:a:b:c:n:s:v:',
  *main(call) {
    const [special] = call.operands;
    if (special === undefined || call.operands.length > 2) return yield* call.showUsage();
    const disk = call.context.machine
      .disks()
      .find(({ device }) => plainDeviceName(special).startsWith(device));
    const settings = settingsOf(call, disk?.blockSizeBytes ?? 512);
    if (typeof settings === 'string') return yield* call.fail(settings);
    const volume = { format: 'exfat', label: call.valueOf('v') ?? '', settings, isRehearsal: call.has('N') };
    return yield* makeVolume(call, special, volume);
  },
});

/** The format's settings for the options given, or what is wrong with one. */
function settingsOf(call: Invocation, blockSizeBytes: number): Record<string, string> | string {
  const settings: Record<string, string> = {};
  for (const { letter, value } of call.options) {
    const number = numberOf(value);
    switch (letter) {
      case 'N':
      case 'v':
        break;
      case 'I':
        if (number === null || number > 0xffff_ffff) return `${value}: bad volume ID`;
        settings['serial'] = number.toString(16).padStart(8, '0');
        break;
      case 'S':
        if (number !== blockSizeBytes)
          return `${value}: bad bytes/sector: the disk has sectors of ${blockSizeBytes} bytes`;
        break;
      case 'b':
        if (!number) return `${value}: bad bytes/cluster`;
        settings['cluster-size'] = String(number);
        break;
      case 'c':
        if (!number) return `${value}: bad sectors/cluster`;
        settings['cluster-size'] = String(number * blockSizeBytes);
        break;
      case 'n':
        if (number !== 1) return `${value}: bad number of FATs: exFAT has one (TexFAT would have two)`;
        break;
      default:
        return `-${letter} is not simulated: the geometry is the disk's own`;
    }
  }
  return settings;
}
