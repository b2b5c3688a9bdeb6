import { PROFILES, pricesOfRange } from '../device/profile.ts';
import type { Head } from '../device/profile.ts';
import type { Tape, TapeRange } from '../device/tape.ts';
import type { StepFigures } from './view.ts';

/**
 * What comparing needs of a step beside its costs. The tape is priced for every profile at once when the step closes:
 * four numbers then answer "what if this were a hard disk" for ever, even where the tape of the step is gone.
 *
 * `head`: where the disk's arm stood when the step began.
 */
export function stepFigures(tape: Tape, entries: TapeRange, head: Head, handedBytes: number): StepFigures {
  let trimmedBlocks = 0;
  for (let i = entries.from; i < entries.to; i++) {
    if (tape.kindAt(i) === 'trim') trimmedBlocks += tape.blockCountAt(i);
  }
  const { hdd, 'sata-ssd': sata, nvme, 'sd-card': card } = PROFILES;
  const [onHdd = 0, onSata = 0, onNvme = 0, onCard = 0] = pricesOfRange(
    [hdd, sata, nvme, card],
    tape,
    entries,
    head,
  );
  return {
    handedBytes,
    trimmedBytes: trimmedBlocks * tape.blockSizeBytes,
    nanosecondsByProfile: { hdd: onHdd, 'sata-ssd': onSata, nvme: onNvme, 'sd-card': onCard },
  };
}
