import { viewOf } from '../../base/bytes.ts';
import { DirectoryEntry, NT_CASE } from './layout.ts';
import type { FatType } from './layout.ts';

/** The fields of a short entry that the checker changes, one by one and in place. */
const { fields } = DirectoryEntry;

export const attributesOf = (entry: Uint8Array): number => entry[fields.attributes.at] ?? 0;

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);

/** The upper half counts on FAT32 only: OS/2 keeps something else there on FAT12 and FAT16. */
export function firstClusterOf(type: FatType, entry: Uint8Array): number {
  const low = u16(entry, fields.firstClusterLow.at);
  return type === 32 ? u16(entry, fields.firstClusterHigh.at) * 0x10000 + low : low;
}

export function setFirstCluster(type: FatType, entry: Uint8Array, cluster: number): void {
  const view = viewOf(entry);
  view.setUint16(fields.firstClusterLow.at, cluster & 0xffff, true);
  if (type === 32) view.setUint16(fields.firstClusterHigh.at, cluster >>> 16, true);
}

export const sizeBytesOf = (entry: Uint8Array): number =>
  u16(entry, fields.sizeBytes.at + 2) * 0x10000 + u16(entry, fields.sizeBytes.at);

export const setSizeBytes = (entry: Uint8Array, sizeBytes: number): void =>
  viewOf(entry).setUint32(fields.sizeBytes.at, sizeBytes, true);

// ── bits without meaning ────────────────────────────────────────────────────────────────────────────────────────────

const ATTRIBUTES_KNOWN = 0x3f;
const NT_CASE_KNOWN = NT_CASE.baseLower | NT_CASE.extensionLower;
/** Set by Windows on encrypted files, which use the other bits of the byte; without it they mean nothing. */
const NT_ENCRYPTED = 0x01;

export function hasStrayBits(entry: Uint8Array): boolean {
  const nt = entry[fields.ntCase.at] ?? 0;
  const hasStrayNt = (nt & NT_ENCRYPTED) === 0 && (nt & ~NT_CASE_KNOWN) !== 0;
  return (attributesOf(entry) & ~ATTRIBUTES_KNOWN) !== 0 || hasStrayNt;
}

export function clearStrayBits(entry: Uint8Array): void {
  entry[fields.attributes.at] = attributesOf(entry) & ATTRIBUTES_KNOWN;
  const nt = entry[fields.ntCase.at] ?? 0;
  if ((nt & NT_ENCRYPTED) === 0) entry[fields.ntCase.at] = nt & NT_CASE_KNOWN;
}

// ── dates ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** 1 January 1980: what a write date that cannot be believed becomes. */
const FIRST_DAY = 0x0021;

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** 0 means "no date" and is legal (FATGEN 1.03, "Date and Time Formats"). */
export function isLegalDate(date: number): boolean {
  if (date === 0) return true;
  const year = 1980 + (date >> 9);
  const month = (date >> 5) & 15;
  const day = date & 31;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0);
  return day >= 1 && day <= days;
}

export const isLegalTime = (time: number): boolean =>
  time >> 11 <= 23 && ((time >> 5) & 63) <= 59 && (time & 31) <= 29;

interface Stamp {
  readonly name: string;
  readonly isLegal: (entry: Uint8Array) => boolean;
  readonly correct: (view: DataView) => void;
}

const dateStamp = (name: string, at: number, replacement: number): Stamp => ({
  name,
  isLegal: (entry) => isLegalDate(u16(entry, at)),
  correct: (view) => view.setUint16(at, replacement, true),
});

const timeStamp = (name: string, at: number): Stamp => ({
  name,
  isLegal: (entry) => isLegalTime(u16(entry, at)),
  correct: (view) => view.setUint16(at, 0, true),
});

const STAMPS: readonly Stamp[] = [
  dateStamp('modification date', fields.writeDate.at, FIRST_DAY),
  timeStamp('modification time', fields.writeTime.at),
  dateStamp('creation date', fields.createDate.at, 0),
  timeStamp('creation time', fields.createTime.at),
  {
    name: 'creation time',
    isLegal: (entry) => (entry[fields.createTenMilliseconds.at] ?? 0) <= 199,
    correct: (view) => view.setUint8(fields.createTenMilliseconds.at, 0),
  },
  dateStamp('access date', fields.accessDate.at, 0),
];

const NONE: readonly string[] = [];

/** Names of the times that no calendar has. */
export function illegalStamps(entry: Uint8Array): readonly string[] {
  if (STAMPS.every((stamp) => stamp.isLegal(entry))) return NONE;
  return [...new Set(STAMPS.filter((stamp) => !stamp.isLegal(entry)).map((stamp) => stamp.name))];
}

export function correctStamps(entry: Uint8Array): void {
  const view = viewOf(entry);
  for (const stamp of STAMPS) if (!stamp.isLegal(entry)) stamp.correct(view);
}

/** A '.' or '..' entry as fsck makes one: a directory, without times. */
export function makeDotEntry(type: FatType, name: string, cluster: number): Uint8Array {
  const entry = new Uint8Array(DirectoryEntry.sizeBytes);
  for (let i = 0; i < 11; i++) entry[i] = name.charCodeAt(i) || 0x20;
  entry[fields.attributes.at] = 0x10;
  setFirstCluster(type, entry, cluster);
  viewOf(entry).setUint16(fields.writeDate.at, FIRST_DAY, true);
  return entry;
}
