import type { NewDiskRequest, SessionOptions } from '../../rpc/protocol.ts';
import { bytesInWords, parseSize } from '../draw/words.ts';

/** The form for a new disk: what was typed, and what is wrong with it in sentences. The engine has the last word. */
export interface NewDiskForm {
  readonly type: VolumeType;
  readonly size: string;
  readonly label: string;
  readonly scheme: 'none' | 'gpt' | 'mbr';
  /** '' lets newfs choose. */
  readonly clusterSize: string;
  /** HFS+ only: '' lets newfs choose the size, 'off' makes none. */
  readonly journal: string;
  /** HFS+ and APFS: tell 'a' from 'A' (HFS+ becomes HFSX). */
  readonly isCaseSensitive: boolean;
  /** Where the format trims: it does. */
  readonly trims: boolean;
  /** APFS only: names of more volumes in the same container, with commas between them. */
  readonly moreVolumes: string;
}

export type VolumeType = 'fat32' | 'fat16' | 'fat12' | 'exfat' | 'hfsplus' | 'apfs';

export const DEFAULT_FORM: NewDiskForm = {
  ...{ type: 'fat32', size: '64m', label: 'UNTITLED', scheme: 'none', clusterSize: '' },
  ...{ journal: '', isCaseSensitive: false, trims: true, moreVolumes: '' },
};

interface TypeFacts {
  readonly name: string;
  /** 'Allocation block size' is what HFS+ calls a cluster. */
  readonly unit: string;
  /** Empty: there is nothing to choose. */
  readonly unitSizes: readonly string[];
  /** Beyond these there can be no such volume; absent: the engine says. */
  readonly sizeLimits?: readonly [number, number];
  /** When freed blocks are trimmed; absent: never. */
  readonly trimTime?: string;
}

const MIB = 2 ** 20;
const TIB = 2 ** 40;
const FAT_CLUSTERS = ['512', '1k', '2k', '4k', '8k', '16k', '32k', '64k'];

/** Clusters of FAT are counted in 12, 16 or 28 bits. FATGEN 1.03, "FAT Type Determination". */
export const VOLUME_TYPES: Readonly<Record<VolumeType, TypeFacts>> = {
  fat32: fat('FAT32', 33 * MIB, 16 * TIB),
  fat16: fat('FAT16', 2 * MIB, 4096 * MIB),
  fat12: fat('FAT12', 16 * 1024, 255 * MIB),
  exfat: {
    ...{ name: 'ExFAT', unit: 'Cluster size' },
    unitSizes: ['512', '1k', '4k', '16k', '32k', '64k', '128k', '256k', '1m', '32m'],
  },
  hfsplus: {
    ...{ name: 'HFS+', unit: 'Allocation block size' },
    unitSizes: ['512', '1k', '2k', '4k', '8k', '16k', '32k', '64k'],
    trimTime: 'after the commit that frees them',
  },
  apfs: {
    ...{ name: 'APFS', unit: 'Block size', unitSizes: [], sizeLimits: [MIB, 16 * TIB] },
    trimTime: 'after the commit that frees them, when the next transaction begins',
  },
};

function fat(name: string, least: number, most: number): TypeFacts {
  return { name, unit: 'Cluster size', unitSizes: FAT_CLUSTERS, sizeLimits: [least, most] };
}

export const JOURNALS: readonly (readonly [string, string])[] = [
  ['', 'yes, as large as newfs chooses'],
  ['1m', 'yes, 1 MiB'],
  ['8m', 'yes, 8 MiB'],
  ['off', 'no'],
];

export type Problems = Partial<Record<keyof NewDiskForm, string>>;

export function problemsOf(form: NewDiskForm): Problems {
  const problems: Problems = {};
  const bytes = parseSize(form.size);
  const { name, sizeLimits } = VOLUME_TYPES[form.type];
  const [least, most] = sizeLimits ?? [0, Infinity];
  if (bytes === null) problems.size = 'Write a size such as 512k, 64m, 2g or 1t.';
  else if (bytes % 512 !== 0) problems.size = 'A disk is a whole number of blocks of 512 bytes.';
  else if (bytes < least && form.clusterSize === '')
    problems.size = `${name} needs at least ${bytesInWords(least)}; take more${form.type.startsWith('fat') ? ', or an older type' : ''}.`;
  else if (bytes > most)
    problems.size = `${name} reaches up to ${bytesInWords(most)}; take less${form.type === 'fat32' ? '' : ', or FAT32'}.`;

  const problem = form.type.startsWith('fat') ? fatLabelProblem(form.label) : null;
  if (problem !== null) problems.label = problem;
  if (form.type === 'apfs' && bytes !== null) {
    const more = volumeProblem(form.moreVolumes, bytes);
    if (more !== null) problems.moreVolumes = more;
  }
  return problems;
}

const namesOf = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

/** A container holds one volume for every 512 MiB begun, at most 100. Apple File System Reference, nx_max_file_systems. */
function volumeProblem(moreVolumes: string, sizeBytes: number): string | null {
  const names = namesOf(moreVolumes);
  const most = Math.min(100, Math.ceil(sizeBytes / (512 * MIB)));
  if (names.some((name) => name.includes(':'))) return 'The name of a volume cannot hold a colon here.';
  if (names.length + 1 <= most) return null;
  const volumes = most === 1 ? 'one volume' : `${most} volumes`;
  return `A container of this size holds ${volumes}: one for every 512 MiB begun.`;
}

/** Of the other formats the engine knows what a label may hold. */
function fatLabelProblem(label: string): string | null {
  const bad = /["*+,./:;<=>?[\\\]|]/.exec(label);
  if (bad) return `A label cannot hold ${bad[0]} on FAT.`;
  if (/[\x00-\x1f\x7f]/.test(label)) return 'A label cannot hold control characters.';
  return [...label].length > 11 ? 'A label has at most 11 characters on FAT.' : null;
}

/** The request for the engine; only for a form without problems. */
export function requestOf(form: NewDiskForm, options: SessionOptions): NewDiskRequest {
  const { type, clusterSize, journal, isCaseSensitive, moreVolumes } = form;
  const settings: Record<string, string> = {};
  let format: string = type;
  if (type === 'hfsplus') {
    if (clusterSize !== '') settings['block-size'] = clusterSize;
    if (journal !== '') settings['journal'] = journal;
    if (isCaseSensitive) format = 'hfsx';
  } else if (type === 'apfs') {
    if (isCaseSensitive) settings['case-sensitive'] = 'yes';
    const more = namesOf(moreVolumes);
    if (more.length > 0) settings['volumes'] = more.join(',');
  } else {
    if (clusterSize !== '') settings['cluster-size'] = clusterSize;
    if (type !== 'exfat') {
      settings['type'] = type;
      format = 'fat32';
    }
  }
  const isUntrimmed = VOLUME_TYPES[type].trimTime !== undefined && !form.trims;
  return {
    ...options,
    ...(isUntrimmed ? { trims: false } : {}),
    ...{ format, sizeBytes: parseSize(form.size) ?? 0, label: form.label, scheme: form.scheme },
    ...{ settings, startLines: [] },
  };
}
