import { FsError } from '../../base/errno.ts';
import type { FatType } from './layout.ts';

/** What `newfs -o key=value` may say for this format, checked and turned into numbers. */
export interface Settings {
  /** `default`: FAT32 as soon as it is possible. `auto`: as mkfs.fat decides, FAT32 from 512 MiB on. */
  readonly type: FatType | 'default' | 'auto';
  readonly clusterSizeBytes: number | undefined;
  readonly table: 'mkfs.fat' | 'windows';
  readonly fatCount: number;
  readonly reservedSectors: number | undefined;
  readonly rootEntryCount: number | undefined;
  readonly serialNumber: number | undefined;
  readonly oemName: string;
}

const KEYS = ['type', 'cluster-size', 'table', 'fats', 'reserved', 'serial', 'root-entries', 'oem'] as const;
type Key = (typeof KEYS)[number];

const invalid = (detail: string): FsError => new FsError('EINVAL', '', '', detail);

export function readSettings(given: Readonly<Record<string, string>>): Settings {
  for (const key of Object.keys(given)) {
    if ((KEYS as readonly string[]).includes(key)) continue;
    const near = KEYS.find((known) => distance(known, key) <= 3);
    const suggestion = near === undefined ? `settings are ${KEYS.join(', ')}` : `did you mean '${near}'?`;
    throw invalid(`FAT32 has no setting '${key}'; ${suggestion}`);
  }
  const value = (key: Key): string | undefined => given[key];
  const table = oneOf('table', value('table') ?? 'mkfs.fat', ['mkfs.fat', 'windows']);
  return {
    type: typeOf(value('type')),
    clusterSizeBytes: clusterSizeOf(value('cluster-size')),
    table,
    fatCount: wholeNumber('fats', value('fats'), 1, 2) ?? 2,
    reservedSectors: wholeNumber('reserved', value('reserved'), 1, 0xffff),
    rootEntryCount: wholeNumber('root-entries', value('root-entries'), 16, 0xffe0),
    serialNumber: serialOf(value('serial')),
    oemName: oemOf(value('oem') ?? (table === 'windows' ? 'MSWIN4.1' : 'BSD  4.4')),
  };
}

function oneOf<const T extends string>(key: Key, value: string, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw invalid(`'${value}' is no ${key}: choose ${allowed.join(' or ')}`);
  return found;
}

function typeOf(value: string | undefined): Settings['type'] {
  if (value === undefined) return 'default';
  const word = oneOf('type', value.toLowerCase(), ['fat12', 'fat16', 'fat32', 'auto']);
  return word === 'auto' ? 'auto' : word === 'fat12' ? 12 : word === 'fat16' ? 16 : 32;
}

const CLUSTER_SIZES_BYTES = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

function clusterSizeOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,6})([kK]?)$/.exec(value) ?? [];
  const sizeBytes = Number(digits) * (unit === '' ? 1 : 1024);
  if (!CLUSTER_SIZES_BYTES.includes(sizeBytes)) {
    throw invalid(`'${value}' is no cluster size: choose 512, 1k, 2k, 4k, 8k, 16k, 32k or 64k`);
  }
  return sizeBytes;
}

function wholeNumber(key: Key, value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
  if (!(number >= min && number <= max)) {
    throw invalid(`'${value}' is no value for ${key}: a whole number from ${min} to ${max}`);
  }
  return number;
}

function serialOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, high, low] = /^(?:0x)?([0-9a-f]{4})-?([0-9a-f]{4})$/i.exec(value) ?? [];
  if (high === undefined || low === undefined) {
    throw invalid(`'${value}' is no serial number: eight hexadecimal digits like 1234-ABCD`);
  }
  return parseInt(high + low, 16);
}

function oemOf(value: string): string {
  if (!/^[\x20-\x7e]{1,8}$/.test(value)) {
    throw invalid(`'${value}' is no OEM name: one to eight ASCII characters`);
  }
  return value.padEnd(8);
}

/** Levenshtein's distance, for suggestions. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
