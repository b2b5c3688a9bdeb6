import { isZero } from '../../base/bytes.ts';
import { runsOf } from '../../codec/struct.ts';
import type { Annotation } from '../../codec/struct.ts';
import type { BlockAnnotation } from '../survey.ts';
import {
  EXTENTS_PER_RECORD,
  EXTENT_RECORD_SIZE_BYTES,
  EXTENT_SIZE_BYTES,
  ExtentFields,
  FORK_SIZE_BYTES,
  ForkDataFields,
  plural,
} from './layout.ts';

/** What the explainers of a block share. */

/** What is said of one part of the volume; offsets of the fields count from the bytes that were to be explained. */
export type Piece = BlockAnnotation;

export const TN = 'TN1150';

export const run = runsOf(TN);

const TEXT_SHOWN_MAX = 1024;

/** Text from the disk made harmless: control and direction characters are spelt out, what is endless is cut. */
export function shown(text: string): string {
  const cut = text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)}…` : text;
  return cut.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export const count = (number: number, unit: string): string =>
  `${number} ${number === 1 ? unit : unit.endsWith('y') ? `${unit.slice(0, -1)}ies` : `${unit}s`}`;

/** 'block 7', 'blocks 7 to 9' */
export const rangeOf = (unit: string, first: number, length: number): string =>
  length === 1 ? `${unit} ${first}` : `${unit}s ${first} to ${first + length - 1}`;

/** What is needed of a structure to explain it. */
export interface Explained {
  readonly name: string;
  readonly sizeBytes: number;
  annotate(bytes: Uint8Array, at?: number): Annotation[];
}

/** Fields one behind the other: whatever is added begins where the last one ended. */
export class FieldList {
  readonly fields: Annotation[] = [];

  constructor(
    readonly bytes: Uint8Array,
    public at: number,
    readonly prefix = '',
  ) {}

  run(to: number, name: string, text: string, doc: string, section = TN): void {
    if (to <= this.at) return;
    this.fields.push(run(this.at, to, `${this.prefix}${name}`, text, doc, section));
    this.at = to;
  }

  /** Bytes without a meaning: zeros or not is all that can be said. */
  rest(to: number, name: string, doc: string): void {
    if (to <= this.at) return;
    const isEmpty = isZero(this.bytes.subarray(this.at, to));
    this.run(to, name, isEmpty ? 'zeros' : 'bytes without a meaning for the format', doc);
  }

  /** A structure, if it fits before `end`; forks and extents one by one. Says whether it did. */
  struct(struct: Explained, end: number, words: Readonly<Record<string, string>> = {}): boolean {
    if (this.at + struct.sizeBytes > end) {
      this.run(
        end,
        'damaged',
        `too short for a ${struct.name}`,
        `a ${struct.name} has ${struct.sizeBytes} bytes`,
      );
      return false;
    }
    const start = this.at;
    for (const field of struct.annotate(this.bytes.subarray(0, end), start)) {
      const key = field.name.slice(struct.name.length + 1);
      if (field.lengthBytes === FORK_SIZE_BYTES) this.#fork(field);
      else if (field.lengthBytes === EXTENT_RECORD_SIZE_BYTES && key === 'extents') this.#extents(field);
      else this.#push({ ...field, text: words[key] ?? this.#textOf(field) });
    }
    this.at = start + struct.sizeBytes;
    return true;
  }

  /** A long field of zeros, or one that is reserved, is not spelt out. */
  #textOf({ text, offsetBytes, lengthBytes }: Annotation): string {
    const isEmpty = isZero(this.bytes.subarray(offsetBytes, offsetBytes + lengthBytes));
    if (isEmpty && (lengthBytes > 8 || text === '')) return 'zeros';
    return text === '' ? 'not zero, though reserved' : shown(text);
  }

  #push(field: Annotation): void {
    this.fields.push({ ...field, name: `${this.prefix}${field.name}` });
  }

  #fork(fork: Annotation): void {
    for (const field of ForkDataFields.annotate(this.bytes, fork.offsetBytes).slice(0, 4)) {
      const name = `${fork.name}.${field.name.slice(ForkDataFields.name.length + 1)}`;
      if (field.lengthBytes === EXTENT_RECORD_SIZE_BYTES) this.#extents({ ...field, name });
      else this.#push({ ...field, name, doc: `${field.doc} (${fork.doc})` });
    }
  }

  /** Eight extents; those behind the last used one in one piece. */
  #extents(record: Annotation): void {
    const { section, offsetBytes } = record;
    for (let i = 0; i < EXTENTS_PER_RECORD; i++) {
      const at = offsetBytes + i * EXTENT_SIZE_BYTES;
      const end = offsetBytes + EXTENT_RECORD_SIZE_BYTES;
      if (isZero(this.bytes.subarray(at, end))) {
        const text = count(EXTENTS_PER_RECORD - i, 'unused extent');
        this.#push(run(at, end, `${record.name}[${i}…]`, text, record.doc, section));
        return;
      }
      const { startBlock, blockCount } = ExtentFields.peek(this.bytes, at);
      const text =
        blockCount === 0
          ? 'unused'
          : `${rangeOf('block', startBlock, blockCount)} (${plural('block')(blockCount)})`;
      this.#push(run(at, at + EXTENT_SIZE_BYTES, `${record.name}[${i}]`, text, record.doc, section));
    }
  }
}

/** The part of fields between two bytes, counted anew from `from`. What is cut says so. */
export function clip(fields: readonly Annotation[], from: number, to: number): Annotation[] {
  const found: Annotation[] = [];
  for (const field of fields) {
    const start = Math.max(field.offsetBytes, from);
    const end = Math.min(field.offsetBytes + field.lengthBytes, to);
    if (end <= start) continue;
    const isCut = end - start < field.lengthBytes;
    const text = isCut ? `${field.text} (goes across the edge of the block)` : field.text;
    found.push({ ...field, offsetBytes: start - from, lengthBytes: end - start, text });
  }
  return found;
}
