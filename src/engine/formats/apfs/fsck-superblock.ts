import { isZero, viewOf } from '../../base/bytes.ts';
import {
  BLOCK_SIZE_BYTES,
  BYTES_PER_VOLUME,
  CHECKPOINT_AREA_IS_TREE,
  CheckpointMap,
  CheckpointMapping,
  CONTAINER_FLAG,
  CONTAINER_INCOMPATIBLE,
  CONTAINER_MAGIC,
  CONTAINER_SUPERBLOCK_OID,
  EFI_JUMPSTART_EXTENTS_AT,
  EfiJumpstart,
  MAPPING_SIZE_BYTES,
  MAPPINGS_AT,
  MAPPINGS_PER_BLOCK,
  NxSuperblock,
  OBJECT_FLAG,
  OBJECT,
  TYPE_WORD,
  VOLUMES_MAX,
} from './layout.ts';
import { mainQueueNodeLimit } from './layout-space.ts';
import { hex, u64At } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import type { Checkpoint } from './fsck-checkpoint.ts';
import { isIntact, readObject } from './fsck-object.ts';

/**
 * The newest superblock's own numbers (apfs.md §2.1, §2.3). Marks what belongs to the container itself: block 0, both
 * rings, keybags, the EFI driver. False when nothing further can be made of it.
 */
export function checkSuperblock(check: Check, checkpoint: Checkpoint): boolean {
  const { superblock, block } = checkpoint;
  const wrong = (text: string): void => check.error('superblock', `container superblock: ${text}`, block);
  const unsupported = (text: string): void => check.warning('unsupported', `${text} is not checked`, block);
  check.xid = superblock.xid;
  check.nextOid = superblock.nextOid;
  if (superblock.blockSizeBytes !== BLOCK_SIZE_BYTES) {
    check.error(
      'unsupported',
      `blocks of ${superblock.blockSizeBytes} bytes; only 4096 can be checked`,
      block,
    );
    return false;
  }
  const available = Math.floor(check.medium.sizeBytes / BLOCK_SIZE_BYTES);
  check.blockCount = Math.min(superblock.blockCount, available);
  if (superblock.blockCount === 0) wrong('no blocks');
  if (superblock.blockCount > available)
    wrong(`${superblock.blockCount} blocks, the device has ${available}`);
  if ((superblock.incompatibleFeatures & CONTAINER_INCOMPATIBLE.fusion) !== 0) {
    check.error('unsupported', 'a Fusion drive: its second device is not here', block);
    return false;
  }
  if (superblock.type !== TYPE_WORD.containerSuperblock) wrong(`invalid o_type (${hex(superblock.type)})`);
  if (superblock.subtype !== 0) wrong(`invalid o_subtype (${hex(superblock.subtype)})`);
  if (superblock.oid !== CONTAINER_SUPERBLOCK_OID) wrong(`invalid o_oid (${hex(superblock.oid)})`);
  if (superblock.xid === 0) wrong('transaction 0');
  checkFeatures(superblock, wrong, unsupported);
  checkNumbers(superblock, wrong);
  if (!checkRings(check, superblock, wrong)) return false;
  check.mark(0, 1, 'block 0');
  check.mark(superblock.descriptorBase, superblock.descriptorBlocks, 'checkpoint descriptor area');
  check.mark(superblock.dataBase, superblock.dataBlocks, 'checkpoint data area');
  return true;
}

function checkFeatures(
  superblock: NxSuperblock,
  wrong: (text: string) => void,
  unsupported: (text: string) => void,
): void {
  const { features, readOnlyCompatibleFeatures, incompatibleFeatures, flags } = superblock;
  if (features > 3) wrong(`unknown features (${hex(features)})`);
  else if (features % 2 === 1) unsupported('defragmentation');
  if (features === 2 || features === 3) wrong('the mark of a Fusion drive on another');
  if (readOnlyCompatibleFeatures !== 0)
    wrong(`unknown read-only features (${hex(readOnlyCompatibleFeatures)})`);
  const versions = CONTAINER_INCOMPATIBLE.version1 | CONTAINER_INCOMPATIBLE.version2;
  if (incompatibleFeatures > versions) wrong(`unknown incompatible features (${hex(incompatibleFeatures)})`);
  else if (incompatibleFeatures !== CONTAINER_INCOMPATIBLE.version2) unsupported('a version other than 2');
  if (flags > 7 || flags % 4 !== 0) wrong(`unknown flags (${hex(flags)})`);
  if (flags === CONTAINER_FLAG.softwareEncryption) unsupported('software encryption');
  if (superblock.testType !== 0 || superblock.testOid !== 0) wrong('a field for tests is set');
  if (superblock.blockedOutCount !== 0) unsupported('a container that is being resized');
  if (!isZero(superblock.fusionUuid)) wrong('the identifier of a Fusion drive on another');
}

/** A container of at least so many bytes wants 8 blocks of checkpoint data at the least. */
const SMALL_CONTAINER_BYTES = 128 * 1024 * 1024;
const EPHEMERAL_BLOCKS_MIN = 8;

function checkNumbers(superblock: NxSuperblock, wrong: (text: string) => void): void {
  const { blockCount, ephemeralInfo } = superblock;
  const sizeBytes = blockCount * BLOCK_SIZE_BYTES;
  const volumesMax = Math.min(VOLUMES_MAX, Math.ceil(sizeBytes / BYTES_PER_VOLUME));
  if (superblock.volumesMax !== volumesMax) {
    wrong(`room for ${superblock.volumesMax} volumes, expected ${volumesMax}`);
  }
  if (superblock.nextXid !== superblock.xid + 1) {
    wrong(`next transaction ${superblock.nextXid}, expected ${superblock.xid + 1}`);
  }
  const least = sizeBytes < SMALL_CONTAINER_BYTES ? mainQueueNodeLimit(blockCount) : EPHEMERAL_BLOCKS_MIN;
  if (ephemeralInfo[0] !== least * 2 ** 32 + 4 * 2 ** 16 + 1) {
    wrong(`wrong ephemeral information (${hex(ephemeralInfo[0] ?? 0)})`);
  }
  if (ephemeralInfo.slice(1).some((word) => word !== 0)) wrong('unknown ephemeral information');
}

function checkRings(check: Check, superblock: NxSuperblock, wrong: (text: string) => void): boolean {
  const errors = check.report.errors;
  const { descriptorBlocks, descriptorBase, descriptorIndex, descriptorLength, descriptorNext } = superblock;
  const { dataBlocks, dataBase, dataIndex, dataLength, dataNext } = superblock;
  if (descriptorBlocks >= CHECKPOINT_AREA_IS_TREE || dataBlocks >= CHECKPOINT_AREA_IS_TREE) {
    check.error('unsupported', 'the checkpoint areas are not contiguous', 0);
    return false;
  }
  const isRing = (base: number, blocks: number): boolean => check.isInside(base, blocks) && blocks > 0;
  if (!isRing(descriptorBase, descriptorBlocks))
    wrong('the checkpoint descriptor area is not in the container');
  if (!isRing(dataBase, dataBlocks)) wrong('the checkpoint data area is not in the container');
  if (check.report.errors > errors) return false;
  if (descriptorIndex >= descriptorBlocks || descriptorNext >= descriptorBlocks)
    wrong('out of range checkpoint descriptors');
  else if ((descriptorIndex + descriptorLength) % descriptorBlocks !== descriptorNext)
    wrong('wrong length of the checkpoint descriptors');
  if (dataIndex >= dataBlocks || dataLength > dataBlocks) wrong('out of range checkpoint data');
  else if ((dataIndex + dataLength) % dataBlocks !== dataNext) wrong('wrong length of the checkpoint data');
  return true;
}

/**
 * Both keybags: marked, and no more. The container's is encrypted and names the blocks of the volumes' keybags, which
 * therefore stay unknown.
 */
export function checkKeybags(check: Check, { superblock }: Checkpoint): void {
  const { keybagFirst, keybagCount, mediaKeybagFirst, mediaKeybagCount } = superblock;
  if (keybagFirst !== 0 && keybagCount === 0) {
    check.error('superblock', 'the container keybag has no blocks', keybagFirst);
  }
  if (keybagCount > 0) {
    check.mark(keybagFirst, keybagCount, 'container keybag');
    check.isUsageUnknown = true;
  }
  if (mediaKeybagCount > 0) check.mark(mediaKeybagFirst, mediaKeybagCount, 'wrapped media key');
}

/** 'RDSJ' as the bytes lie on disk. */
const EFI_MAGIC = 0x5244_534a;
const EXTENT_BYTES = 16;

/** The EFI driver that some containers carry, to start a computer from them. */
export function checkEfiJumpstart(check: Check, { superblock }: Checkpoint): void {
  const block = superblock.efiJumpstart;
  if (block === 0) return;
  check.report.phase('Checking the EFI jumpstart record.');
  if (!check.mark(block, 1, 'EFI jumpstart record')) return;
  const expected = {
    name: 'EFI jumpstart record',
    oid: block,
    type: OBJECT_FLAG.physical + OBJECT.efiJumpstart,
    subtype: 0,
  };
  const bytes = readObject(check, block, expected);
  if (!bytes) {
    check.isUsageUnknown = true;
    return;
  }
  const record = EfiJumpstart.peek(bytes);
  const wrong = (text: string): void => check.error('superblock', `EFI jumpstart record: ${text}`, block);
  if (record.magic !== EFI_MAGIC) wrong('wrong magic number');
  if (record.version !== 1) wrong(`version ${record.version}`);
  if (!isZero(record.reserved)) wrong('a reserved field is set');
  if (EFI_JUMPSTART_EXTENTS_AT + record.extentCount * EXTENT_BYTES > BLOCK_SIZE_BYTES) {
    wrong(`${record.extentCount} runs do not fit into a block`);
    return;
  }
  let blocks = 0;
  const view = viewOf(bytes);
  for (let i = 0; i < record.extentCount; i++) {
    const at = EFI_JUMPSTART_EXTENTS_AT + i * EXTENT_BYTES;
    const count = u64At(view, at + 8);
    if (count === 0) wrong('an empty run');
    else check.mark(u64At(view, at), count, 'EFI driver');
    blocks += count;
  }
  if (record.driverBytes === 0 || Math.ceil(record.driverBytes / BLOCK_SIZE_BYTES) !== blocks) {
    wrong(`a driver of ${record.driverBytes} bytes in ${blocks} blocks`);
  }
}

/**
 * Checkpoints before the newest one, as far as they still claim to be there: a superblock whose maps, and maps whose
 * objects, are still of its transaction must be intact. Newer checkpoints overwrite them bit by bit: that is no fault.
 */
export function checkOlderCheckpoints(check: Check, { superblock: newest }: Checkpoint): void {
  const { descriptorBase, descriptorBlocks, dataBase, dataBlocks } = newest;
  const damaged = (what: string, block: number, xid: number): void =>
    check.warning(
      'old-checkpoint',
      `checkpoint ${xid}: ${what} in block ${hex(block)} has a wrong checksum`,
      block,
    );
  for (let i = 0; i < descriptorBlocks; i++) {
    const bytes = check.read(descriptorBase + i);
    const view = viewOf(bytes);
    const xid = u64At(view, 16);
    if (view.getUint32(0x20, true) !== CONTAINER_MAGIC || xid === newest.xid || !isIntact(bytes)) continue;
    const length = NxSuperblock.peek(bytes).descriptorLength;
    for (let back = 1; back < Math.min(length, descriptorBlocks); back++) {
      const mapBlock = descriptorBase + ((i + descriptorBlocks - back) % descriptorBlocks);
      const map = check.read(mapBlock);
      if (viewOf(map).getUint32(24, true) !== TYPE_WORD.checkpointMap || u64At(viewOf(map), 16) !== xid)
        continue;
      if (!isIntact(map)) {
        damaged('a map', mapBlock, xid);
        continue;
      }
      const count = Math.min(CheckpointMap.peek(map).count, MAPPINGS_PER_BLOCK);
      for (let entry = 0; entry < count; entry++) {
        const mapping = CheckpointMapping.peek(map, MAPPINGS_AT + entry * MAPPING_SIZE_BYTES);
        const { block } = mapping;
        if (mapping.sizeBytes !== BLOCK_SIZE_BYTES || block < dataBase || block >= dataBase + dataBlocks)
          continue;
        const object = check.read(block);
        const header = viewOf(object);
        if (u64At(header, 8) !== mapping.oid || u64At(header, 16) !== xid) continue;
        if (!isIntact(object)) damaged(`object ${hex(mapping.oid)}`, block, xid);
      }
    }
  }
}
