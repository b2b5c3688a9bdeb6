import { UPCASE_WORDS } from './exfat-upcase.generated.ts';

/**
 * The up-case table of exFAT: what each UTF-16 unit becomes before two names are compared. Every volume carries its
 * own, compressed: FFFF and a count stand for so many units that stay as they are.
 * Source: Microsoft, "exFAT file system specification" (2019), 7.2.
 */
export const UPCASE_UNITS = 0x1_0000;
const RUN = 0xffff;

/** TableChecksum of the recommended table. */
export const UPCASE_TABLE_CHECKSUM = 0xe619d30d;

/** The recommended table as it is stored on new volumes: 5836 bytes. */
export const UPCASE_TABLE_COMPRESSED: Uint8Array = bytesOfWords(UPCASE_WORDS);

function bytesOfWords(words: string): Uint8Array {
  const out = new Uint8Array(words.length / 2);
  for (let at = 0; at < out.length; at += 2) {
    const word = parseInt(words.slice(at * 2, at * 2 + 4), 16);
    out[at] = word;
    out[at + 1] = word >>> 8;
  }
  return out;
}

/**
 * The table in full, 65,536 units. Never fails: units behind the end of a table cut short stay as they are, what is
 * too much is passed over.
 */
export function decodeUpcase(bytes: Uint8Array): Uint16Array {
  const table = new Uint16Array(UPCASE_UNITS);
  for (let unit = 0; unit < UPCASE_UNITS; unit++) table[unit] = unit;
  const wordCount = Math.floor(bytes.length / 2);
  const word = (index: number): number => (bytes[index * 2] ?? 0) | ((bytes[index * 2 + 1] ?? 0) << 8);
  let unit = 0;
  for (let index = 0; index < wordCount && unit < UPCASE_UNITS; index++) {
    // The last word of all is a mapping even if it is FFFF.
    if (word(index) === RUN && index + 1 < wordCount && unit < UPCASE_UNITS - 1) unit += word(++index);
    else table[unit++] = word(index);
  }
  return table;
}

let standard: Uint16Array | undefined;

/** The recommended table in full. Not to be changed by its users. */
export const standardUpcase = (): Uint16Array => (standard ??= decodeUpcase(UPCASE_TABLE_COMPRESSED));
