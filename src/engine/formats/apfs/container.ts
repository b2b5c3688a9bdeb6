import { FsError } from '../../base/errno.ts';
import type {
  Container,
  ContainerLimits,
  ContainerVolume,
  ContainerVolumeMount,
  NewContainerVolume,
  Snapshot,
  Volume,
  VolumeStatistics,
} from '../contract.ts';
import type { Commit } from './commit.ts';
import { deleteVolumeBlocks } from './delete-volume.ts';
import { CONTAINER_BLOCKS_MAX } from './geometry.ts';
import { BLOCK_SIZE_BYTES, uuidText, VOLUMES_MAX } from './layout.ts';
import { ROLE_NAMES, VOLUME_INCOMPATIBLE } from './layout-volume.ts';
import { checkVolumeName, NEW_VOLUME_BLOCKS, newVolumeBlocks, randomUuid } from './new-volume.ts';
import { pinOf } from './pins.ts';
import type { Pin } from './pins.ts';
import { Relocation } from './relocation.ts';
import { checkLimits, roleOf } from './settings.ts';
import { findSnapshot, snapshotsOf, VolumeSnapshots } from './snapshots.ts';
import { CONTAINER_SPENDER } from './transaction.ts';
import { VolumeState } from './volume-state.ts';
import { ApfsVolume } from './volume.ts';

/** A mounted view: the live volume (xid null) or the snapshot of a transaction, whatever its name becomes. */
interface Mounted {
  readonly index: number;
  readonly xid: number | null;
}

/**
 * A container at work: its volumes, which share its free blocks and its transactions. Every live volume has a state
 * from the moment the container is open, mounted or not, because reserves and quotas count all of them.
 */
export class ApfsContainer implements Container {
  readonly title = 'APFS Container';
  readonly uuid: string;
  readonly isReadOnly: boolean;
  readonly #commit: Commit;
  readonly #states = new Map<number, VolumeState>();
  readonly #mounted = new Set<Mounted>();
  readonly #warnings: string[];
  #isClosed = false;

  constructor(commit: Commit, warnings: readonly string[]) {
    this.#commit = commit;
    this.#warnings = [...warnings];
    const { uuid, volumeOids } = commit.superblock;
    this.uuid = uuidText(uuid);
    this.isReadOnly = commit.isReadOnly;
    const listed = new Set<number>();
    for (const [index, oid] of volumeOids.entries()) {
      if (oid === 0) continue;
      listed.add(oid);
      this.#open(index, oid);
    }
    commit.map.keepOnly(listed);
  }

  #open(index: number, oid: number): void {
    const entry = this.#commit.map.find(oid);
    try {
      if (entry === undefined)
        throw new FsError('EIO', '', '', `the object map does not list volume ${index}`);
      const state = new VolumeState(this.#commit, index, oid, entry.block);
      this.#states.set(index, state);
      state.isSnapshotMounted = (xid) => this.#isMounted(index, xid);
      this.#commit.join(state);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#warnings.push(`Volume ${index} cannot be used: ${error.detail || error.message}.`);
    }
  }

  get volumesMax(): number {
    return Math.min(this.#commit.superblock.volumesMax, VOLUMES_MAX);
  }

  get isDirty(): boolean {
    return this.#commit.isDirty;
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  statistics(): VolumeStatistics {
    const freeBlocks = this.#commit.freeBlocksAfterCommit;
    return {
      blockSizeBytes: BLOCK_SIZE_BYTES,
      totalBlocks: this.#commit.blocks.count,
      freeBlocks,
      availableBlocks: Math.max(0, freeBlocks - this.#commit.headroomBlocks),
      totalFiles: Number.MAX_SAFE_INTEGER,
      freeFiles: Number.MAX_SAFE_INTEGER,
    };
  }

  volumes(): readonly ContainerVolume[] {
    return [...this.#states.values()].sort((a, b) => a.index - b.index).map((state) => this.#describe(state));
  }

  #describe(state: VolumeState): ContainerVolume {
    const { superblock, index, isEncrypted, isSealed } = state;
    const isCaseSensitive = (superblock.incompatibleFeatures & VOLUME_INCOMPATIBLE.caseInsensitive) === 0;
    return {
      index,
      label: superblock.name,
      uuid: uuidText(superblock.uuid),
      title: isCaseSensitive ? 'Case-sensitive APFS' : 'APFS',
      isCaseSensitive,
      role: ROLE_NAMES[superblock.role] ?? '',
      isEncrypted,
      isSealed,
      consumedBytes: superblock.allocatedBlocks * BLOCK_SIZE_BYTES,
      quotaBytes: superblock.quotaBlocks * BLOCK_SIZE_BYTES,
      reserveBytes: superblock.reserveBlocks * BLOCK_SIZE_BYTES,
      snapshots: this.#snapshotsOf(state),
    };
  }

  /** A volume whose trees cannot be opened shows no snapshots; mounting it says why. */
  #snapshotsOf(state: VolumeState): Snapshot[] {
    if (!state.hasSnapshots) return [];
    try {
      return snapshotsOf(state);
    } catch (error) {
      if (error instanceof FsError) return [];
      throw error;
    }
  }

  // ── mounting ──────────────────────────────────────────────────────────────────────────────────────────────────────

  mountVolume(index: number, options: ContainerVolumeMount): Volume {
    const live = this.#stateAt(index);
    const snapshot = options.snapshot ?? null;
    live.checkMountable();
    const state = snapshot === null ? live : this.#snapshotState(live, snapshot);
    if (this.#isMounted(index, snapshot === null ? null : state.xid)) {
      throw new FsError('EBUSY', '', '', `${snapshot ?? live.label} is mounted already`);
    }
    state.isReadOnly = this.isReadOnly || options.isReadOnly || snapshot !== null;
    state.warnings = this.#warnings;
    const mounted = { index, xid: snapshot === null ? null : state.xid };
    const { trace, isContinued = false } = this.#commit.options;
    if (snapshot === null) {
      state.snapshots = new VolumeSnapshots(state, {
        get isBusy() {
          return volume.isInUse;
        },
        forget: () => volume.forget(),
      });
    }
    const volume = new ApfsVolume(state, { trace, isContinued });
    this.#mounted.add(mounted);
    state.onUnmount = () => this.#mounted.delete(mounted);
    return volume;
  }

  /** Mounts a volume of a container that nobody else holds: unmounting it closes the container. */
  mountOnly(index: number): Volume {
    const volume = this.mountVolume(index, { isReadOnly: this.isReadOnly });
    const state = this.#stateAt(index);
    const unmounted = state.onUnmount;
    state.onUnmount = () => {
      unmounted?.();
      this.close();
    };
    return volume;
  }

  #snapshotState(live: VolumeState, name: string): VolumeState {
    const { superblockBlock } = findSnapshot(live, name);
    return new VolumeState(this.#commit, live.index, superblockBlock, superblockBlock, live);
  }

  #isMounted(index: number, xid: number | null): boolean {
    return [...this.#mounted].some((mounted) => mounted.index === index && mounted.xid === xid);
  }

  #stateAt(index: number): VolumeState {
    const state = this.#states.get(index);
    if (state === undefined) throw new FsError('ENOENT', '', '', `the container has no volume ${index}`);
    return state;
  }

  // ── changing volumes ──────────────────────────────────────────────────────────────────────────────────────────────

  addVolume(volume: NewContainerVolume): number {
    const commit = this.#commit;
    this.#checkWritable();
    checkVolumeName(volume.label);
    const quotaBlocks = Math.ceil((volume.quotaBytes ?? 0) / BLOCK_SIZE_BYTES);
    const reserveBlocks = Math.ceil((volume.reserveBytes ?? 0) / BLOCK_SIZE_BYTES);
    checkLimits(volume.label, quotaBlocks, reserveBlocks);
    const role = roleOf(volume.role ?? '');
    const index = this.#freeIndex();
    const blocks = 1 + NEW_VOLUME_BLOCKS + Math.max(0, reserveBlocks - NEW_VOLUME_BLOCKS);
    // Until its superblock is durable and can be opened, this stands for the volume in the sums of reserves.
    const coming = { reserveBlocks, allocatedBlocks: NEW_VOLUME_BLOCKS, beforeCommit: () => {} };
    commit.change({ blocks: blocks + commit.unmetReserves(null), kind: 'grow' }, () => {
      const block = () => commit.allocateBlock(CONTAINER_SPENDER);
      const oid = commit.newOid();
      const made = newVolumeBlocks({
        ...{ index, oid, quotaBlocks, reserveBlocks, role },
        name: volume.label,
        catalogOid: commit.newOid(),
        xid: commit.xid,
        isCaseSensitive: volume.isCaseSensitive,
        uuid: randomUuid(volume.random),
        time: commit.clock.now(),
        places: {
          superblock: block(),
          omap: block(),
          omapRoot: block(),
          catalogRoot: block(),
          references: block(),
          snapshotTree: block(),
        },
      });
      for (const { block: place, bytes, label } of made) commit.blocks.write(place, bytes, label);
      commit.map.set(oid, made[0]?.block ?? 0, commit.xid);
      commit.setVolumeOid(index, oid);
      commit.join(coming);
    });
    commit.sync();
    commit.leave(coming);
    this.#open(index, commit.superblock.volumeOids[index] ?? 0);
    return index;
  }

  #freeIndex(): number {
    const oids = this.#commit.superblock.volumeOids;
    for (let index = 0; index < this.volumesMax; index++) if (oids[index] === 0) return index;
    throw new FsError(
      'ENOSPC',
      '',
      '',
      `the container holds ${this.volumesMax} volumes already, one for each 512 MiB of its size`,
    );
  }

  deleteVolume(index: number): void {
    const commit = this.#commit;
    this.#checkWritable();
    const state = this.#stateAt(index);
    if ([...this.#mounted].some((mounted) => mounted.index === index)) {
      throw new FsError(
        'EBUSY',
        '',
        '',
        `volume '${state.label}' is mounted; unmount it and its snapshots first`,
      );
    }
    commit.sync();
    commit.change({ blocks: 0, kind: 'shrink' }, () => {
      deleteVolumeBlocks(commit, state);
      commit.leave(state);
      commit.map.remove(state.superblock.oid);
      commit.setVolumeOid(index, 0);
    });
    commit.sync();
    this.#states.delete(index);
  }

  renameVolume(index: number, label: string): void {
    this.#checkWritable();
    checkVolumeName(label);
    this.#edit(index, (state) => (state.superblock.name = label));
  }

  setRole(index: number, role: string): void {
    this.#checkWritable();
    const number = roleOf(role);
    this.#edit(index, (state) => (state.superblock.role = number));
  }

  #edit(index: number, change: (state: VolumeState) => void): void {
    const state = this.#stateAt(index);
    this.#commit.change({ blocks: 1, kind: 'shrink' }, () => {
      change(state);
      state.touch();
    });
  }

  // ── another size ──────────────────────────────────────────────────────────────────────────────────────────────────

  resizeLimits(): ContainerLimits {
    const { count, device } = this.#commit.blocks;
    const volumesLeast = 1 + this.#commit.superblock.volumeOids.findLastIndex((oid) => oid !== 0);
    const pin = this.#pin();
    const least = this.#commit.leastBlocks(Math.max(1, volumesLeast), pin?.endBlock ?? 0);
    const isPinned = pin !== null && pin.endBlock >= least;
    const thereBlocks = Math.floor((device.blockCount * device.blockSizeBytes) / BLOCK_SIZE_BYTES);
    return {
      minimumBytes: least * BLOCK_SIZE_BYTES,
      minimumReason: isPinned ? pin.why : ROOM_NEEDED,
      currentBytes: count * BLOCK_SIZE_BYTES,
      maximumBytes: Math.max(count, Math.min(thereBlocks, CONTAINER_BLOCKS_MAX)) * BLOCK_SIZE_BYTES,
    };
  }

  /** What lies farthest behind of all that must stay where it is. */
  #pin(): Pin | null {
    const { volumeOids, efiJumpstart, keybagCount } = this.#commit.superblock;
    if (volumeOids.filter((oid) => oid !== 0).length > this.#states.size) {
      return { endBlock: Infinity, why: 'a volume of it cannot be opened, and what it holds is not moved' };
    }
    if (efiJumpstart !== 0 || keybagCount !== 0) {
      return { endBlock: Infinity, why: 'its EFI driver or its keybag are not moved' };
    }
    const pins = [...this.#states.values()].flatMap((state) => pinOf(state) ?? []);
    return pins.reduce<Pin | null>((last, pin) => (last && last.endBlock >= pin.endBlock ? last : pin), null);
  }

  resize(sizeBytes: number): void {
    this.#checkWritable();
    const blockCount = Math.floor(sizeBytes / BLOCK_SIZE_BYTES);
    const { minimumBytes, minimumReason, currentBytes, maximumBytes } = this.resizeLimits();
    if (blockCount * BLOCK_SIZE_BYTES === currentBytes) return;
    const refuse = (detail: string): never => {
      throw new FsError('ENOSPC', '', '', detail);
    };
    if (blockCount * BLOCK_SIZE_BYTES < minimumBytes) {
      refuse(`it cannot be smaller than ${minimumBytes} bytes: ${minimumReason}`);
    }
    if (blockCount * BLOCK_SIZE_BYTES > maximumBytes) {
      refuse(`it cannot be larger than ${maximumBytes} bytes, where its store ends`);
    }
    if (blockCount * BLOCK_SIZE_BYTES < currentBytes) this.#vacate(blockCount);
    this.#commit.resize(blockCount);
  }

  /** What lies behind the new end goes to the front. */
  #vacate(blockCount: number): void {
    const commit = this.#commit;
    commit.vacate(blockCount, () => {
      const { trace } = commit;
      for (const state of this.#states.values()) {
        if (trace.isRecording)
          trace.open('operation', `Move what ${state.label} has behind block ${blockCount}`);
        try {
          new Relocation(commit, state, blockCount).run();
        } finally {
          if (trace.isRecording) trace.close();
        }
      }
    });
  }

  #checkWritable(): void {
    if (this.isReadOnly) throw new FsError('EROFS', '', '', 'the container is open for reading only');
  }

  // ── leaving ───────────────────────────────────────────────────────────────────────────────────────────────────────

  sync(): void {
    if (!this.isReadOnly) this.#commit.sync();
  }

  close(): void {
    if (this.#mounted.size > 0) throw new FsError('EBUSY', '', '', 'volumes of the container are mounted');
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.isReadOnly) return;
    for (const state of this.#states.values()) state.sign();
    this.#commit.sync();
    this.#commit.refreshBlock0();
  }
}

const ROOM_NEEDED = 'blocks of its volumes, snapshots or reserves need that much; delete files or snapshots';
