/** A state of a whole volume or container that lies on the device beside the newest. */
export interface CheckpointState {
  /** Number of the transaction that made it. */
  readonly xid: number;
  /** Of its superblock. */
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
  /** Why it cannot be opened, as half a sentence; '' when it can. */
  readonly problem: string;
}
