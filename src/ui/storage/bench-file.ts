import { sha256 } from '@noble/hashes/sha2.js';
import { deflateSync } from 'fflate';
import { CUT_OFF, unpressed } from './pressed.ts';
import type { Row } from './tables.ts';

/**
 * A bench as one file, `.diskoscope`: the rows that a browser keeps of it, compressed.
 *
 *     8 bytes   'DSKSCOPE'
 *     4 bytes   version, little-endian
 *     32 bytes  SHA-256 of everything behind it
 *     4 bytes   length of the text behind it, as compressed; then that text (JSON: the rows)
 *     the rest  bytes that the rows hold, as compressed
 *
 * Files come from strangers: what is cut off, changed or of another version is refused with a sentence before anything
 * of it is used.
 */
const MAGIC = 'DSKSCOPE';
const VERSION = 1;
const HEAD_BYTES = 48;
export const FILE_BYTES_MAX = 2 ** 30;
const TEXT_BYTES_MAX = 2 ** 27;
const CONTENT_BYTES_MAX = 2 ** 31 - 1;
const TABLES: ReadonlySet<unknown> = new Set(['bench', 'line', 'note', 'origin', 'head', 'part', 'chunk']);

/** Stands for bytes or numbers that lie behind the text. */
type Reference = { readonly $bytes: [number, number] } | { readonly $numbers: [number, number] };

export async function encodeBench(rows: readonly Row[]): Promise<Uint8Array<ArrayBuffer>> {
  const contents: Uint8Array[] = [];
  let length = 0;
  const refer = (bytes: Uint8Array): [number, number] => {
    contents.push(bytes);
    length += bytes.length;
    return [length - bytes.length, bytes.length];
  };
  const plain = await Promise.all(
    rows.map(async ({ key, value }) => ({ key, value: await withoutFiles(value) })),
  );
  const text = JSON.stringify(plain, (_, value: unknown) => {
    if (value instanceof Float64Array) return { $numbers: refer(bytesUnder(value)) };
    if (value instanceof Uint8Array) return { $bytes: refer(value) };
    return value;
  });
  const pressedText = deflateSync(new TextEncoder().encode(text));
  const pressed = deflateSync(joined(contents), { level: 1 });
  const file = new Uint8Array(HEAD_BYTES + pressedText.length + pressed.length);
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, VERSION, true);
  view.setUint32(44, pressedText.length, true);
  file.set(pressedText, HEAD_BYTES);
  file.set(pressed, HEAD_BYTES + pressedText.length);
  file.set(sha256(file.subarray(44)), 12);
  return file;
}

/** Throws an Error with a sentence for people. */
export function decodeBench(file: Uint8Array<ArrayBuffer>): Row[] {
  if (new TextDecoder().decode(file.subarray(0, 8)) !== MAGIC)
    throw new Error('it is no bench of Diskoscope');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < HEAD_BYTES) throw new Error(CUT_OFF);
  if (view.getUint32(8, true) !== VERSION) throw new Error('it was made by another version of Diskoscope');
  const sum = sha256(file.subarray(44));
  if (!file.subarray(12, 44).every((byte, at) => byte === sum[at])) throw new Error(CUT_OFF);
  const textEnd = HEAD_BYTES + view.getUint32(44, true);
  if (textEnd > file.length) throw new Error(CUT_OFF);
  const text = unpressed(file.subarray(HEAD_BYTES, textEnd), TEXT_BYTES_MAX);
  const contents = unpressed(file.subarray(textEnd), CONTENT_BYTES_MAX);
  const rows: unknown = JSON.parse(new TextDecoder().decode(text), (_, value: unknown) =>
    isReference(value) ? resolved(value, contents) : value,
  );
  if (!Array.isArray(rows) || !rows.every(isRow)) throw new Error('it holds no bench');
  if (!rows.some(({ key }) => key[0] === 'bench')) throw new Error('it holds no bench');
  return rows;
}

/** An image that a disk lies over comes along as its bytes. */
async function withoutFiles(value: unknown): Promise<unknown> {
  if (typeof value !== 'object' || value === null || !('file' in value)) return value;
  const { file } = value;
  if (!(file instanceof File)) return value;
  return { ...value, file: { $file: file.name, bytes: new Uint8Array(await file.arrayBuffer()) } };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isReference = (value: unknown): value is Reference =>
  isObject(value) && ('$bytes' in value || '$numbers' in value || '$file' in value);

function resolved(value: Reference | Record<string, unknown>, contents: Uint8Array<ArrayBuffer>): unknown {
  if ('$file' in value && isObject(value)) {
    const { $file: name, bytes } = value;
    if (typeof name !== 'string' || !(bytes instanceof Uint8Array)) throw new Error('its image is missing');
    return new File([bytes as Uint8Array<ArrayBuffer>], name);
  }
  const range: unknown = '$bytes' in value ? value['$bytes'] : (value as { $numbers: unknown }).$numbers;
  const [start, length] = Array.isArray(range) ? (range as unknown[]) : [];
  const isRange =
    Number.isSafeInteger(start) &&
    Number.isSafeInteger(length) &&
    (start as number) >= 0 &&
    (length as number) >= 0 &&
    (start as number) + (length as number) <= contents.length;
  if (!isRange) throw new Error('it names bytes that it does not have');
  const bytes = contents.slice(start as number, (start as number) + (length as number));
  if ('$bytes' in value) return bytes;
  if (bytes.length % 8 !== 0) throw new Error('it names numbers that it does not have');
  return new Float64Array(bytes.buffer);
}

function isRow(value: unknown): value is Row {
  if (!isObject(value)) return false;
  const { key } = value;
  if (!Array.isArray(key) || key.length < 2) return false;
  return TABLES.has(key[0]) && key.every((part) => typeof part === 'string' || typeof part === 'number');
}

const bytesUnder = ({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
