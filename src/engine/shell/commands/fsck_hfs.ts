import { checkEach, FSCK_FAILED } from '../checking.ts';
import type { Checker } from '../checking.ts';
import { program } from '../program.ts';

/** fsck.h: the volume was not left clean, says the quick check. */
const DIRTY_EXIT = 3;

const CHECKER: Checker = {
  formats: ['hfsplus', 'hfsx'],
  kind: 'an HFS+ volume',
  heading: (path, way) => (way === 'q' ? null : `** ${path}${way === 'n' ? ' (NO WRITE)' : ''}`),
  quick: (isClean) => ({
    line: `QUICKCHECK ONLY; FILESYSTEM ${isClean ? 'CLEAN' : 'DIRTY'}`,
    exitCode: isClean ? 0 : DIRTY_EXIT,
  }),
};

export const fsckHfs = program({
  name: 'fsck_hfs',
  summary: 'check and repair an HFS+ volume',
  manual: `fsck_hfs [-dfnpqy] special-device ...

  -n  check, change nothing    -y  repair without asking    -p  repair without asking, say little
  -q  only: was it left clean (exit code 0) or not (${DIRTY_EXIT})? A journal to be replayed counts as clean.
  -f, -d, -g, -x, -l, -u  accepted, change nothing: every check is a whole one

Exit code 0: in order, or in order again; ${FSCK_FAILED}: something is wrong. Without -n, -y and -p: one question before all
repairs, where macOS asks about each. The volume must not be mounted to be repaired.

Differs from macOS: no -B -b -c -D -E -m -R -r -S; trees that are damaged are rebuilt without being asked to.`,
  usage: 'usage: fsck_hfs [-dfglnpquxy] special-device ...',
  usageExitCode: FSCK_FAILED,
  letters: 'pynfqdgxlu',
  main: (call) => checkEach(call, CHECKER),
});
