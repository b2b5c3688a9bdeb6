import type { ProfileName } from '../device/profile.ts';
import type { CommitPolicy } from '../formats/contract.ts';

/** How mounted volumes write, where a format leaves the choice. */
export interface WritePolicies {
  readonly policy: CommitPolicy;
  /** Formats that copy on write: data that nobody else holds is overwritten where it lies. Absent: never. */
  readonly overwritesInPlace?: boolean;
  /** False: the disk is not told which blocks became free. */
  readonly trims?: boolean;
}

/** Of an object that says more. */
export function writePoliciesOf({ policy, overwritesInPlace, trims }: WritePolicies): WritePolicies {
  return {
    policy,
    ...(overwritesInPlace === undefined ? {} : { overwritesInPlace }),
    ...(trims === undefined ? {} : { trims }),
  };
}

/** How a session is started. Together with the disk and the lines typed this determines every byte. */
export interface SessionSettings extends WritePolicies {
  readonly seed: number;
  readonly profile: ProfileName;
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
