import { FsError } from '../base/errno.ts';
import type { Running } from './command.ts';
import { mountedFrom, rawDevicePath, reasonOf, volumeNamed, withDeviceName } from './disk-names.ts';
import type { Invocation } from './program.ts';
import { outcomeOf } from './system-outcome.ts';

/** What newfs_msdos, newfs_exfat, newfs_hfs and newfs_apfs share. */
export interface NewVolume {
  readonly format: string;
  readonly label: string;
  readonly settings: Record<string, string>;
  /** -N: say what would be made, and make nothing. */
  readonly isRehearsal: boolean;
}

/** Refuses what is mounted, makes the volume and prints what the format's tool prints. */
export function* makeVolume(call: Invocation, special: string, volume: NewVolume): Running {
  const { machine } = call.context;
  const found = volumeNamed(machine, special);
  const [mounted] = found === undefined ? [] : mountedFrom(machine, found);
  const path = special.includes('/') ? special : rawDevicePath(special);
  if (mounted !== undefined && !volume.isRehearsal) {
    const { device, mountPoint } = mounted.slice;
    const what = device === found?.slice.device ? path : `${device} of ${path}`;
    return yield* call.fail(`${what} is mounted on ${mountPoint ?? ''}`);
  }
  const report = outcomeOf(() => machine.newfs(special, volume));
  if (report instanceof FsError) return yield* call.fail(`${path}: ${reasonOf(report)}`);
  for (const line of withDeviceName(report.lines, special)) yield* call.printLine(line);
  for (const warning of report.warnings) yield* call.say(`${call.context.name}: ${warning}\n`);
  return 0;
}

/** strtoul(3) with base 0: decimal, 0x hexadecimal, 0 octal. Null for what is no number. */
export function numberOf(text: string): number | null {
  if (/^0[xX][0-9a-fA-F]{1,12}$/.test(text)) return parseInt(text, 16);
  if (/^0[0-7]{0,14}$/.test(text)) return parseInt(text, 8);
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
}
