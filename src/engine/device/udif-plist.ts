import { textOf } from '../base/bytes.ts';

/**
 * The block tables in the property list of a UDIF image: the `Data` of every dictionary in `resource-fork` ▸ `blkx`.
 * Reads just that much of XML property lists (Apple's DTD, PropertyList-1.0): elements without attributes, in the
 * order that hdiutil writes. Damage gives fewer tables, never an error.
 */
export function blockTables(plist: Uint8Array): Uint8Array[] {
  const text = textOf(plist);
  const start = text.indexOf('<key>blkx</key>');
  if (start < 0) return [];
  // Dictionaries inside the array hold strings and data only: the first end of an array is its own.
  const end = text.indexOf('</array>', start);
  const array = text.slice(start, end < 0 ? text.length : end);
  const tables: Uint8Array[] = [];
  for (let at = array.indexOf(KEY); at >= 0; at = array.indexOf(KEY, at + KEY.length)) {
    const open = array.indexOf('<data>', at);
    const close = array.indexOf('</data>', open);
    if (open < 0 || close < 0) break;
    tables.push(base64Bytes(array.slice(open + '<data>'.length, close)));
  }
  return tables;
}

const KEY = '<key>Data</key>';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/** RFC 4648 §4; what is not of the alphabet (line breaks, padding) is passed over. */
function base64Bytes(text: string): Uint8Array {
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let length = 0;
  let bits = 0;
  let bitCount = 0;
  for (let i = 0; i < text.length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) continue;
    bits = ((bits << 6) | value) & 0xff_ffff;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    out[length++] = (bits >>> bitCount) & 0xff;
  }
  return out.slice(0, length);
}
