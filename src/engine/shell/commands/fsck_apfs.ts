import { checkEach, FSCK_FAILED } from '../checking.ts';
import type { Checker } from '../checking.ts';
import { program } from '../program.ts';

/** As fsck_hfs: what was not left clean has an exit code of its own. */
const DIRTY_EXIT = 3;

const CHECKER: Checker = {
  formats: ['apfs'],
  kind: 'an APFS container',
  heading: () => null,
  quick: (isClean) => ({
    line: `QUICKCHECK ONLY; FILESYSTEM ${isClean ? 'CLEAN' : 'DIRTY'}`,
    exitCode: isClean ? 0 : DIRTY_EXIT,
  }),
};

export const fsckApfs = program({
  name: 'fsck_apfs',
  summary: 'check and repair an APFS container with its volumes',
  manual: `fsck_apfs [-nyqW] device ...

The device is the physical store (disk1s1), the container (disk2) or a volume of it (disk2s1); the whole container is
checked each time. It must not be mounted to be repaired.

  -n  check, change nothing     -y  repair without asking
  -q  only: was it left clean (exit code 0) or not (${DIRTY_EXIT})? What a power cut leaves is sound, and still not clean.
  -W  warnings count as errors
  -d, -g, -l, -o, -s, -S, -x, -F, -M, -T  accepted, change nothing

Exit code 0: in order, or in order again; ${FSCK_FAILED}: something is wrong. Without -n and -y: one question before all repairs,
where macOS asks about each.`,
  usage: 'usage: fsck_apfs [-dgFlMnoqsSTWxy] device ...',
  usageExitCode: 64,
  letters: 'nyqlsSodgxFMWT',
  *main(call) {
    return yield* checkEach(call, CHECKER, call.has('W'));
  },
});
