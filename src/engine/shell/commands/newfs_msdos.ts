import { FsError } from '../../base/errno.ts';
import { plainDeviceName, rawDevicePath, reasonOf, volumeNamed, withDeviceName } from '../disk-names.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

const USAGE = `usage: newfs_msdos [ -options ] special [disktype]
where the options are:
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
  manual: `newfs_msdos [-F 12|16|32] [-I volume-ID] [-O OEM] [-b block-size | -c sectors] [-e entries] [-n FATs] [-r sectors] [-v name] special

Writes an empty FAT12, FAT16 or FAT32 volume to a disk or slice that is not mounted. What was there is lost.

Differs from macOS: no -N -B -P -S -a -f -h -i -k -m -o -s -u; the geometry is the disk's own.`,
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
    const found = volumeNamed(machine, special);
    const path = special.includes('/') ? special : rawDevicePath(special);
    if (found?.slice.mountPoint != null)
      return yield* call.fail(`${path} is mounted on ${found.slice.mountPoint}`);
    const report = outcomeOf(() =>
      machine.newfs(special, { format: 'fat32', label: call.valueOf('v') ?? '', settings }),
    );
    if (report instanceof FsError) return yield* call.fail(`${path}: ${reasonOf(report)}`);
    for (const line of withDeviceName(report.lines, special)) yield* call.printLine(line);
    for (const warning of report.warnings) yield* call.say(`${call.context.name}: ${warning}\n`);
    return 0;
  },
});

/** The format's settings for the options given, or what is wrong with one. */
function settingsOf(call: Invocation, blockSizeBytes: number): Record<string, string> | string {
  const settings: Record<string, string> = {};
  for (const { letter, value } of call.options) {
    const number = numberOf(value);
    const bad = (what: string) => `${value}: bad ${what}`;
    switch (letter) {
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

/** strtoul(3) with base 0: decimal, 0x hexadecimal, 0 octal. */
function numberOf(text: string): number | null {
  if (/^0[xX][0-9a-fA-F]{1,12}$/.test(text)) return parseInt(text, 16);
  if (/^0[0-7]{0,14}$/.test(text)) return parseInt(text, 8);
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
}
