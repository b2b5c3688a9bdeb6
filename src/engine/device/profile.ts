import type { Tape, TapeRange } from './tape.ts';

/**
 * How long a disk would have taken. Simulated, never measured: one request at a time (queue depth 1), no reordering, the
 * write cache emptied at each barrier. Figures are what public data sheets and specifications of common consumer devices
 * say, rounded; they are there to compare orders of writes on one device, not devices of one shop.
 */
export interface Profile {
  readonly name: ProfileName;
  readonly title: string;
  /** A request that does not continue the one before it: command, lookup and medium, without seek and transfer. */
  readonly commandNanoseconds: { readonly read: number; readonly write: number };
  /** A request that begins where the one before it ended. */
  readonly continuedNanoseconds: number;
  readonly bytesPerSecond: { readonly read: number; readonly write: number };
  /** FLUSH CACHE or its equivalent. */
  readonly barrierNanoseconds: number;
  readonly trimNanoseconds: number;
  /** Null: nothing moves. */
  readonly mechanics: Mechanics | null;
  /** The device promises that an aligned unit of so many bytes is written whole or not at all. */
  readonly atomicBytes: number;
  /** What of a block larger than that is on the medium after a power cut in the middle of it. */
  readonly tornBlock: 'old or new sectors' | 'garbage';
}

export type ProfileName = 'hdd' | 'sata-ssd' | 'nvme' | 'sd-card';

interface Mechanics {
  readonly rotationNanoseconds: number;
  readonly trackToTrackNanoseconds: number;
  readonly fullStrokeNanoseconds: number;
  /** A smaller image is taken as the first part of a disk of this size. */
  readonly capacityBytes: number;
}

const MICROSECONDS = 1e3;
const MILLISECONDS = 1e6;
const SECONDS = 1e9;

/**
 * Desktop disk of 1 TB at 7200 rpm: one turn in 8.33 ms by arithmetic; track to track about 1 ms, full stroke about
 * 18 ms, average seek near 9 ms, sustained 150 to 210 MB/s (data sheets of 3.5-inch desktop drives). A physical sector is
 * protected by its ECC: it is written whole or, on the next read, an error.
 */
const HDD: Profile = {
  name: 'hdd',
  title: 'Hard disk, 7200 rpm',
  commandNanoseconds: { read: 0.2 * MILLISECONDS, write: 0.2 * MILLISECONDS },
  continuedNanoseconds: 20 * MICROSECONDS,
  bytesPerSecond: { read: 180e6, write: 180e6 },
  barrierNanoseconds: 0.5 * MILLISECONDS,
  trimNanoseconds: 0.2 * MILLISECONDS,
  mechanics: {
    rotationNanoseconds: 8.333 * MILLISECONDS,
    trackToTrackNanoseconds: 1 * MILLISECONDS,
    fullStrokeNanoseconds: 18 * MILLISECONDS,
    capacityBytes: 1e12,
  },
  atomicBytes: 512,
  tornBlock: 'old or new sectors',
};

/**
 * 2.5-inch consumer drive on SATA 6 Gb/s: 550 and 520 MB/s sequential; at queue depth 1 about 10 000 reads/s (100 µs)
 * and 30 000 writes/s (33 µs, into the cache); flush without power-loss protection takes about a NAND page program,
 * 1 ms (data sheets of consumer TLC drives; ATA8-ACS for the commands).
 */
const SATA_SSD: Profile = {
  name: 'sata-ssd',
  title: 'SATA SSD',
  commandNanoseconds: { read: 95 * MICROSECONDS, write: 28 * MICROSECONDS },
  continuedNanoseconds: 20 * MICROSECONDS,
  bytesPerSecond: { read: 550e6, write: 520e6 },
  barrierNanoseconds: 1 * MILLISECONDS,
  trimNanoseconds: 100 * MICROSECONDS,
  mechanics: null,
  atomicBytes: 512,
  tornBlock: 'old or new sectors',
};

/**
 * Consumer drive on PCIe 3 × 4: 3.5 and 3.0 GB/s sequential; at queue depth 1 about 15 000 reads/s and 60 000 writes/s
 * (data sheets). NVM Express 1.4 §6.4: without AWUPF nothing larger than one logical block is promised to be whole.
 */
const NVME: Profile = {
  name: 'nvme',
  title: 'NVMe SSD',
  commandNanoseconds: { read: 65 * MICROSECONDS, write: 15 * MICROSECONDS },
  continuedNanoseconds: 10 * MICROSECONDS,
  bytesPerSecond: { read: 3.5e9, write: 3e9 },
  barrierNanoseconds: 0.7 * MILLISECONDS,
  trimNanoseconds: 30 * MICROSECONDS,
  mechanics: null,
  atomicBytes: 4096,
  tornBlock: 'old or new sectors',
};

/**
 * Application performance class A1, video speed class V30 (SD Physical Layer 5.1): at least 1500 random reads/s and 500
 * random writes/s of 4 KiB, at least 30 MB/s written in sequence, bus limit 104 MB/s (UHS-I SDR104) of which about 90
 * arrive. Flash pages are larger than a sector, so the controller may be caught in the middle of one.
 */
const SD_CARD: Profile = {
  name: 'sd-card',
  title: 'SD card, A1 V30',
  commandNanoseconds: { read: 620 * MICROSECONDS, write: 1.86 * MILLISECONDS },
  continuedNanoseconds: 100 * MICROSECONDS,
  bytesPerSecond: { read: 90e6, write: 30e6 },
  barrierNanoseconds: 5 * MILLISECONDS,
  trimNanoseconds: 1 * MILLISECONDS,
  mechanics: null,
  atomicBytes: 512,
  tornBlock: 'old or new sectors',
};

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  hdd: HDD,
  'sata-ssd': SATA_SSD,
  nvme: NVME,
  'sd-card': SD_CARD,
};

/** One access. For a barrier, address and length do not matter. */
export interface Access {
  readonly kind: 'read' | 'write' | 'trim' | 'barrier';
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Where the last access ended; −1 when the medium has turned on since (a barrier) or nothing happened yet. */
export interface Head {
  readonly positionBytes: number;
  readonly isContinuable: boolean;
}

export const PARKED: Head = { positionBytes: 0, isContinuable: false };

/** Nanoseconds of one access by a head at `head`. */
export function priceOf(profile: Profile, access: Access, head: Head): number {
  if (access.kind === 'barrier') return profile.barrierNanoseconds;
  if (access.kind === 'trim') return profile.trimNanoseconds;
  const transfer = (access.lengthBytes / profile.bytesPerSecond[access.kind]) * SECONDS;
  const distanceBytes = Math.abs(access.offsetBytes - head.positionBytes);
  if (distanceBytes === 0 && head.isContinuable) return profile.continuedNanoseconds + transfer;
  const { mechanics } = profile;
  const positioning =
    mechanics === null ? 0 : seekNanoseconds(mechanics, distanceBytes) + mechanics.rotationNanoseconds / 2;
  return profile.commandNanoseconds[access.kind] + positioning + transfer;
}

/** The same in whole nanoseconds: a clock keeps no fractions. */
export const wholePriceOf = (profile: Profile, access: Access, head: Head): number =>
  Math.round(priceOf(profile, access, head));

export function headAfter(access: Access, head: Head): Head {
  if (access.kind === 'barrier') return { positionBytes: head.positionBytes, isContinuable: false };
  if (access.kind === 'trim') return head;
  return { positionBytes: access.offsetBytes + access.lengthBytes, isContinuable: true };
}

/**
 * Short seeks are dominated by accelerating the arm (square root of the distance), as in Ruemmler & Wilkes, "An
 * Introduction to Disk Drive Modeling" (IEEE Computer, 1994); the curve goes through both ends of the data sheet, and
 * its mean over random pairs is near the average seek there.
 */
function seekNanoseconds(mechanics: Mechanics, distanceBytes: number): number {
  if (distanceBytes === 0) return 0;
  const { trackToTrackNanoseconds: shortest, fullStrokeNanoseconds: longest, capacityBytes } = mechanics;
  return shortest + (longest - shortest) * Math.sqrt(Math.min(1, distanceBytes / capacityBytes));
}

/**
 * Nanoseconds of the writes, trims and barriers of a range, in order, on each of `profiles`. Where the head moves does
 * not depend on the profile, so a tape can be priced for a device that it was not recorded on.
 */
export function pricesOfRange(
  profiles: readonly Profile[],
  tape: Tape,
  { from, to }: TapeRange,
  start: Head = PARKED,
): number[] {
  let head = start;
  const totals = profiles.map(() => 0);
  for (let i = from; i < to; i++) {
    const kind = tape.kindAt(i);
    const access: Access = {
      kind: kind === 'fill' ? 'write' : kind,
      offsetBytes: tape.firstBlockAt(i) * tape.blockSizeBytes,
      lengthBytes: tape.blockCountAt(i) * tape.blockSizeBytes,
    };
    for (const [at, profile] of profiles.entries()) totals[at]! += wholePriceOf(profile, access, head);
    head = headAfter(access, head);
  }
  return totals;
}
