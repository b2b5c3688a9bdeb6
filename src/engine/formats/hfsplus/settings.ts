import { FsError } from '../../base/errno.ts';
import { LARGE_KEY_NODE_SIZE_BYTES_MIN, NODE_SIZE_BYTES_MAX, NODE_SIZE_BYTES_MIN } from './layout-tree.ts';

/** What `newfs -o key=value` may say for this format, checked and turned into numbers. */
export interface Settings {
  /** `on`: of the size that newfs_hfs gives it. */
  readonly journal: 'on' | 'off' | { readonly sizeBytes: number };
  readonly blockSizeBytes: number | undefined;
  readonly nodeSizeBytes: Readonly<Record<TreeName, number | undefined>>;
  /** How names are compared; `binary` only on HFSX. */
  readonly compare: 'binary' | 'folding';
}

export type TreeName = 'catalog' | 'extents' | 'attributes';

const KEYS = [
  'journal',
  'block-size',
  'node-size-catalog',
  'node-size-extents',
  'node-size-attributes',
  'compare',
] as const;
type Key = (typeof KEYS)[number];

/** [HF hfs_journal.c journal_open] */
export const JOURNAL_SIZE_BYTES_MIN = 256 * 1024;
/** [HF newfs_hfs.c] */
export const JOURNAL_SIZE_BYTES_MAX = 512 * 2 ** 20;
const BLOCK_SIZE_BYTES_MAX = 2 ** 20;

const invalid = (detail: string): FsError => new FsError('EINVAL', '', '', detail);

/** FsError EINVAL with a sentence for what is unknown or impossible. */
export function readSettings(given: Readonly<Record<string, string>>, isHfsx: boolean): Settings {
  for (const key of Object.keys(given)) {
    if ((KEYS as readonly string[]).includes(key)) continue;
    throw invalid(`HFS+ has no setting '${key}'; settings are ${KEYS.join(', ')}`);
  }
  const nodeSize = (tree: TreeName, minBytes: number) =>
    powerOfTwo(`node-size-${tree}`, given[`node-size-${tree}`], minBytes, NODE_SIZE_BYTES_MAX);
  return {
    journal: journalOf(given['journal'] ?? 'on'),
    blockSizeBytes: powerOfTwo('block-size', given['block-size'], 512, BLOCK_SIZE_BYTES_MAX),
    nodeSizeBytes: {
      catalog: nodeSize('catalog', LARGE_KEY_NODE_SIZE_BYTES_MIN),
      extents: nodeSize('extents', NODE_SIZE_BYTES_MIN),
      attributes: nodeSize('attributes', LARGE_KEY_NODE_SIZE_BYTES_MIN),
    },
    compare: compareOf(given['compare'], isHfsx),
  };
}

function journalOf(value: string): Settings['journal'] {
  if (value === 'on' || value === 'off') return value;
  const sizeBytes = sizeOf(value);
  const isPossible =
    sizeBytes >= JOURNAL_SIZE_BYTES_MIN && sizeBytes <= JOURNAL_SIZE_BYTES_MAX && sizeBytes % 4096 === 0;
  if (!isPossible) {
    throw invalid(
      `'${value}' is no journal: on, off, or a size from 256k to 512m in steps of 4k, such as 8m`,
    );
  }
  return { sizeBytes };
}

function compareOf(value: string | undefined, isHfsx: boolean): Settings['compare'] {
  if (value === undefined) return isHfsx ? 'binary' : 'folding';
  if (value !== 'binary' && value !== 'folding') {
    throw invalid(`'${value}' is no way to compare names: choose binary or folding`);
  }
  if (value === 'binary' && !isHfsx) {
    throw invalid('HFS+ always folds case when it compares names; case-sensitive names need HFSX');
  }
  return value;
}

function powerOfTwo(key: Key, value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const size = sizeOf(value);
  if (!(size >= min && size <= max && Number.isInteger(Math.log2(size)))) {
    throw invalid(`'${value}' is no ${key}: a power of two from ${inWords(min)} to ${inWords(max)}`);
  }
  return size;
}

/** NaN for what is no size. */
function sizeOf(value: string): number {
  const [, digits, unit = ''] = /^(\d{1,12})([kKmM]?)$/.exec(value) ?? [];
  if (digits === undefined) return NaN;
  return Number(digits) * (unit === '' ? 1 : /k/i.test(unit) ? 1024 : 2 ** 20);
}

/** '4k', '8m'; exact. */
export function inWords(sizeBytes: number): string {
  const units = ['', 'k', 'm', 'g', 't'];
  let [size, unit] = [sizeBytes, 0];
  while (size >= 1024 && size % 1024 === 0 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return unit === 0 ? `${sizeBytes} bytes` : `${size}${units[unit] ?? ''}`;
}
