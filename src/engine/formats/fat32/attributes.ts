import type { Timespec } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import { ATTRIBUTE } from './layout.ts';

/**
 * Dates and attribute bits of an entry, and what macOS makes of them.
 *
 * FAT keeps local time: writing in steps of 2 s, creation of 10 ms, access of a day, from 1980 to 2107. It knows
 * neither owners nor permissions: everybody may do everything, and chmod and chown are ignored.
 * Sources: FATGEN 1.03, "FAT Directory Structure"; Apple msdosfs-788, msdosfs_vnop_getattr and _setattr.
 */

// <sys/stat.h> of Darwin; formats do not see vfs/constants.ts.
const UF_IMMUTABLE = 0x0000_0002;
const UF_HIDDEN = 0x0000_8000;
const SF_ARCHIVED = 0x0001_0000;
const SF_IMMUTABLE = 0x0002_0000;

/** st_mode's permission bits of every file and directory: ALLPERMS under macOS's default mask. */
export const MODE = 0o777;

// ── times ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** 1980-01-01 and 2107-12-31T23:59:58, in seconds since 1970 of whatever zone the disk keeps. */
const STAMP_FIRST_SECONDS = Date.UTC(1980, 0, 1) / 1000;
const STAMP_LAST_SECONDS = Date.UTC(2107, 11, 31, 23, 59, 58) / 1000;

/**
 * A date in the upper and a time in the lower 16 bits. Times outside FAT's years become the first or the last of them.
 */
export function stampOf(time: Timespec, timeZoneMinutes: number): number {
  const local = time.seconds + timeZoneMinutes * 60;
  const clamped = Math.min(Math.max(local, STAMP_FIRST_SECONDS), STAMP_LAST_SECONDS);
  const date = new Date(clamped * 1000);
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

/** What the creation time adds to its stamp: 0 to 199, each 10 ms. */
export const tenMillisecondsOf = (time: Timespec): number =>
  time.seconds % 2 === 0
    ? Math.floor(time.nanoseconds / 10_000_000)
    : 100 + Math.floor(time.nanoseconds / 10_000_000);

const EPOCH: Timespec = { seconds: 0, nanoseconds: 0 };

/** The reverse. A date of 0 says "never set" and reads as 1970, as on macOS; illegal fields are brought into range. */
export function timeOf(stamp: number, tenMilliseconds: number, timeZoneMinutes: number): Timespec {
  if (stamp >>> 16 === 0) return EPOCH;
  const year = 1980 + (stamp >>> 25);
  const month = Math.min(Math.max((stamp >>> 21) & 15, 1), 12);
  const day = Math.max((stamp >>> 16) & 31, 1);
  const hour = Math.min((stamp >>> 11) & 31, 23);
  const minute = Math.min((stamp >>> 5) & 63, 59);
  const second = Math.min(stamp & 31, 29) * 2;
  const tens = Math.min(tenMilliseconds, 199);
  const seconds =
    Date.UTC(year, month - 1, day, hour, minute, second) / 1000 -
    timeZoneMinutes * 60 +
    (tens >= 100 ? 1 : 0);
  return { seconds, nanoseconds: (tens % 100) * 10_000_000 };
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

/** Attribute bits after chflags. FsError EINVAL for flags that FAT has no bit for. */
export function attributesWithFlags(attributes: number, flags: number): number {
  const unknown = flags & ~(UF_IMMUTABLE | UF_HIDDEN | SF_ARCHIVED | SF_IMMUTABLE);
  if (unknown !== 0) {
    const detail = 'FAT keeps the flags uchg, schg, hidden and arch, no others';
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

/** Names that begin with a dot are hidden from Windows, others are not. Source: msdosfs_vnop_create and _rename. */
export const attributesForName = (attributes: number, name: string): number =>
  name.startsWith('.') ? attributes | ATTRIBUTE.hidden : attributes & ~ATTRIBUTE.hidden;
