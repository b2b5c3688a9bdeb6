import type { Timespec } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import { ATTRIBUTE, utcOffsetMinutes } from './layout.ts';

/**
 * Dates and attribute bits of an entry, and what macOS makes of them.
 *
 * exFAT keeps local time with its distance from UTC: creation and modification in steps of 10 ms, access of 2 s, from
 * 1980 to 2107. It knows neither owners nor permissions: everybody may do everything, chmod and chown are ignored.
 * Sources: exFAT specification, 7.4.4 to 7.4.10; Apple msdosfs-788 for the flags (macOS's exFAT is closed).
 */

// <sys/stat.h> of Darwin; formats do not see vfs/constants.ts.
const UF_IMMUTABLE = 0x0000_0002;
const UF_HIDDEN = 0x0000_8000;
const SF_ARCHIVED = 0x0001_0000;
const SF_IMMUTABLE = 0x0002_0000;

/** st_mode's permission bits of every file and directory. */
export const MODE = 0o777;

// ── times ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** 1980-01-01 and 2107-12-31T23:59:59, in seconds since 1970 of whatever zone the entry keeps. */
const STAMP_FIRST_SECONDS = Date.UTC(1980, 0, 1) / 1000;
const STAMP_LAST_SECONDS = Date.UTC(2107, 11, 31, 23, 59, 59) / 1000;

/** Quarters of an hour are what the offset field holds. */
export const wholeQuarters = (minutes: number): number =>
  Math.min(Math.max(Math.round(minutes / 15) * 15, -16 * 60), 15 * 60 + 45);

const clampedSeconds = (seconds: number): number =>
  Math.min(Math.max(seconds, STAMP_FIRST_SECONDS), STAMP_LAST_SECONDS);

/** A date in the upper and a time in the lower 16 bits. Times outside exFAT's years become the first or last of them. */
export function stampOf(time: Timespec, zoneMinutes: number): number {
  const date = new Date(clampedSeconds(time.seconds + zoneMinutes * 60) * 1000);
  return (
    (((date.getUTCFullYear() - 1980) << 25) |
      ((date.getUTCMonth() + 1) << 21) |
      (date.getUTCDate() << 16) |
      (date.getUTCHours() << 11) |
      (date.getUTCMinutes() << 5) |
      (date.getUTCSeconds() >> 1)) >>>
    0
  );
}

/** What the 10 ms field adds to the stamp: 0 to 199. */
export function tensOf(time: Timespec, zoneMinutes: number): number {
  const local = time.seconds + zoneMinutes * 60;
  if (local !== clampedSeconds(local)) return local < STAMP_FIRST_SECONDS ? 0 : 199;
  return Math.abs(local % 2) * 100 + Math.floor(time.nanoseconds / 10_000_000);
}

/**
 * The reverse. `offsetByte` says how far from UTC the stamp is; where it does not, the host's zone counts. Illegal
 * fields are brought into range.
 */
export function timeOf(stamp: number, tens: number, offsetByte: number, zoneMinutes: number): Timespec {
  const year = 1980 + (stamp >>> 25);
  const month = Math.min(Math.max((stamp >>> 21) & 15, 1), 12);
  const day = Math.max((stamp >>> 16) & 31, 1);
  const hour = Math.min((stamp >>> 11) & 31, 23);
  const minute = Math.min((stamp >>> 5) & 63, 59);
  const second = Math.min(stamp & 31, 29) * 2;
  const hundredths = Math.min(tens, 199);
  const east = utcOffsetMinutes(offsetByte) ?? zoneMinutes;
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - east * 60;
  return {
    seconds: seconds + (hundredths >= 100 ? 1 : 0),
    nanoseconds: (hundredths % 100) * 10_000_000,
  };
}

// ── attribute bits ──────────────────────────────────────────────────────────────────────────────────────────────────

/** BSD flags that the attribute bits stand for. A directory is never archived and never immutable. */
export function flagsOf(attributes: number): number {
  let flags = attributes & ATTRIBUTE.hidden ? UF_HIDDEN : 0;
  if (attributes & ATTRIBUTE.directory) return flags;
  // DOS says "needs to be archived", BSD "has been archived".
  if (!(attributes & ATTRIBUTE.archive)) flags |= SF_ARCHIVED;
  if (attributes & ATTRIBUTE.readOnly) flags |= UF_IMMUTABLE;
  return flags;
}

/** Attribute bits after chflags. FsError EINVAL for flags that exFAT has no bit for. */
export function attributesWithFlags(attributes: number, flags: number): number {
  const unknown = flags & ~(UF_IMMUTABLE | UF_HIDDEN | SF_ARCHIVED | SF_IMMUTABLE);
  if (unknown !== 0) {
    const detail = 'exFAT keeps the flags uchg, schg, hidden and arch, no others';
    throw new FsError('EINVAL', '', '', detail);
  }
  let changed = attributes & ~ATTRIBUTE.hidden;
  if (flags & UF_HIDDEN) changed |= ATTRIBUTE.hidden;
  if (attributes & ATTRIBUTE.directory) return changed;

  changed &= ~(ATTRIBUTE.archive | ATTRIBUTE.readOnly);
  if (!(flags & SF_ARCHIVED)) changed |= ATTRIBUTE.archive;
  if (flags & (UF_IMMUTABLE | SF_IMMUTABLE)) changed |= ATTRIBUTE.readOnly;
  return changed;
}

/** Names that begin with a dot are hidden from Windows, others are not, as macOS writes them. */
export const attributesForName = (attributes: number, name: string): number =>
  name.startsWith('.') ? attributes | ATTRIBUTE.hidden : attributes & ~ATTRIBUTE.hidden;
