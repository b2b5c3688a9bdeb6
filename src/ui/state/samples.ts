import type { NewDiskRequest } from '../../rpc/protocol.ts';

/** A small volume of each format that has lived a little, so that there is something to see. */
export interface Sample {
  readonly label: string;
  readonly request: NewDiskRequest;
}

const MIB = 2 ** 20;

const LIFE = [
  'mkdir photos',
  'mkfile 3m photos/one.jpg',
  'mkfile 2m photos/two.jpg',
  'mkfile 3m photos/three.jpg',
  'echo "Every block of this disk is real." > notes.txt',
  'mkfile 8m film.mov',
];

/** What only volumes with attributes, owners and links of their own can hold. */
const RICH_LIFE = [
  ...LIFE,
  'ln notes.txt photos/caption.txt',
  'ln -s photos/one.jpg cover.jpg',
  'xattr -w org.example.mood calm notes.txt',
  'chflags hidden photos/two.jpg',
];

/** What only APFS can: contents in two files at once, and a state of the volume that stays. */
const APFS_LIFE = [
  ...RICH_LIFE,
  'cp -c film.mov clone.mov',
  'scope snapshot create before',
  'rm photos/three.jpg',
  'echo "The snapshot still shows photos/three.jpg." >> notes.txt',
];

const sample = (
  label: string,
  format: string,
  settings: NewDiskRequest['settings'],
  startLines: readonly string[],
): Sample => ({
  label,
  request: {
    ...{ seed: 1, profile: 'nvme', policy: 'each' },
    ...{ format, sizeBytes: 64 * MIB, label: 'SAMPLE', scheme: 'none', settings, startLines },
  },
});

const FAT32 = sample('FAT32', 'fat32', { type: 'fat32' }, LIFE);

export const SAMPLES: readonly Sample[] = [
  FAT32,
  sample('ExFAT', 'exfat', {}, LIFE),
  sample('HFS+', 'hfsplus', {}, RICH_LIFE),
  sample('HFSX (case-sensitive)', 'hfsx', {}, [...RICH_LIFE, 'echo "not notes.txt" > Notes.txt']),
  sample('APFS', 'apfs', {}, APFS_LIFE),
];

/** What the page opens with. */
export const FIRST_DISK: NewDiskRequest = FAT32.request;
