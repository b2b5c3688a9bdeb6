import type { Finding, FormatName } from '../formats/contract.ts';
import { PartitionDevice } from '../device/partition.ts';
import type { Computer } from './computer.ts';
import type { Disk, Slice } from './disk.ts';
import { counted } from './sentences.ts';

/** The tool of macOS that checks a format. */
export const CHECKERS: Readonly<Record<FormatName, string>> = {
  fat32: 'fsck_msdos',
  exfat: 'fsck_exfat',
  hfsplus: 'fsck_hfs',
  hfsx: 'fsck_hfs',
  apfs: 'fsck_apfs',
};

const FINDINGS_SHOWN_MAX = 8;

/** Of a volume that is mounted: it says of itself that it is in use, and its journal may hold something. */
const IN_USE: ReadonlySet<string> = new Set(['dirty', 'journal-pending']);

/**
 * What the checker says of a disk, in a few lines: of `slice` as it was known before somebody edited it (its signature may
 * be what is gone), or of the partition map when no slice covers the place. First of the bytes as they lie; then, where
 * that is something else, of the disk as unmounting leaves it: a volume that goes on writes some structures anew, and a
 * journal that is to be replayed is read in place of what lies there.
 */
export function verdictOn({ disk, mounts }: Computer, diskAtRest: Disk, slice: Slice | undefined): string[] {
  if (slice === undefined) {
    const found = disk.mapProblems;
    return found.length === 0 ? ['The partition map is sound.'] : [...found];
  }
  const { format, device, firstBlock, blockCount } = slice;
  if (format === null) return [`${device} holds no file system that is known here: nobody can check it.`];
  const tool = CHECKERS[format.name];
  const reportOn = ({ store }: Disk, isInUse: boolean): string[] => {
    const volume = new PartitionDevice(store, firstBlock, blockCount);
    const { isReadable, findings } = format.fsck(volume, { repair: false });
    const counting = findings.filter(({ kind }) => !isInUse || !IN_USE.has(kind));
    if (!isReadable) return [`${tool}: the volume cannot be read.`, ...sentences(counting)];
    if (counting.length === 0) return [`${tool}: clean.`];
    return [`${tool}: ${counted(counting.length, 'finding')}.`, ...sentences(counting)];
  };
  const isMounted = mounts.on(slice).length > 0;
  const now = reportOn(disk, isMounted);
  if (!isMounted || diskAtRest === disk) return now;
  const later = reportOn(diskAtRest, false);
  return later.join('\n') === now.join('\n') ? now : [...now, 'As unmounting would leave it:', ...later];
}

function sentences(findings: readonly Finding[]): string[] {
  const shown = findings.slice(0, FINDINGS_SHOWN_MAX).map(({ message }) => `  ${message}`);
  const left = findings.length - shown.length;
  return left > 0 ? [...shown, `  and ${left} more`] : shown;
}
