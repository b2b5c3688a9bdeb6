import { viewOf } from '../../base/bytes.ts';
import { OBJECT_HEADER_SIZE_BYTES } from './layout.ts';
import { VolumeSuperblock } from './layout-volume.ts';
import type { Medium } from '../../device/medium.ts';
import { Allocated, mergeClaims } from './fsck-allocated.ts';
import { Check, hex } from './fsck-check.ts';
import type { VolumePlace } from './fsck-check.ts';
import { findCheckpoint, readMaps } from './fsck-checkpoint.ts';
import type { Checkpoint, Ephemerals } from './fsck-checkpoint.ts';
import { readChunks } from './fsck-chunks.ts';
import { checkGroups } from './fsck-groups.ts';
import { ObjectMap } from './fsck-omap.ts';
import { checkPool, comparePoolBitmaps } from './fsck-pool.ts';
import { checkQueues } from './fsck-queue.ts';
import { checkReaper } from './fsck-reaper.ts';
import { SPACE_REMEDY } from './fsck-report.ts';
import type { Report } from './fsck-report.ts';
import { readSpaceManager } from './fsck-space.ts';
import type { Space } from './fsck-space.ts';
import {
  checkEfiJumpstart,
  checkKeybags,
  checkOlderCheckpoints,
  checkSuperblock,
} from './fsck-superblock.ts';
import { checkVolume } from './fsck-volume.ts';

/** One look at a whole container, and what of it a repair goes on from. */
export interface Look {
  readonly check: Check;
  readonly checkpoint: Checkpoint;
  readonly ephemerals: Ephemerals;
  readonly space: Space;
  readonly volumes: readonly VolumePlace[];
  /** All blocks in use, as disjoint runs; sound unless `check.isUsageUnknown`. */
  readonly runs: Float64Array;
}

/** In fsck_apfs's order. Null when it ends early: there is no container, or nothing to judge its space by. */
export function checkContainer(medium: Medium, report: Report): Look | null {
  const check = new Check(medium, report);
  report.phase('Checking the container superblock.');
  const checkpoint = findCheckpoint(check);
  if (!checkpoint) return null;
  const { superblock } = checkpoint;
  report.line(`Checking the checkpoint with transaction ID ${superblock.xid}.`);
  if (!checkSuperblock(check, checkpoint)) return null;
  const ephemerals = readMaps(check, checkpoint);
  checkOlderCheckpoints(check, checkpoint);
  checkReaper(check, ephemerals, superblock);
  checkEfiJumpstart(check, checkpoint);
  report.phase('Checking the space manager.');
  const space = readSpaceManager(check, ephemerals, superblock);
  let hasPool = false;
  if (space) {
    readChunks(space);
    hasPool = checkPool(space);
    report.phase('Checking the space manager free queue trees.');
    checkQueues(space, ephemerals);
  }
  report.phase('Checking the object map.');
  const omap = ObjectMap.read(check, { block: superblock.omapBlock, volume: null, isEncrypted: false });
  report.phase('Checking the encryption key structures.');
  checkKeybags(check, checkpoint);
  const volumes = omap ? checkVolumes(check, omap, checkpoint) : [];
  checkGroups(check, volumes);
  omap?.finish(check.isUsageUnknown);
  if (space) ephemerals.finish();
  report.phase('Verifying allocated space.');
  const runs = mergeClaims(check);
  if (!space) return null;
  new Allocated(space, runs).compare();
  if (hasPool) comparePoolBitmaps(space);
  checkReserves(check, space, volumes);
  return { check, checkpoint, ephemerals, space, volumes, runs };
}

function checkVolumes(check: Check, omap: ObjectMap, { superblock, block }: Checkpoint): VolumePlace[] {
  const volumes: VolumePlace[] = [];
  omap.openView(check.xid);
  for (const [index, oid] of superblock.volumeOids.entries()) {
    if (oid === 0) continue;
    if (index >= superblock.volumesMax) {
      check.error('superblock', `a volume in place ${index}, allowed are ${superblock.volumesMax}`, block);
    }
    const located = omap.resolve(oid);
    if (!located) {
      check.error(
        'omap',
        `om: the container's object map has no volume superblock ${hex(oid)}`,
        superblock.omapBlock,
      );
      check.isUsageUnknown = true;
      continue;
    }
    const place = { index, oid, block: located.block, xid: located.xid ?? 0 };
    checkVolume(check, place);
    volumes.push(place);
  }
  return volumes;
}

/** What volumes have set aside, as the space manager sums it up (apfs.md §5.2). */
function checkReserves(check: Check, space: Space, volumes: readonly VolumePlace[]): void {
  let reserved = 0;
  let inUse = 0;
  for (const { block } of volumes) {
    const bytes = check.read(block);
    if (viewOf(bytes).getUint32(OBJECT_HEADER_SIZE_BYTES, true) === 0) return;
    const { reserveBlocks, allocatedBlocks } = VolumeSuperblock.peek(bytes);
    reserved += reserveBlocks;
    inUse += Math.min(reserveBlocks, allocatedBlocks);
  }
  const { reservedBlocks, reservedBlocksInUse } = space.pool;
  const wrong = (text: string): void =>
    check.error('reserve', `space manager: ${text}`, space.block, SPACE_REMEDY);
  if (reservedBlocks !== reserved)
    wrong(`${reservedBlocks} blocks reserved, the volumes' reserves are ${reserved}`);
  if (reservedBlocksInUse !== inUse)
    wrong(`${reservedBlocksInUse} reserved blocks in use, the volumes use ${inUse}`);
  if (reserved - inUse > space.device.freeCount) {
    const message = `space manager: ${space.device.freeCount} free blocks cannot hold the volumes' reserves`;
    check.error('reserve', message, space.block);
  }
}
