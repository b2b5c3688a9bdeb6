import { viewOf } from '../../base/bytes.ts';
import { FileEntry, UTC_OFFSET_VALID, utcOffsetMinutes } from './layout.ts';

/** Times in a file entry: those that no calendar has, and zones that are nowhere. exFAT specification, 7.4.5 to 7.4.10. */
const fields = FileEntry.fields;

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** 1980-01-01 00:00:00, the first moment there is. */
const FIRST_STAMP = (1 << 21) | (1 << 16);

function isLegalStamp(stamp: number): boolean {
  const year = 1980 + (stamp >>> 25);
  const month = (stamp >>> 21) & 15;
  const day = (stamp >>> 16) & 31;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0);
  return day >= 1 && day <= days && (stamp >>> 11) % 32 <= 23 && (stamp >>> 5) % 64 <= 59 && stamp % 32 <= 29;
}

interface Stamp {
  readonly name: string;
  readonly at: number;
  readonly tensAt: number;
  readonly offsetAt: number;
}

const STAMPS: readonly Stamp[] = [
  {
    name: 'creation time',
    at: fields.createStamp.at,
    tensAt: fields.createTens.at,
    offsetAt: fields.createOffset.at,
  },
  {
    name: 'modification time',
    at: fields.modifyStamp.at,
    tensAt: fields.modifyTens.at,
    offsetAt: fields.modifyOffset.at,
  },
  { name: 'access time', at: fields.accessStamp.at, tensAt: -1, offsetAt: fields.accessOffset.at },
];

/** Zones reach from 12 hours west to 14 hours east of UTC. */
function isLegalOffset(value: number): boolean {
  const minutes = utcOffsetMinutes(value);
  return minutes === null || (minutes >= -12 * 60 && minutes <= 14 * 60);
}

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)) >>>
  0;

const isLegalTime = (entry: Uint8Array, { at, tensAt }: Stamp): boolean =>
  isLegalStamp(u32(entry, at)) && (tensAt < 0 || (entry[tensAt] ?? 0) <= 199);

const NONE: readonly string[] = [];

/** Names of the times of the file entry at byte 0 that cannot be. */
export function illegalStamps(entry: Uint8Array): readonly string[] {
  let found: string[] | null = null;
  for (const stamp of STAMPS) {
    if (!isLegalTime(entry, stamp)) (found ??= []).push(stamp.name);
  }
  return found ?? NONE;
}

export function illegalOffsets(entry: Uint8Array): readonly string[] {
  let found: string[] | null = null;
  for (const { name, offsetAt } of STAMPS) {
    const value = entry[offsetAt] ?? 0;
    if (value & UTC_OFFSET_VALID && !isLegalOffset(value)) (found ??= []).push(name);
  }
  return found ?? NONE;
}

export function correctStamps(entry: Uint8Array): void {
  const view = viewOf(entry);
  for (const stamp of STAMPS) {
    if (isLegalTime(entry, stamp)) continue;
    if (!isLegalStamp(u32(entry, stamp.at))) view.setUint32(stamp.at, FIRST_STAMP, true);
    if (stamp.tensAt >= 0) entry[stamp.tensAt] = 0;
  }
}

/** A zone that is nowhere says nothing. */
export function correctOffsets(entry: Uint8Array): void {
  for (const { offsetAt } of STAMPS) if (!isLegalOffset(entry[offsetAt] ?? 0)) entry[offsetAt] = 0;
}
