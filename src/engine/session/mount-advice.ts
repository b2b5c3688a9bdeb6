import type { FormatName } from '../formats/contract.ts';
import type { Container, ExportState } from './export.ts';
import { printedSize } from './sentences.ts';

/**
 * What to type on another system to use an exported file there, and what will not work. Names in commands hold letters,
 * digits, dots and dashes only (export.ts makes them), so that they need no quotes.
 */
export interface MountAdvice {
  readonly system: 'macOS' | 'Linux' | 'Windows';
  readonly steps: readonly MountStep[];
  /** Sentences: limits, and what will not mount. */
  readonly notes: readonly string[];
}

export interface MountStep {
  readonly what: string;
  readonly command: string;
}

export interface ExportFacts {
  readonly container: Container;
  readonly fileName: string;
  /** Null: no volume that is known here. */
  readonly formatName: FormatName | null;
  readonly diskBytes: number;
  readonly state: ExportState;
  /** Number of the volume's partition; null: the volume is the disk. */
  readonly partition: number | null;
}

export const mountAdvice = (facts: ExportFacts): MountAdvice[] => [
  macOs(facts),
  linux(facts),
  windows(facts),
];

/** Unpacked, a sparse disk takes up its whole size where zeros are written out. */
const LARGE_BYTES = 2 ** 32;

const rawNameOf = (fileName: string): string => fileName.replace(/\.(img\.gz|dmg|vhd)$/, '.img');

const MAC_CHECKERS: Readonly<Record<FormatName, string>> = {
  ...{ fat32: 'fsck_msdos -n', exfat: 'fsck_exfat -n', apfs: 'fsck_apfs -n' },
  ...{ hfsplus: 'fsck_hfs -fn', hfsx: 'fsck_hfs -fn' },
};

const CUT_NOTE =
  'The volume was not unmounted: a system that mounts it for writing repairs it first or replays its journal. Mount it read-only to look at it as it is.';

function macOs({ container, fileName, formatName, diskBytes, state, partition }: ExportFacts): MountAdvice {
  const steps: MountStep[] = [];
  const notes: string[] = [];
  const raw = container === 'dmg' ? fileName : rawNameOf(fileName);
  const attach =
    container === 'dmg'
      ? `hdiutil attach ${raw}`
      : `hdiutil attach -imagekey diskimage-class=CRawDiskImage ${raw}`;
  if (container === 'vhd')
    return { system: 'macOS', steps, notes: ['macOS does not attach VHD files: choose .dmg.'] };
  if (container === 'gzip') {
    steps.push({ what: 'Unpack it', command: `gunzip -k ${fileName}` });
    if (diskBytes > LARGE_BYTES) {
      notes.push(
        `Unpacked the file takes up to ${printedSize(diskBytes)}; a .dmg of the same disk stays small.`,
      );
    }
  }
  if (formatName === 'apfs' && partition === null) {
    notes.push(
      'macOS looks for APFS in partitions: put a partition map around the volume, or mount it by hand.',
    );
    steps.push({ what: 'Attach it without mounting', command: `${attach} -nomount` });
    steps.push({
      what: 'Mount the container’s first volume',
      command: 'diskutil list; sudo mount_apfs /dev/diskNs1 /tmp/volume',
    });
    return { system: 'macOS', steps, notes };
  }
  steps.push({ what: 'Attach and mount it', command: attach });
  if (container === 'dmg') {
    steps.push({
      what: 'Or so that it can be changed, while the file stays as it is',
      command: `hdiutil attach ${raw} -shadow ${raw.replace(/\.dmg$/, '.shadow')}`,
    });
    notes.push('A .dmg of this kind is compressed and read-only; the shadow file takes what is written.');
  }
  if (formatName !== null) {
    const slice = partition === null ? '/dev/rdiskN' : `/dev/rdiskNs${partition}`;
    steps.push({
      what: 'Or check it before anything is mounted; N is what attaching prints',
      command: `${attach} -nomount; sudo ${MAC_CHECKERS[formatName]} ${slice}`,
    });
  } else notes.push('There is no volume on the disk that macOS would mount: attach it with -nomount.');
  steps.push({ what: 'Detach it', command: 'hdiutil detach /dev/diskN' });
  if (state === 'cut') notes.push(CUT_NOTE);
  return { system: 'macOS', steps, notes };
}

const LINUX_TYPES: Readonly<Record<FormatName, string>> = {
  ...{ fat32: 'vfat', exfat: 'exfat', hfsplus: 'hfsplus', hfsx: 'hfsplus', apfs: 'apfs' },
};

function linux({ container, fileName, formatName, diskBytes, state, partition }: ExportFacts): MountAdvice {
  const raw = container === 'vhd' ? fileName : rawNameOf(fileName);
  const steps: MountStep[] = [];
  const notes: string[] = [];
  if (container === 'gzip') {
    steps.push({
      what: 'Unpack it, zeros as holes',
      command: `gunzip -c ${fileName} | dd of=${raw} bs=1M iflag=fullblock conv=sparse`,
    });
    if (diskBytes > 2 ** 44 - 2 ** 20)
      notes.push('ext4 holds files of less than 16 TiB; XFS and btrfs hold larger ones.');
  }
  if (container === 'dmg')
    steps.push({ what: 'Unpack it (package dmg2img)', command: `dmg2img -i ${fileName} -o ${raw}` });
  if (formatName === 'apfs') {
    steps.push({
      what: 'Mount it read-only (apfs-fuse)',
      command: `mkdir -p volume && apfs-fuse ${raw} volume`,
    });
    notes.push(
      'The kernel of Linux has no driver for APFS. apfs-fuse reads it; the module linux-apfs-rw can write.',
    );
  } else if (formatName !== null) {
    const type = LINUX_TYPES[formatName];
    if (partition === null) {
      steps.push({ what: 'Mount it', command: `sudo mount -t ${type} -o loop,ro ${raw} /mnt` });
    } else {
      steps.push({
        what: 'Make a loop device of it and mount its partition',
        command: `loop=$(sudo losetup -fP --show ${raw}) && sudo mount -t ${type} -o ro "$loop"p${partition} /mnt`,
      });
    }
    notes.push('Leave out ro to write.');
    if (type === 'hfsplus') {
      notes.push(
        'Linux does not know the journal: it mounts a journaled volume for writing with -o force only.',
      );
    }
    if (type === 'exfat') notes.push('Needs Linux 5.7 or newer.');
  } else notes.push('There is no volume on the disk that Linux would mount.');
  if (state === 'cut' && formatName !== null) notes.push(CUT_NOTE);
  return { system: 'Linux', steps, notes };
}

function windows({ container, fileName, formatName, partition }: ExportFacts): MountAdvice {
  const steps: MountStep[] = [];
  const notes: string[] = [];
  if (formatName !== 'fat32' && formatName !== 'exfat') {
    notes.push(
      formatName === null
        ? 'There is no volume on the disk that Windows would mount.'
        : `Windows has no driver for ${formatName === 'apfs' ? 'APFS' : 'HFS+'} and offers to format such a disk: decline. 7-Zip looks into the image without mounting it.`,
    );
    return { system: 'Windows', steps, notes };
  }
  if (container !== 'vhd') {
    notes.push('Windows attaches neither raw images nor .dmg: choose VHD.');
    return { system: 'Windows', steps, notes };
  }
  steps.push({
    what: 'In PowerShell, as administrator',
    command: `Mount-DiskImage -ImagePath "$PWD\\${fileName}"`,
  });
  steps.push({ what: 'Detach it', command: `Dismount-DiskImage -ImagePath "$PWD\\${fileName}"` });
  if (partition === null) {
    notes.push(
      'Windows gives a volume without a partition map no drive letter reliably: put a map around it.',
    );
  }
  return { system: 'Windows', steps, notes };
}
