import { foldTable } from '../../codec/hfs-unicode.ts';
import {
  ATTRIBUTE_KEY_LENGTH_BYTES,
  ATTRIBUTE_NAME_UNITS_MAX,
  CATALOG_KEY_LENGTH_BYTES,
  EXTENTS_KEY_LENGTH_BYTES,
  NAME_UNITS_MAX,
} from './layout-catalog.ts';

/**
 * Keys of the three trees as they lie in a node: how long they may be, whether they can be keys at all, and their
 * order. Names are compared where they lie. Key offsets are those of the length field.
 */
export interface KeyRules {
  readonly lengthMin: number;
  readonly lengthMax: number;
  /** A whole key whose length is in bounds lies at `at`: does what is in it fit? */
  isKey(view: DataView, at: number): boolean;
  /** Negative, zero or positive. */
  compare(a: DataView, aAt: number, b: DataView, bAt: number): number;
}

/** Offsets within a key. */
export const CATALOG_KEY = { parent: 2, nameUnits: 6, name: 8 } as const;
export const EXTENTS_KEY = { forkType: 2, file: 4, startBlock: 8 } as const;
export const ATTRIBUTE_KEY = { file: 4, startBlock: 8, nameUnits: 12, name: 14 } as const;

export function unitsAt(view: DataView, at: number, units: number): string {
  let text = '';
  for (let i = 0; i < units; i++) text += String.fromCharCode(view.getUint16(at + 2 * i));
  return text;
}

export const catalogName = (view: DataView, keyAt: number): string =>
  unitsAt(view, keyAt + CATALOG_KEY.name, view.getUint16(keyAt + CATALOG_KEY.nameUnits));

/** FastUnicodeCompare of TN1150: units that fold to 0 are passed over, the end of a name counts as 0. */
function compareFolding(a: DataView, aAt: number, b: DataView, bAt: number): number {
  const aEnd = aAt + CATALOG_KEY.name + 2 * a.getUint16(aAt + CATALOG_KEY.nameUnits);
  const bEnd = bAt + CATALOG_KEY.name + 2 * b.getUint16(bAt + CATALOG_KEY.nameUnits);
  let aNext = aAt + CATALOG_KEY.name;
  let bNext = bAt + CATALOG_KEY.name;
  const folds = foldTable();
  for (;;) {
    let x = 0;
    let y = 0;
    for (; x === 0 && aNext < aEnd; aNext += 2) x = folds[a.getUint16(aNext)] ?? 0;
    for (; y === 0 && bNext < bEnd; bNext += 2) y = folds[b.getUint16(bNext)] ?? 0;
    if (x !== y) return x - y;
    if (x === 0) return 0;
  }
}

function compareBinary(a: DataView, aAt: number, b: DataView, bAt: number): number {
  return binaryUnits(a, aAt + CATALOG_KEY.nameUnits, b, bAt + CATALOG_KEY.nameUnits);
}

/** Two counted strings: u16 length, then units. */
function binaryUnits(a: DataView, aAt: number, b: DataView, bAt: number): number {
  const aUnits = a.getUint16(aAt);
  const bUnits = b.getUint16(bAt);
  const common = Math.min(aUnits, bUnits);
  for (let i = 1; i <= common; i++) {
    const difference = a.getUint16(aAt + 2 * i) - b.getUint16(bAt + 2 * i);
    if (difference !== 0) return difference;
  }
  return aUnits - bUnits;
}

const numbers = (a: DataView, aAt: number, b: DataView, bAt: number): number =>
  a.getUint32(aAt) - b.getUint32(bAt);

export const catalogKeys = (isBinary: boolean): KeyRules => ({
  lengthMin: CATALOG_KEY_LENGTH_BYTES.min,
  lengthMax: CATALOG_KEY_LENGTH_BYTES.max,
  isKey(view, at) {
    const units = view.getUint16(at + CATALOG_KEY.nameUnits);
    return units <= NAME_UNITS_MAX && view.getUint16(at) === CATALOG_KEY_LENGTH_BYTES.min + 2 * units;
  },
  compare(a, aAt, b, bAt) {
    const difference = numbers(a, aAt + CATALOG_KEY.parent, b, bAt + CATALOG_KEY.parent);
    if (difference !== 0) return difference;
    return isBinary ? compareBinary(a, aAt, b, bAt) : compareFolding(a, aAt, b, bAt);
  },
});

export const extentsKeys: KeyRules = {
  lengthMin: EXTENTS_KEY_LENGTH_BYTES,
  lengthMax: EXTENTS_KEY_LENGTH_BYTES,
  isKey: () => true,
  compare(a, aAt, b, bAt) {
    const file = numbers(a, aAt + EXTENTS_KEY.file, b, bAt + EXTENTS_KEY.file);
    if (file !== 0) return file;
    const fork = a.getUint8(aAt + EXTENTS_KEY.forkType) - b.getUint8(bAt + EXTENTS_KEY.forkType);
    return fork !== 0 ? fork : numbers(a, aAt + EXTENTS_KEY.startBlock, b, bAt + EXTENTS_KEY.startBlock);
  },
};

export const attributeKeys: KeyRules = {
  lengthMin: ATTRIBUTE_KEY_LENGTH_BYTES.min,
  lengthMax: ATTRIBUTE_KEY_LENGTH_BYTES.max,
  isKey(view, at) {
    const units = view.getUint16(at + ATTRIBUTE_KEY.nameUnits);
    const length = ATTRIBUTE_KEY_LENGTH_BYTES.min + 2 * units;
    return units <= ATTRIBUTE_NAME_UNITS_MAX && view.getUint16(at) >= length;
  },
  compare(a, aAt, b, bAt) {
    const file = numbers(a, aAt + ATTRIBUTE_KEY.file, b, bAt + ATTRIBUTE_KEY.file);
    if (file !== 0) return file;
    const name = binaryUnits(a, aAt + ATTRIBUTE_KEY.nameUnits, b, bAt + ATTRIBUTE_KEY.nameUnits);
    if (name !== 0) return name;
    return numbers(a, aAt + ATTRIBUTE_KEY.startBlock, b, bAt + ATTRIBUTE_KEY.startBlock);
  },
};

/** The bytes of a catalog key with its length field. */
export function catalogKey(parentId: number, name: string): Uint8Array {
  const key = new Uint8Array(CATALOG_KEY.name + 2 * name.length);
  const view = new DataView(key.buffer);
  view.setUint16(0, key.length - 2);
  view.setUint32(CATALOG_KEY.parent, parentId);
  view.setUint16(CATALOG_KEY.nameUnits, name.length);
  for (let i = 0; i < name.length; i++) view.setUint16(CATALOG_KEY.name + 2 * i, name.charCodeAt(i));
  return key;
}
