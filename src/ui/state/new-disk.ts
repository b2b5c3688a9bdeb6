import type { NewDiskRequest, SessionOptions } from '../../rpc/protocol.ts';
import { bytesInWords, parseSize } from '../draw/words.ts';

/** The form for a new disk: what was typed, and what is wrong with it in sentences. The engine has the last word. */
export interface NewDiskForm {
  readonly type: 'fat32' | 'fat16' | 'fat12';
  readonly size: string;
  readonly label: string;
  readonly scheme: 'none' | 'gpt' | 'mbr';
  /** '' lets newfs choose. */
  readonly clusterSize: string;
}

export const DEFAULT_FORM: NewDiskForm = {
  ...{ type: 'fat32', size: '64m', label: 'UNTITLED', scheme: 'none', clusterSize: '' },
};

export const CLUSTER_SIZES = ['512', '1k', '2k', '4k', '8k', '16k', '32k', '64k'];

const MIB = 2 ** 20;
const TIB = 2 ** 40;
/** Clusters are counted in 12, 16 or 28 bits; beyond these a volume of the type cannot be. FATGEN 1.03, "FAT Type Determination". */
const SIZE_LIMITS: Readonly<Record<NewDiskForm['type'], readonly [number, number]>> = {
  fat12: [16 * 1024, 255 * MIB],
  fat16: [2 * MIB, 4096 * MIB],
  fat32: [33 * MIB, 16 * TIB],
};

export type Problems = Partial<Record<keyof NewDiskForm, string>>;

export function problemsOf(form: NewDiskForm): Problems {
  const problems: Problems = {};
  const bytes = parseSize(form.size);
  const [least, most] = SIZE_LIMITS[form.type];
  const name = form.type.toUpperCase();
  if (bytes === null) problems.size = 'Write a size such as 512k, 64m, 2g or 1t.';
  else if (bytes % 512 !== 0) problems.size = 'A disk is a whole number of blocks of 512 bytes.';
  else if (bytes < least && form.clusterSize === '')
    problems.size = `${name} needs at least ${bytesInWords(least)}; take more, or an older type.`;
  else if (bytes > most) problems.size = `${name} reaches up to ${bytesInWords(most)}; take less, or FAT32.`;

  const bad = /["*+,./:;<=>?[\\\]|]/.exec(form.label);
  if (bad) problems.label = `A label cannot hold ${bad[0]} on FAT.`;
  else if (/[\x00-\x1f\x7f]/.test(form.label)) problems.label = 'A label cannot hold control characters.';
  else if ([...form.label].length > 11) problems.label = 'A label has at most 11 characters on FAT.';
  return problems;
}

/** The request for the engine; only for a form without problems. */
export function requestOf(form: NewDiskForm, options: SessionOptions): NewDiskRequest {
  const settings: Record<string, string> = { type: form.type };
  if (form.clusterSize !== '') settings['cluster-size'] = form.clusterSize;
  return {
    ...options,
    ...{ format: 'fat32', sizeBytes: parseSize(form.size) ?? 0, label: form.label, scheme: form.scheme },
    ...{ settings, startLines: [] },
  };
}

/** What the page opens with: a small volume that has lived a little, so that there is something to see. */
export const FIRST_DISK: NewDiskRequest = {
  ...{ seed: 1, profile: 'nvme', policy: 'each' },
  ...{ format: 'fat32', sizeBytes: 64 * MIB, label: 'SAMPLE', scheme: 'none', settings: { type: 'fat32' } },
  startLines: [
    'mkdir photos',
    'mkfile 3m photos/one.jpg',
    'mkfile 2m photos/two.jpg',
    'mkfile 3m photos/three.jpg',
    'echo "Every block of this disk is real." > notes.txt',
    'mkfile 8m film.mov',
  ],
};
