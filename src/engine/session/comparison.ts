import type { ErrnoCode } from '../base/errno.ts';
import type { Role } from '../base/role.ts';
import { PROFILES } from '../device/profile.ts';
import type { ProfileName } from '../device/profile.ts';
import type { DiskView, StepView } from './view.ts';

/** What a comparison is made of and what it says: plain data, and in words what each figure means. */
export const ROLE_GROUPS = ['data', 'metadata', 'journal', 'checkpoint'] as const;
export type RoleGroup = (typeof ROLE_GROUPS)[number];

const GROUP_OF: Readonly<Partial<Record<Role, RoleGroup>>> = {
  ...{ data: 'data', shared: 'data', pinned: 'data' },
  ...{ journal: 'journal', checkpoint: 'checkpoint' },
};
export const groupOf = (role: Role): RoleGroup => GROUP_OF[role] ?? 'metadata';

/** Devices to choose from. */
export const PROFILE_TITLES: readonly (readonly [ProfileName, string])[] = Object.values(PROFILES).map(
  ({ name, title }) => [name, title],
);

/** One disk and what it did. Step i of every disk is the same command; null where a disk did not run it. */
export interface ComparedSteps {
  readonly title: string;
  /** What is counted as a block: the volume's where all it writes are whole ones of them, else the disk's. */
  readonly blockSizeBytes: number;
  readonly steps: readonly (StepView | null)[];
  readonly files?: readonly ComparedFile[];
}

export const EXTENTS_MAX = 1000;

/** A file as it lies after the commands. */
export interface ComparedFile {
  readonly path: string;
  /** Null: it is not there, and `problem` says why. */
  readonly sizeBytes: number | null;
  readonly extentCount: number;
  readonly allocatedBytes: number;
  /** In order, the first EXTENTS_MAX of them, in blocks and bytes of the disk. */
  readonly extents: readonly { readonly firstBlock: number; readonly lengthBytes: number }[];
  readonly problem: string | null;
}

export interface Figures {
  readonly writes: number;
  readonly blocks: number;
  readonly bytes: number;
  readonly bytesByGroup: Readonly<Record<RoleGroup, number>>;
  readonly blocksByGroup: Readonly<Record<RoleGroup, number>>;
  /** What programs handed to system calls to be kept: contents of files and values of attributes. */
  readonly handedBytes: number;
  /** `bytes` for each of `handedBytes`; null where nothing was handed over. */
  readonly writeAmplification: number | null;
  readonly barriers: number;
  readonly trims: number;
  readonly trimmedBytes: number;
  /** On the profile of the comparison. */
  readonly simulatedNanoseconds: number;
  readonly freeBytesChange: number;
  /** Of the last command that failed, or the errno that a command got and lived with. */
  readonly error: { readonly code: ErrnoCode; readonly text: string } | null;
  /** Commands with an exit code other than 0. */
  readonly failures: number;
}

/** Null: the disk did not run the command. */
export type Cell = Figures | null;

export interface Comparison {
  readonly profile: { readonly name: ProfileName; readonly title: string };
  readonly disks: readonly { readonly title: string; readonly blockSizeBytes: number }[];
  readonly commands: readonly { readonly line: string; readonly cells: readonly Cell[] }[];
  /** Of all the commands, disk by disk. */
  readonly total: readonly Figures[];
  /** By path, disk by disk; null where that disk was not asked. */
  readonly files: readonly { readonly path: string; readonly cells: readonly (ComparedFile | null)[] }[];
  /** What differs most, most telling first. */
  readonly sentences: readonly string[];
}

/** What each figure says, for whoever asks; the page and `--help` show it. */
export const MEANINGS: readonly (readonly [string, string])[] = [
  [
    'Written',
    'Bytes and blocks that went to the device, by what they hold. Data: contents of files. Metadata: names, trees, allocation maps, headers and partition maps. Journal and checkpoint: what lets a disk come back after a power cut.',
  ],
  [
    'Handed over',
    'Bytes that the commands gave to system calls to be kept: contents of files (write, pwrite) and values of attributes (setxattr). A clone, a rename and a deletion hand over nothing.',
  ],
  [
    'Write amplification',
    'Bytes written to the device for each byte handed over. Below 1 some of it is still in memory. Where nothing was handed over there is no such figure.',
  ],
  [
    'Barriers and trims',
    'How often the volume made the device empty its cache before it went on, and what it told the device it no longer needs.',
  ],
  [
    'Time',
    'Simulated for the device chosen, never measured: the writes, trims and barriers that were recorded, one at a time, with the arm where it stood. Reads are free, because how many there are depends on what is in memory. Another device gets the very same accesses; run there, its clock may change a timestamp and with it a write.',
  ],
  ['Free space', 'Bytes free after the commands minus before, as statfs counts them.'],
  [
    'Result',
    'Whether the command ended well, and the errno that macOS would give. A command may meet an errno and go another way: cp -c copies where a volume cannot clone.',
  ],
];

/** What is counted as a block of this disk: APFS knows nothing smaller than its blocks, the others write sectors. */
export const countedBlockBytes = ({ volume, blockSizeBytes }: DiskView): number =>
  volume?.formatName === 'apfs' ? volume.allocationBlockSizeBytes : blockSizeBytes;
