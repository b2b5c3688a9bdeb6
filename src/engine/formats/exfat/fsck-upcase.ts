import {
  UPCASE_TABLE_CHECKSUM,
  UPCASE_TABLE_COMPRESSED,
  decodeUpcase,
  standardUpcase,
} from '../../codec/exfat-upcase.ts';
import { clusterOffsetBytes, tableChecksum } from './layout.ts';
import type { Pass } from './fsck-chains.ts';

/** The up-case table of a volume: is it whole, and is it one? exFAT specification, 7.2. */
export const STANDARD_TABLE = UPCASE_TABLE_COMPRESSED;
export const STANDARD_CHECKSUM = UPCASE_TABLE_CHECKSUM;
export { standardUpcase };

const UNITS = 0x1_0000;
export const TABLE_BYTES_MAX = 2 * UNITS;

export interface Table {
  readonly units: Uint16Array;
  /** Why it cannot be used; null for a good one. */
  readonly problem: string | null;
}

/** Read the table, which lies contiguously. The caller has verified that it lies in the heap. */
export function readTable(
  pass: Pick<Pass, 'medium' | 'geometry'>,
  firstCluster: number,
  lengthBytes: number,
  checksum: number,
): Table {
  const bytes = pass.medium.read(clusterOffsetBytes(pass.geometry, firstCluster), lengthBytes);
  const sum = tableChecksum(bytes);
  if (sum !== checksum) {
    return bad(`its checksum is 0x${sum.toString(16)}, its entry says 0x${checksum.toString(16)}`);
  }
  if (sum === STANDARD_CHECKSUM && lengthBytes === STANDARD_TABLE.length) {
    return { units: standardUpcase(), problem: null };
  }
  const units = unitsIn(bytes);
  if (units < UNITS) return bad(`it is cut short after ${units} of ${UNITS} units`);
  if (units > UNITS) return bad(`it describes ${units} units, more than there are`);
  const table = decodeUpcase(bytes);
  for (let unit = 0; unit < 128; unit++) {
    const isSmall = unit >= 0x61 && unit <= 0x7a;
    if (table[unit] !== (isSmall ? unit - 32 : unit)) return bad('it does not map a to z as it must');
  }
  return { units: table, problem: null };
}

const bad = (problem: string): Table => ({ units: standardUpcase(), problem });

/** How many units the words of a table describe: a word each, or as many as the word behind an FFFF says. */
function unitsIn(bytes: Uint8Array): number {
  const wordCount = Math.floor(bytes.length / 2);
  const word = (index: number): number => (bytes[2 * index] ?? 0) | ((bytes[2 * index + 1] ?? 0) << 8);
  let units = 0;
  for (let index = 0; index < wordCount; index++) {
    // The last word may be a mapping of its own to FFFF.
    if (word(index) === 0xffff && index + 1 < wordCount) units += word(++index);
    else units++;
  }
  return units;
}
