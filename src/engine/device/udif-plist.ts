import { textOf, utf8 } from '../base/bytes.ts';

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

/** A block table and what it is called, as they go into a property list. */
export interface NamedTable {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** hdiutil adds this many bytes of zeros under `plst`. */
const PARTITION_LIST_BYTES = 1032;
const LINE_CHARACTERS = 76;

/** The property list of an image, in the form in which hdiutil writes it. */
export function propertyList(tables: readonly NamedTable[]): Uint8Array {
  const key = (name: string, value: string) => `\t\t\t\t<key>${name}</key>\n\t\t\t\t${value}\n`;
  const text = (value: string) => `<string>${escaped(value)}</string>`;
  const data = (bytes: Uint8Array) => `<data>\n${base64Lines(bytes, '\t\t\t\t')}\t\t\t\t</data>`;
  const entry = (id: number, name: string, bytes: Uint8Array, hasCfName: boolean) =>
    '\t\t\t<dict>\n' +
    key('Attributes', text('0x0050')) +
    (hasCfName ? key('CFName', text(name)) : '') +
    key('Data', data(bytes)) +
    key('ID', text(String(id))) +
    key('Name', text(name)) +
    '\t\t\t</dict>\n';
  const list = (name: string, entries: readonly string[]) =>
    `\t\t<key>${name}</key>\n\t\t<array>\n${entries.join('')}\t\t</array>\n`;
  return utf8(
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n' +
      '<plist version="1.0">\n<dict>\n\t<key>resource-fork</key>\n\t<dict>\n' +
      list(
        'blkx',
        // The first part of a disk in parts has the number −1, a whole disk 0.
        tables.map(({ name, bytes }, i) => entry(tables.length === 1 ? 0 : i - 1, name, bytes, true)),
      ) +
      list('plst', [entry(0, '', new Uint8Array(PARTITION_LIST_BYTES), false)]) +
      '\t</dict>\n</dict>\n</plist>\n',
  );
}

/** Names come from disks: what XML does not take at all is left out. */
const escaped = (text: string): string =>
  text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');

/** RFC 4648 §4, in lines. */
function base64Lines(bytes: Uint8Array, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let i = 0; i < 4; i++) line += i <= bytes.length - at ? ALPHABET[(bits >> (18 - 6 * i)) & 63] : '=';
    if (line.length >= LINE_CHARACTERS) {
      lines.push(`${indent}${line}\n`);
      line = '';
    }
  }
  if (line !== '') lines.push(`${indent}${line}\n`);
  return lines.join('');
}
