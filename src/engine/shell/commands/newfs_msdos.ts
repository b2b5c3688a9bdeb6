import { plainDeviceName } from '../disk-names.ts';
import { makeVolume, numberOf } from '../making.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';

const USAGE = `usage: newfs_msdos [ -options ] special [disktype]
where the options are:
\t-N don't create file system: just print out parameters
\t-F FAT type (12, 16, or 32)
\t-I volume ID
\t-O OEM string
\t-b block size
\t-c sectors/cluster
\t-e root directory entries
\t-n number of FATs
\t-r reserved sectors
\t-v filesystem/volume name`;

export const newfsMsdos = program({
  name: 'newfs_msdos',
  summary: 'make a FAT volume',
  manual: `newfs_msdos [-N] [-F 12|16|32] [-I volume-ID] [-O OEM] [-b block-size | -c sectors] [-e entries] [-n FATs] [-r sectors] [-v name] special

Writes an empty FAT12, FAT16 or FAT32 volume to a disk or slice that is not mounted. What was there is lost.
-N only says what would be made.

Differs from macOS: no -B -P -S -a -f -h -i -k -m -o -s -u; the geometry is the disk's own.`,
  usage: USAGE,
  usageExitCode: 1,
  letters: 'NB:F:I:O:S:P:a:b:c:e:f:h:i:k:m:n:o:r:s:u:v:',
  *main(call) {
    const [special] = call.operands;
    if (special === undefined || call.operands.length > 2) return yield* call.showUsage();
    const { machine } = call.context;
    const disk = machine.disks().find(({ device }) => plainDeviceName(special).startsWith(device));
    const settings = settingsOf(call, disk?.blockSizeBytes ?? 512);
    if (typeof settings === 'string') return yield* call.fail(settings);
    const volume = { format: 'fat32', label: call.valueOf('v') ?? '', settings, isRehearsal: call.has('N') };
    return yield* makeVolume(call, special, volume);
  },
});

/** The format's settings for the options given, or what is wrong with one. */
function settingsOf(call: Invocation, blockSizeBytes: number): Record<string, string> | string {
  const settings: Record<string, string> = {};
  for (const { letter, value } of call.options) {
    const number = numberOf(value);
    const bad = (what: string) => `${value}: bad ${what}`;
    switch (letter) {
      case 'N':
      case 'v':
        break;
      case 'F':
        if (!['12', '16', '32'].includes(value)) return bad('FAT type');
        settings['type'] = `fat${value}`;
        break;
      case 'I':
        if (number === null || number > 0xffff_ffff) return bad('volume ID');
        settings['serial'] = number.toString(16).padStart(8, '0');
        break;
      case 'O':
        if (value.length > 8) return bad('OEM string');
        settings['oem'] = value;
        break;
      case 'b':
        if (!number) return bad('block size');
        settings['cluster-size'] = String(number);
        break;
      case 'c':
        if (!number || number > 255) return bad('sectors/cluster');
        settings['cluster-size'] = String(number * blockSizeBytes);
        break;
      case 'e':
        if (!number) return bad('directory entries');
        settings['root-entries'] = String(number);
        break;
      case 'n':
        if (!number) return bad('number of FATs');
        settings['fats'] = String(number);
        break;
      case 'r':
        if (!number) return bad('reserved sectors');
        settings['reserved'] = String(number);
        break;
      default:
        return `-${letter} is not simulated: the geometry is the disk's own`;
    }
  }
  return settings;
}
