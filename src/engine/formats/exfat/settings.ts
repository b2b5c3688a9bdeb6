import { FsError } from '../../base/errno.ts';
import { CLUSTER_SIZE_BYTES_MAX } from './layout.ts';

/** What `newfs -o key=value` may say for this format, checked and turned into numbers. */
export interface Settings {
  readonly table: 'macos' | 'windows' | 'mkfs.exfat';
  readonly clusterSizeBytes: number | undefined;
  /** FAT and cluster heap begin at multiples of this. */
  readonly alignmentBytes: number | undefined;
  readonly serialNumber: number | undefined;
  /** 16 bytes as they are stored; undefined for a volume without a GUID entry. */
  readonly guid: Uint8Array | undefined;
}

const KEYS = ['cluster-size', 'table', 'alignment', 'serial', 'guid'] as const;
type Key = (typeof KEYS)[number];

const invalid = (detail: string): FsError => new FsError('EINVAL', '', '', detail);

export function readSettings(given: Readonly<Record<string, string>>): Settings {
  for (const key of Object.keys(given)) {
    if (!(KEYS as readonly string[]).includes(key)) {
      throw invalid(`exFAT has no setting '${key}'; settings are ${KEYS.join(', ')}`);
    }
  }
  const value = (key: Key): string | undefined => given[key];
  return {
    table: tableOf(value('table') ?? 'macos'),
    clusterSizeBytes: powerOfTwo('cluster-size', value('cluster-size'), 512, CLUSTER_SIZE_BYTES_MAX),
    alignmentBytes: powerOfTwo('alignment', value('alignment'), 512, ALIGNMENT_BYTES_MAX),
    serialNumber: serialOf(value('serial')),
    guid: guidOf(value('guid')),
  };
}

const ALIGNMENT_BYTES_MAX = 64 * 2 ** 20;
const TABLES = ['macos', 'windows', 'mkfs.exfat'] as const;

function tableOf(value: string): Settings['table'] {
  const found = TABLES.find((word) => word === value);
  if (found === undefined) throw invalid(`'${value}' is no table: choose ${TABLES.join(', ')}`);
  return found;
}

function powerOfTwo(key: Key, value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const [, digits, unit = ''] = /^(\d{1,9})([kKmM]?)$/.exec(value) ?? [];
  const sizeBytes = Number(digits) * (unit === '' ? 1 : unit.toLowerCase() === 'k' ? 1024 : 2 ** 20);
  if (!(sizeBytes >= min && sizeBytes <= max) || !Number.isInteger(Math.log2(sizeBytes))) {
    throw invalid(
      `'${value}' is no value for ${key}: a power of two from ${min} bytes to ${max / 2 ** 20}m, like 4k`,
    );
  }
  return sizeBytes;
}

function serialOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, high, low] = /^(?:0x)?([0-9a-f]{4})-?([0-9a-f]{4})$/i.exec(value) ?? [];
  if (high === undefined || low === undefined) {
    throw invalid(`'${value}' is no serial number: eight hexadecimal digits like 1234-ABCD`);
  }
  return parseInt(high + low, 16);
}

function guidOf(value: string | undefined): Uint8Array | undefined {
  if (value === undefined) return undefined;
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) {
    throw invalid(`'${value}' is no GUID: 32 hexadecimal digits like 12345678-9abc-def0-1234-56789abcdef0`);
  }
  const digits = value.replaceAll('-', '');
  const guid = Uint8Array.from({ length: 16 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
  if (guid.every((byte) => byte === 0)) throw invalid('a GUID of zeros is none');
  return guid;
}
