import { SimulatedClock } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import { Prng } from '../base/prng.ts';
import { crc32 } from '../codec/crc32.ts';
import { hasRoomForGpt, wrappedInGpt } from '../device/gpt-wrap.ts';
import { gzipPieces, rawPieces, RUN_BYTES, type FilePiece } from '../device/image-pieces.ts';
import { VOLUME_TYPES } from '../device/partition-map.ts';
import type { Store } from '../device/store.ts';
import { udifPieces } from '../device/udif-write.ts';
import { VHD_BYTES_MAX, vhdPieces } from '../device/vhd.ts';
import { Disk } from './disk.ts';
import { mountAdvice, type MountAdvice } from './mount-advice.ts';
import { printedSize } from './sentences.ts';
import type { Moment } from './view.ts';

/**
 * A disk on its way out: as which kind of file, in which state, how large that may get, and what the file is good for on
 * other systems. The pieces of the file come from device/image-pieces.ts and its like; hosts put them where they belong.
 */
export const CONTAINERS = ['raw', 'gzip', 'dmg', 'vhd'] as const;
export type Container = (typeof CONTAINERS)[number];
export const CONTAINER_ENDINGS: Readonly<Record<Container, string>> = {
  ...{ raw: '.img', gzip: '.img.gz', dmg: '.dmg', vhd: '.vhd' },
};

/** What names a volume lies within these first bytes of it, whatever its format. */
const SEED_BYTES = 4096;
/** Zeros that deflate packs into one byte. */
const GZIP_RATIO_MAX = 1032;
/** Around the contents: partition map, property list, trailer. */
const HEAD_BYTES_MAX = 32_768;

/**
 * `rest`: unmounted in order, everything written. `cut`: the blocks as they lie at this moment, as a power cut would
 * leave them, with volumes that say they are in use.
 */
export type ExportState = 'rest' | 'cut';

export interface ExportRequest {
  readonly container: Container;
  readonly state: ExportState;
  /** A bare volume gets a GUID partition table around it. Without meaning for a disk that has a map. */
  readonly isWrapped: boolean;
}

export interface ExportView {
  readonly fileName: string;
  /** Of the disk, with the map around it. */
  readonly diskBytes: number;
  /** Blocks that may hold something, in bytes. */
  readonly contentBytes: number;
  /** Bytes that have to be looked at, the sum of what the pieces of the file say. */
  readonly workBytes: number;
  /** The file has this size, or at most this size where it is packed. */
  readonly fileBytesMax: number;
  readonly isPacked: boolean;
  /** What can be had: null where the state asked for is not to be had at this moment, with the reason. */
  readonly refusal: string | null;
  /** Sentence about the state of the volumes on it. */
  readonly stateSentence: string;
  /** States that this moment has. */
  readonly states: readonly ExportState[];
  /** A volume without a partition map: it can be wrapped. */
  readonly isBare: boolean;
  readonly advice: readonly MountAdvice[];
}

/** What is asked of a session: the disk as it lies, and unmounted, at the moment shown; the same store: it cannot be. */
export interface ExportSource {
  readonly shownStore: Store;
  readonly restingStore: Store;
  readonly now: Moment;
  /** Of the volume or the image, for the name of the file. */
  readonly label: string;
}

export type { FilePiece };

/** A disk that nobody writes to any more, ready to be put into a file. */
export interface PreparedExport {
  readonly view: ExportView;
  /** The file from its first byte to its last. FsError EIO when an opened image cannot be read. */
  pieces(): Generator<FilePiece>;
}

export function prepareExport(source: ExportSource, request: ExportRequest): PreparedExport {
  const { shownStore, restingStore, label, now } = source;
  const states: ExportState[] = restingStore === shownStore ? ['cut'] : ['rest', 'cut'];
  const state = states.includes(request.state) ? request.state : 'cut';
  // A fork of its own: lines that run meanwhile do not write into it.
  const store = (state === 'rest' ? restingStore : shownStore).fork();
  const { scheme, mainSlice } = new Disk('disk1', label, store, 'nvme', new SimulatedClock());
  const formatName = mainSlice?.format?.name ?? null;
  const isBare = scheme === 'none' && formatName !== null;
  const hasRoom = !request.isWrapped || !isBare || hasRoomForGpt(store);
  const isWrapped = isBare && request.isWrapped && hasRoom;
  const seed = seedOf(store);
  const whole = isWrapped ? wrappedInGpt(store, VOLUME_TYPES[formatName].gptType, label, seed) : store;
  const diskBytes = whole.blockCount * whole.blockSizeBytes;
  const content = contentOf(store);
  const { container } = request;
  const fileName = `${fileNameOf(label, formatName)}${CONTAINER_ENDINGS[container]}`;
  const view: ExportView = {
    ...{ fileName, diskBytes, contentBytes: content.bytes, workBytes: content.workBytes, isBare, states },
    fileBytesMax: sizeOf(container, diskBytes, content),
    isPacked: container === 'gzip' || container === 'dmg',
    refusal: refusalOf(container, diskBytes, hasRoom),
    stateSentence: sentenceOf(state, states, now),
    advice: mountAdvice({
      ...{ container, fileName, formatName, diskBytes, state },
      partition: isWrapped ? 1 : scheme === 'none' ? null : (mainSlice?.index ?? 1),
    }),
  };
  return {
    view,
    pieces() {
      if (view.refusal !== null) throw new FsError('EINVAL', 'export', fileName, view.refusal);
      return piecesOf(container, whole, new Prng(seed));
    },
  };
}

function piecesOf(container: Container, disk: Store, random: Prng): Generator<FilePiece> {
  switch (container) {
    case 'raw':
      return rawPieces(disk);
    case 'gzip':
      return gzipPieces(disk);
    case 'dmg':
      return udifPieces(disk, random);
    case 'vhd':
      return vhdPieces(disk, random);
  }
}

/** Of the disk's first bytes, which hold the volume's own number: equal disks, equal maps; others, other GUIDs. */
function seedOf(store: Store): number {
  const bytes = new Uint8Array(Math.min(SEED_BYTES, store.blockCount * store.blockSizeBytes));
  store.read(0, bytes);
  return crc32(bytes);
}

interface Content {
  readonly bytes: number;
  readonly workBytes: number;
  readonly runCount: number;
}

/** Blocks that are not known to be zeros. Cost follows what is stored. */
function contentOf(store: Store): Content {
  const { blockSizeBytes } = store;
  let bytes = 0;
  let runCount = 0;
  let workEnd = 0;
  let workBytes = 0;
  for (const { firstBlock, blockCount, kind } of store.runs()) {
    if (kind === 'zero') continue;
    bytes += blockCount * blockSizeBytes;
    runCount++;
    const from = Math.max(workEnd, Math.floor((firstBlock * blockSizeBytes) / RUN_BYTES) * RUN_BYTES);
    workEnd = Math.ceil(((firstBlock + blockCount) * blockSizeBytes) / RUN_BYTES) * RUN_BYTES;
    workBytes += workEnd - from;
  }
  return { bytes, runCount, workBytes };
}

function sizeOf(container: Container, diskBytes: number, content: Content): number {
  // What does not get smaller is kept as it is; a mebibyte around a lonely block costs a kibibyte or two.
  const packed = Math.ceil(content.bytes * 1.001) + 2048 * content.runCount + HEAD_BYTES_MAX;
  switch (container) {
    case 'raw':
      return diskBytes;
    case 'vhd':
      return diskBytes + 512;
    case 'gzip':
      return packed + Math.ceil(diskBytes / GZIP_RATIO_MAX);
    case 'dmg':
      return packed;
  }
}

function refusalOf(container: Container, diskBytes: number, hasRoom: boolean): string | null {
  if (!hasRoom) return 'a disk of 16 TiB has no room for a partition map around it; leave the map out';
  if (container !== 'vhd' || diskBytes <= VHD_BYTES_MAX) return null;
  return `a VHD holds at most ${printedSize(VHD_BYTES_MAX)}; choose another kind of file`;
}

function sentenceOf(state: ExportState, states: readonly ExportState[], { step, write }: Moment): string {
  const moment = step === 0 ? 'before the first line' : `after step ${step}`;
  if (state === 'rest')
    return `The disk ${moment}, unmounted in order: everything is written, nothing is in use.`;
  if (write !== undefined) {
    return `The disk inside step ${step}, right after its access ${write + 1}: as a power cut there would leave it.`;
  }
  const why = states.includes('rest')
    ? ''
    : ' A volume still holds what is not on the disk: it cannot be unmounted here without changing it.';
  return `The disk ${moment} as it lies: as a power cut would leave it, its volumes in use.${why}`;
}

/** In letters that no shell and no file system takes amiss; with the format, for disks of one label side by side. */
function fileNameOf(label: string, formatName: string | null): string {
  const plain = label
    .replace(/\.(img|dmg|iso|raw|bin|vhd)(\.gz)?$/i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 64);
  if (formatName === null || plain.toLowerCase().includes(formatName)) return plain || 'disk';
  return plain === '' ? formatName : `${plain}-${formatName}`;
}
