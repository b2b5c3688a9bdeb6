import type { ProfileName } from '../device/profile.ts';
import type { CommitPolicy } from '../formats/contract.ts';

/** How a session is started. Together with the disk and the lines typed this determines every byte. */
export interface SessionSettings {
  readonly seed: number;
  readonly profile: ProfileName;
  readonly policy: CommitPolicy;
  readonly isReadOnly: boolean;
  /** Keep a tape and a history: what undo, the trace and the timeline live on. */
  readonly isRecording: boolean;
  /** Programs are told that they talk to a person. */
  readonly isTerminal: boolean;
  /** False: leave the disk alone, for those who check and repair it. */
  readonly mountsVolumes: boolean;
  /** Name or device of the volume to begin in, where there are several; absent: the first. */
  readonly volume?: string;
  /** Name of a snapshot of it to begin in, read-only. */
  readonly snapshot?: string;
}

export const DEFAULT_SETTINGS: SessionSettings = {
  seed: 1,
  profile: 'nvme',
  policy: 'each',
  isReadOnly: false,
  isRecording: true,
  isTerminal: false,
  mountsVolumes: true,
};
