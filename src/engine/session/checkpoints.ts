import type { CheckpointState } from '../base/checkpoint.ts';
import type { Computer } from './computer.ts';

/** A state of the whole container that lies on the disk, and the line that opens it. */
export interface CheckpointView extends CheckpointState {
  /** It is what is mounted. */
  readonly isMounted: boolean;
  readonly isNewest: boolean;
  /** What to type to open it; '' for one that is mounted or that cannot be opened. */
  readonly line: string;
}

/** So many are looked at, the newest. */
const CHECKPOINTS_MAX = 24;

/** The checkpoints of the disk's container, newest first, at bytes of the whole disk; none where the format keeps none. */
export function checkpointsOf({ disk, mounts }: Computer): readonly CheckpointView[] {
  const slice = disk.mainSlice;
  const states = slice?.format?.checkpoints?.(slice.plain, CHECKPOINTS_MAX) ?? [];
  if (slice === undefined || states.length === 0) return [];
  const shiftBytes = slice.firstBlock * disk.store.blockSizeBytes;
  const [mount] = mounts.on(slice);
  const device = mount?.device ?? mounts.containers.places().find((place) => place.slice === slice)?.device;
  const newestXid = states.find(({ problem }) => problem === '')?.xid;
  const chosenXid = mounts.containers.checkpointOf(slice);
  // What is mounted for writing may be ahead of everything on the disk.
  const isAhead =
    chosenXid === undefined && mount?.options.policy === 'writeback' && mount.volume.isDirty !== false;
  const mountedXid = mount === undefined || isAhead ? undefined : (chosenXid ?? newestXid);
  const command = mount === undefined ? 'mount' : 'mount -u';
  return states.map((state) => {
    const isMounted = state.xid === mountedXid;
    const isNewest = state.xid === newestXid;
    const option = isNewest && !isAhead ? 'rw' : `checkpoint=${state.xid}`;
    const canOpen = state.problem === '' && !isMounted && device !== undefined;
    return {
      ...{ ...state, deviceOffsetBytes: state.deviceOffsetBytes + shiftBytes, isMounted, isNewest },
      line: canOpen ? `${command} -o ${option} ${device}` : '',
    };
  });
}
