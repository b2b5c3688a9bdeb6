import type { NewDiskRequest } from '../../rpc/protocol.ts';

/**
 * The bench that the page opens with: a small disk of each family with the same files at the same places, so that every
 * line is legal on all of them and what differs is the format.
 */
const MIB = 2 ** 20;

/** A volume that has lived a little: files of a few sizes, a gap, something to read. */
export const PREPARED_FILES: readonly string[] = [
  'mkdir photos',
  'mkfile 3m photos/one.jpg',
  'mkfile 2m photos/two.jpg',
  'mkfile 3m photos/three.jpg',
  'echo "Every block of this disk is real." > notes.txt',
  'mkfile 8m film.mov',
];

/** Every disk of a bench has the same label, and so the same home for the same lines. */
export const BENCH_LABEL = 'BENCH';

export const prepared = (format: string, settings: NewDiskRequest['settings'] = {}): NewDiskRequest => ({
  ...{ seed: 1, profile: 'nvme', policy: 'each' },
  ...{ format, sizeBytes: 64 * MIB, label: BENCH_LABEL, scheme: 'none', settings },
  startLines: PREPARED_FILES,
});

export const FIRST_BENCH: readonly NewDiskRequest[] = [
  prepared('apfs'),
  prepared('hfsplus'),
  prepared('exfat'),
  prepared('fat32', { type: 'fat32' }),
];
