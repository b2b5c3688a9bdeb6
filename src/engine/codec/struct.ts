import { assert } from '../base/assert.ts';
import { viewOf } from '../base/bytes.ts';

/**
 * The struct language: each on-disk structure is declared once, one row per field with the offset its specification
 * prints. That row reads, writes and explains the bytes. A declaration checks itself when its module loads: every byte
 * belongs to exactly one field, in order.
 *
 * `read` is strict (BadMagic, short buffers are a bug of the caller), for mounting; `peek` and `annotate` never throw,
 * for fsck and the hex pane, which live on damaged disks.
 */
export type Endian = 'little' | 'big';

/** One named run of bytes, as the hex pane shows it. Offsets count from the start of the buffer handed in. */
export interface Annotation {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** 'FSInfo.freeCount' */
  readonly name: string;
  /** The value in words: '1023 clusters'. */
  readonly text: string;
  /** What the field is for, in the specification's terms. */
  readonly doc: string;
  /** Document and section: 'FATGEN 1.03, "FAT32 FSInfo Sector Structure"'. */
  readonly section: string;
  /** How the value stands there, where it can be typed as such: a number of that byte order, or one byte a character. */
  readonly stored?: Endian | 'text';
}

/** Makes annotations of bytes `from` up to `to` that no structure explains; `section` is what most of them cite. */
export const runsOf =
  (cited: string) =>
  (from: number, to: number, name: string, text: string, doc: string, section = cited): Annotation => ({
    offsetBytes: from,
    lengthBytes: to - from,
    name,
    text,
    doc,
    section,
  });

interface FieldOptions<T> {
  /** The only value the specification allows: verified by `read`, written when the value omits it. */
  readonly magic?: T;
  /** The value in words, with its unit. */
  readonly show?: (value: T) => string;
}

export interface Field<T> extends FieldOptions<T> {
  readonly at: number;
  readonly doc: string;
  readonly lengthBytes: number;
  readonly isReserved?: boolean;
  readonly kind?: 'number' | 'text';
  get(view: DataView, at: number, isLittle: boolean): T;
  set(view: DataView, at: number, value: T, isLittle: boolean): void;
}

export const hex = (value: number): string => `0x${value.toString(16)}`;

/** A field declared with a magic may be left out of what is written; its type says so. */
type WithMagic<O, T> = O extends { readonly magic: T } ? { readonly magic: T } : unknown;

const numberField =
  (lengthBytes: number, get: Field<number>['get'], set: Field<number>['set']) =>
  <O extends FieldOptions<number>>(at: number, doc: string, options?: O) =>
    ({ ...options, kind: 'number', at, doc, lengthBytes, get, set }) as Field<number> & WithMagic<O, number>;

export const u8 = numberField(
  1,
  (view, at) => view.getUint8(at),
  (view, at, value) => view.setUint8(at, value),
);

export const u16 = numberField(
  2,
  (view, at, isLittle) => view.getUint16(at, isLittle),
  (view, at, value, isLittle) => view.setUint16(at, value, isLittle),
);

export const u32 = numberField(
  4,
  (view, at, isLittle) => view.getUint32(at, isLittle),
  (view, at, value, isLittle) => view.setUint32(at, value, isLittle),
);

/** A 64-bit address, count or size. Exact up to 2^53; a larger one (damage) reads as the nearest double. */
export const u64 = numberField(
  8,
  (view, at, isLittle) => {
    const low = view.getUint32(isLittle ? at : at + 4, isLittle);
    const high = view.getUint32(isLittle ? at + 4 : at, isLittle);
    return high * 2 ** 32 + low;
  },
  (view, at, value, isLittle) => {
    assert(Number.isSafeInteger(value) && value >= 0, `${value} is a whole number of at most 2^53`);
    view.setUint32(isLittle ? at : at + 4, value >>> 0, isLittle);
    view.setUint32(isLittle ? at + 4 : at, Math.floor(value / 2 ** 32), isLittle);
  },
);

/** Bits with names, lowest first: `flags8(11, 'attributes', ['read-only', 'hidden'])` shows 'read-only, hidden'. */
export const flags8 = (at: number, doc: string, bits: readonly string[]): Field<number> =>
  u8(at, doc, {
    show: (value) => {
      const names = bits.filter((_, bit) => value & (1 << bit));
      return `${hex(value)}${names.length === 0 ? '' : ` ${names.join(', ')}`}`;
    },
  });

const subarray = (view: DataView, at: number, length: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + at, length);

/** Raw bytes. `get` returns a copy. */
export const bytes = (
  at: number,
  lengthBytes: number,
  doc: string,
  options: FieldOptions<Uint8Array> = {},
): Field<Uint8Array> => ({
  show: (value) => [...value].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
  ...options,
  at,
  doc,
  lengthBytes,
  get: (view, at) => subarray(view, at, lengthBytes).slice(),
  set: (view, at, value) => {
    assert(value.length === lengthBytes, `${value.length} bytes given for a field of ${lengthBytes}`);
    subarray(view, at, lengthBytes).set(value);
  },
});

/** Text of one byte a character (ISO 8859-1 on the way in and out), exactly as long as the field. */
export const ascii = (
  at: number,
  lengthBytes: number,
  doc: string,
  options: FieldOptions<string> = {},
): Field<string> => ({
  show: (value) => JSON.stringify(value),
  ...options,
  kind: 'text',
  at,
  doc,
  lengthBytes,
  get: (view, at) => String.fromCharCode(...subarray(view, at, lengthBytes)),
  set: (view, at, value) => {
    assert(value.length === lengthBytes, `'${value}' fills a field of ${lengthBytes} bytes`);
    const target = subarray(view, at, lengthBytes);
    for (let i = 0; i < lengthBytes; i++) target[i] = value.charCodeAt(i);
  },
});

/** UTF-16 code units, exactly as many as the field holds; nothing is trimmed. */
export const utf16 = (
  at: number,
  lengthUnits: number,
  doc: string,
  options: FieldOptions<string> = {},
): Field<string> => ({
  show: (value) => JSON.stringify(value.replace(/\0[\s\S]*$/, '')),
  ...options,
  at,
  doc,
  lengthBytes: lengthUnits * 2,
  get: (view, at, isLittle) => {
    let text = '';
    for (let i = 0; i < lengthUnits; i++) text += String.fromCharCode(view.getUint16(at + 2 * i, isLittle));
    return text;
  },
  set: (view, at, value, isLittle) => {
    assert(value.length === lengthUnits, `${value.length} units given for a field of ${lengthUnits}`);
    for (let i = 0; i < lengthUnits; i++) view.setUint16(at + 2 * i, value.charCodeAt(i), isLittle);
  },
});

/** Bytes the specification sets aside: zero when we write, any value when we read, no part of the value. */
export const reserved = (at: number, lengthBytes: number, doc = 'reserved'): Field<undefined> => ({
  at,
  doc,
  lengthBytes,
  isReserved: true,
  get: () => undefined,
  set: (view, at) => subarray(view, at, lengthBytes).fill(0),
});

type Fields = Readonly<Record<string, Field<any>>>;
type ValueKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<undefined> ? never : K;
}[keyof F];
type ValueOf<F extends Fields> = {
  readonly [K in ValueKeys<F>]: F[K] extends Field<infer T> ? T : never;
};
type MagicKeys<F extends Fields> = {
  [K in ValueKeys<F>]: F[K] extends { readonly magic: NonNullable<unknown> } ? K : never;
}[ValueKeys<F>];
type WritableValueOf<F extends Fields> = Omit<ValueOf<F>, MagicKeys<F>> &
  Partial<Pick<ValueOf<F>, MagicKeys<F>>>;

/** The plain object a struct reads into: `type FsInfo = Value<typeof FsInfo>`. */
export type Value<S> = S extends Struct<infer F> ? ValueOf<F> : never;

export interface Struct<F extends Fields> {
  readonly name: string;
  readonly sizeBytes: number;
  readonly section: string;
  readonly fields: F;
  /** Strict: throws BadMagic when a field with a magic holds something else. */
  read(bytes: Uint8Array, at?: number): ValueOf<F>;
  /** Lenient: whatever is there; bytes beyond the buffer's end read as zero. */
  peek(bytes: Uint8Array, at?: number): ValueOf<F>;
  /** Writes every field; reserved bytes become zero, fields with a magic may be left out. */
  write(bytes: Uint8Array, value: WritableValueOf<F>, at?: number): void;
  /** Explains the bytes; stops where the buffer ends. */
  annotate(bytes: Uint8Array, at?: number): Annotation[];
}

/** The bytes are not the structure they were taken for. `field` names the row that says so. */
export class BadMagic extends Error {
  override readonly name = 'BadMagic';

  constructor(
    readonly field: string,
    readonly found: string,
    readonly expected: string,
  ) {
    super(`${field} is ${found}, expected ${expected}`);
  }
}

const inWords = (field: Field<any>, value: unknown): string =>
  value === undefined ? '' : field.show ? field.show(value) : String(value);

/**
 * Declare a structure. `section` says where the specification describes it.
 * Offsets are explicit so that they can be held against the printed table; a gap or an overlap throws here.
 */
export function struct<const F extends Fields>(
  name: string,
  sizeBytes: number,
  endian: Endian,
  section: string,
  fields: F,
): Struct<F> {
  const entries: [string, Field<any>][] = Object.entries(fields);
  const isLittle = endian === 'little';

  let end = 0;
  for (const [key, field] of entries) {
    assert(field.at === end, `${name}.${key} declared at ${field.at}, previous field ends at ${end}`);
    end += field.lengthBytes;
  }
  assert(end === sizeBytes, `${name} declares ${end} bytes of ${sizeBytes}`);

  function valueAt(view: DataView, at: number, isStrict: boolean): ValueOf<F> {
    const value: Record<string, unknown> = {};
    for (const [key, field] of entries) {
      if (field.isReserved) continue;
      const got = field.get(view, at + field.at, isLittle);
      if (isStrict && field.magic !== undefined && got !== field.magic) {
        throw new BadMagic(`${name}.${key}`, inWords(field, got), inWords(field, field.magic));
      }
      value[key] = got;
    }
    return value as ValueOf<F>;
  }

  return {
    name,
    sizeBytes,
    section,
    fields,
    read: (bytes, at = 0) => valueAt(viewOf(bytes), at, true),
    peek(bytes, at = 0) {
      if (at + sizeBytes <= bytes.length) return valueAt(viewOf(bytes), at, false);
      const padded = new Uint8Array(sizeBytes);
      padded.set(bytes.subarray(Math.min(at, bytes.length)));
      return valueAt(viewOf(padded), 0, false);
    },
    write(bytes, value, at = 0) {
      const view = viewOf(bytes);
      const given = value as Record<string, unknown>;
      for (const [key, field] of entries) {
        field.set(view, at + field.at, given[key] ?? field.magic, isLittle);
      }
    },
    annotate(bytes, at = 0) {
      const view = viewOf(bytes);
      const found: Annotation[] = [];
      for (const [key, field] of entries) {
        if (at + field.at + field.lengthBytes > bytes.length) break;
        const text = inWords(field, field.get(view, at + field.at, isLittle));
        found.push({
          offsetBytes: at + field.at,
          lengthBytes: field.lengthBytes,
          name: `${name}.${key}`,
          text,
          doc: field.doc,
          section,
          ...(field.kind === undefined ? {} : { stored: field.kind === 'number' ? endian : 'text' }),
        });
      }
      return found;
    },
  };
}
