import { FsError } from '../../base/errno.ts';
import type { Device } from '../../device/device.ts';
import type { MountOptions } from '../contract.ts';
import { AllocationBitmap } from './alloc.ts';
import { BTree } from './btree.ts';
import { Commit } from './commit.ts';
import { countOf, Fork } from './extents.ts';
import { ATTRIBUTES_ORDER, EXTENTS_ORDER } from './extents-order.ts';
import { markJournalFailed, openJournal } from './journal-mount.ts';
import type { JournalOutcome } from './journal-mount.ts';
import { Journal } from './journal.ts';
import { HEADER_NODE, HeaderRecord } from './layout-tree.ts';
import {
  ALTERNATE_HEADER_FROM_END_BYTES,
  blockOffsetBytes,
  CNID,
  embeddedVolume,
  FORK_SIZE_BYTES,
  geometryOf,
  MOUNTED_BY,
  SIGNATURE,
  VOLUME_BIT,
  VOLUME_HEADER_OFFSET_BYTES,
  VOLUME_HEADER_SIZE_BYTES,
  VolumeHeader,
  writeFork,
} from './layout.ts';
import type { ExtentDescriptor, ForkData, Geometry } from './layout.ts';
import { orderOf } from './names.ts';
import { SpecialFile } from './special-file.ts';
import type { TreeName } from './special-file.ts';
import { VolumeHeaderBuffer } from './volume-header.ts';

/**
 * Opening a volume: header (inside an HFS wrapper, too), journal, bitmap and trees. Reads a few sectors and the header
 * node of each tree, whatever the size of the disk; only a replay costs what the journal holds.
 *
 * What is damaged but readable is mounted for reading only, with a warning that says why: a volume that was in use and
 * has no journal, one marked as inconsistent, one whose journal cannot be replayed. macOS refuses these and lets
 * fsck_hfs run first; people who look on should see what is there.
 */
export interface OpenVolume {
  /** To read the volume from; not the one handed in when a replay lives in memory. */
  readonly device: Device;
  readonly geometry: Geometry;
  readonly header: VolumeHeaderBuffer;
  readonly commit: Commit;
  readonly allocation: AllocationBitmap;
  readonly extents: BTree;
  readonly catalog: BTree;
  /** undefined on old volumes without extended attributes. */
  readonly attributes: BTree | undefined;
  readonly isReadOnly: boolean;
  readonly isCaseSensitive: boolean;
  readonly isJournaled: boolean;
  readonly warnings: readonly string[];
}

// ── finding the header ──────────────────────────────────────────────────────────────────────────────────────────────

interface Located {
  readonly header: Uint8Array;
  readonly volumeOffsetBytes: number;
  readonly volumeSizeBytes: number;
}

/** Does the device carry HFS+ (or HFSX)? Looks at a few sectors, never throws on damage. */
export function detect(device: Device, isHfsx: boolean): boolean {
  const { signature, version } = VolumeHeader.peek(locate(device).header);
  const isHeader = signature === (isHfsx ? SIGNATURE.hfsx : SIGNATURE.hfsplus);
  return isHeader || (isCleared(device) && hasAlternate(device, isHfsx, version));
}

function locate(device: Device): Located {
  const deviceBytes = device.blockCount * device.blockSizeBytes;
  const header = readBytes(device, VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES);
  const embedded = embeddedVolume(header);
  if (embedded !== undefined) {
    const { offsetBytes, sizeBytes } = embedded;
    const isInside = offsetBytes % device.blockSizeBytes === 0 && offsetBytes + sizeBytes <= deviceBytes;
    if (isInside && sizeBytes >= 4096) {
      return {
        header: readBytes(device, offsetBytes + VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES),
        volumeOffsetBytes: offsetBytes,
        volumeSizeBytes: sizeBytes,
      };
    }
  }
  return { header, volumeOffsetBytes: 0, volumeSizeBytes: deviceBytes };
}

/** Zeros where they lie outside the device or cannot be read: no signature then; mounting reports the error itself. */
function readBytes(device: Device, offsetBytes: number, lengthBytes: number): Uint8Array {
  const { blockSizeBytes } = device;
  const first = Math.floor(offsetBytes / blockSizeBytes);
  const skip = offsetBytes - first * blockSizeBytes;
  const bytes = new Uint8Array(Math.ceil((skip + lengthBytes) / blockSizeBytes) * blockSizeBytes);
  if (offsetBytes >= 0 && first + bytes.length / blockSizeBytes <= device.blockCount) {
    try {
      device.read(first, bytes);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      bytes.fill(0);
    }
  }
  return bytes.subarray(skip, skip + lengthBytes);
}

/** Boot area and header are zeros: no other format begins here. */
const isCleared = (device: Device): boolean => readBytes(device, 0, 1536).every((byte) => byte === 0);

function hasAlternate(device: Device, isHfsx: boolean, version: number): boolean {
  const deviceBytes = device.blockCount * device.blockSizeBytes;
  const bytes = readBytes(device, deviceBytes - ALTERNATE_HEADER_FROM_END_BYTES, VOLUME_HEADER_SIZE_BYTES);
  const { signature } = VolumeHeader.peek(bytes);
  return version === 0 && signature === (isHfsx ? SIGNATURE.hfsx : SIGNATURE.hfsplus);
}

// ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** FsError EINVAL (not this format), EFTYPE or EIO with a sentence in `detail` when the volume cannot be used. */
export function openVolume(given: Device, options: MountOptions): OpenVolume {
  const { volumeOffsetBytes, volumeSizeBytes, ...located } = locate(given);
  let header = located.header;
  const geometry = judge(given, header, volumeOffsetBytes, volumeSizeBytes);
  const isContinued = options.isContinued === true;
  let isReadOnly = options.isReadOnly || given.isReadOnly;
  const warnings: string[] = [];

  let state = stateOf(header);
  let journal: JournalOutcome | undefined;
  let device = given;
  if (state.isJournaled) {
    journal = openJournal(given, geometry, header, { isReadOnly, isContinued });
    ({ device } = journal);
    warnings.push(...journal.warnings);
    // The header is among what a replay brings home.
    header = readBytes(device, geometry.headerOffsetBytes, VOLUME_HEADER_SIZE_BYTES);
    judge(device, header, volumeOffsetBytes, volumeSizeBytes);
    state = stateOf(header);
  }
  const obstacle = obstacleOf(state, journal, isContinued);
  if (obstacle !== undefined) {
    warnings.push(obstacle);
    if (!isReadOnly && journal?.broken !== undefined) markJournalFailed(device, geometry);
    isReadOnly = true;
  }
  const parts = openFiles(device, geometry, new VolumeHeaderBuffer(device, geometry, header), journal, {
    policy: options.policy,
    clock: options.clock,
    trace: options.trace,
    isReadOnly,
    mayMarkClean: true,
    isMarkedInUse: isContinued && !state.isUnmounted,
    ...(options.trims === undefined ? {} : { trims: options.trims }),
  });
  return { ...parts, device, geometry, isReadOnly, isJournaled: state.isJournaled, warnings };
}

/** Geometry, or FsError when there is none that this device can hold. */
function judge(device: Device, header: Uint8Array, offsetBytes: number, sizeBytes: number): Geometry {
  const geometry = geometryOf(header, offsetBytes, sizeBytes);
  if (typeof geometry === 'string') {
    const { signature } = VolumeHeader.peek(header);
    const isOurs = signature === SIGNATURE.hfsplus || signature === SIGNATURE.hfsx;
    if (isOurs) throw new FsError('EFTYPE', '', '', geometry);
    const { version } = VolumeHeader.peek(header);
    const hasCopy = hasAlternate(device, true, version) || hasAlternate(device, false, version);
    const detail =
      'the volume header is gone, its alternate at the end of the disk is there: fsck_hfs brings it back';
    throw new FsError(hasCopy ? 'EFTYPE' : 'EINVAL', '', '', hasCopy ? detail : geometry);
  }
  if (geometry.blockSizeBytes < device.blockSizeBytes) {
    const detail =
      `the volume has blocks of ${geometry.blockSizeBytes} bytes, the disk sectors of ${device.blockSizeBytes}: ` +
      'open it on a disk with smaller sectors';
    throw new FsError('EINVAL', '', '', detail);
  }
  return geometry;
}

interface State {
  readonly isUnmounted: boolean;
  readonly isJournaled: boolean;
  readonly isLocked: boolean;
  readonly isInconsistent: boolean;
  readonly isJournalFailed: boolean;
}

function stateOf(header: Uint8Array): State {
  const { attributes, lastMountedVersion } = VolumeHeader.peek(header);
  const has = (bit: number) => Math.floor(attributes / bit) % 2 === 1;
  return {
    isUnmounted: has(VOLUME_BIT.unmounted),
    isJournaled: has(VOLUME_BIT.journaled),
    isLocked: has(VOLUME_BIT.softwareLock) || has(VOLUME_BIT.hardwareLock),
    isInconsistent: has(VOLUME_BIT.inconsistent),
    isJournalFailed: lastMountedVersion === MOUNTED_BY.journalFailed,
  };
}

/** Why nobody should write to the volume. */
function obstacleOf(
  state: State,
  journal: JournalOutcome | undefined,
  isContinued: boolean,
): string | undefined {
  const readOnly = 'It can be read; fsck_hfs makes it writable again.';
  if (state.isLocked) return 'The volume is locked by its header: it can only be read.';
  if (journal?.broken !== undefined) {
    return `The volume must be checked: ${journal.broken}. ${readOnly}`;
  }
  if (state.isJournalFailed)
    return `The volume must be checked: its journal could not be replayed. ${readOnly}`;
  if (state.isInconsistent) return `The volume is marked as inconsistent. ${readOnly}`;
  if (!state.isJournaled && !state.isUnmounted && !isContinued) {
    return `The volume was not unmounted cleanly and has no journal. ${readOnly}`;
  }
  return undefined;
}

// ── bitmap and trees ────────────────────────────────────────────────────────────────────────────────────────────────

type CommitOptions = ConstructorParameters<typeof Commit>[3];

function openFiles(
  device: Device,
  geometry: Geometry,
  header: VolumeHeaderBuffer,
  journal: JournalOutcome | undefined,
  options: CommitOptions,
) {
  const writer = journal?.place === undefined ? null : new Journal(device, journal.place);
  const commit = new Commit(device, header, writer, options);
  const nodeSize = (name: TreeName) => nodeSizeOf(device, geometry, header.fork(name), name);
  const { isRecording } = options.trace;
  const bare = { geometry, allocation: NO_ALLOCATION, extentsTree: undefined, isRecording, device, header };
  const wroteData = () => commit.wroteData();

  // Only read through, and only when the bitmap is in more than eight pieces: what may grow needs the bitmap first.
  const finder = () => {
    const file = new SpecialFile({ ...bare, wroteData }, 'extents', nodeSize('extents'));
    return new BTree(device, 'extents tree', file, commit, () => EXTENTS_ORDER);
  };
  const bitmapFork = header.fork('allocation');
  const extentsTree = countOf(bitmapFork.extents) < bitmapFork.totalBlocks ? finder() : undefined;
  const bitmapRuns = bitmapExtents(geometry, bitmapFork, { ...bare, extentsTree });
  const allocation = new AllocationBitmap(device, geometry, header, bitmapRuns, commit);

  const tree = (
    name: TreeName,
    order: ConstructorParameters<typeof BTree>[4],
    extentsTree: BTree | undefined,
  ) => {
    const host = { ...bare, allocation, extentsTree, wroteData };
    return new BTree(device, `${name} tree`, new SpecialFile(host, name, nodeSize(name)), commit, order);
  };
  const extents = tree('extents', () => EXTENTS_ORDER, undefined);
  const catalog = tree('catalog', (record) => orderOf(geometry.isHfsx, record.keyCompareType), extents);
  const attributes =
    header.fork('attributes').totalBlocks === 0
      ? undefined
      : tree('attributes', () => ATTRIBUTES_ORDER, extents);
  const { isCaseSensitive } = orderOf(geometry.isHfsx, catalog.header.keyCompareType);
  return { header, commit, allocation, extents, catalog, attributes, isCaseSensitive };
}

const NO_ALLOCATION = {
  freeBlocks: 0,
  reserve: () => {},
  allocate: () => [],
  free: () => {},
  giveBack: () => {},
};

/** The node size a tree claims, before anything else of it is believed. */
function nodeSizeOf(device: Device, geometry: Geometry, fork: ForkData, name: TreeName): number {
  const [first] = fork.extents;
  if (first === undefined || first.startBlock >= geometry.totalBlocks) {
    throw new FsError('EIO', '', '', `the ${name} tree lies nowhere in the volume; fsck_hfs says more`);
  }
  const bytes = readBytes(device, blockOffsetBytes(geometry, first.startBlock), 512);
  const { nodeSizeBytes } = HeaderRecord.peek(bytes, HEADER_NODE.header);
  const isPossible =
    Number.isInteger(Math.log2(nodeSizeBytes)) && nodeSizeBytes >= 512 && nodeSizeBytes <= 32_768;
  if (!isPossible || nodeSizeBytes % device.blockSizeBytes !== 0) {
    const detail = `the ${name} tree claims nodes of ${nodeSizeBytes} bytes on sectors of ${device.blockSizeBytes}`;
    throw new FsError('EIO', '', '', `${detail}; fsck_hfs says more`);
  }
  return nodeSizeBytes;
}

/** All extents of the allocation file, checked against the volume: enough bits, nothing outside. */
function bitmapExtents(
  geometry: Geometry,
  fork: ForkData,
  host: ConstructorParameters<typeof Fork>[0],
): ExtentDescriptor[] {
  const neededBlocks = Math.ceil(geometry.totalBlocks / 8 / geometry.blockSizeBytes);
  if (fork.totalBlocks < neededBlocks) {
    const detail = `the allocation file has ${fork.totalBlocks} blocks, ${neededBlocks} are needed for all bits`;
    throw new FsError('EIO', '', '', `${detail}; fsck_hfs says more`);
  }
  const data = new Uint8Array(FORK_SIZE_BYTES);
  writeFork(data, fork);
  const file = new Fork(host, CNID.allocationFile, 'data', data);
  const runs: ExtentDescriptor[] = [];
  for (let block = 0; block < neededBlocks;) {
    const run = file.runAt(block);
    if (run.blockCount === 0 || run.startBlock + run.blockCount > geometry.totalBlocks) {
      throw new FsError('EIO', '', '', 'the allocation file leaves the volume; fsck_hfs says more');
    }
    runs.push(run);
    block += run.blockCount;
  }
  return runs;
}
