import { checkEach, FSCK_FAILED } from '../checking.ts';
import type { Checker } from '../checking.ts';
import { program } from '../program.ts';

const CHECKER: Checker = {
  formats: ['exfat'],
  kind: 'an exFAT volume',
  heading: (path) => `** ${path}`,
  quick: (isClean) => ({
    line: `FILESYSTEM ${isClean ? 'CLEAN' : 'DIRTY'}`,
    exitCode: isClean ? 0 : FSCK_FAILED,
  }),
};

export const fsckExfat = program({
  name: 'fsck_exfat',
  summary: 'check and repair an exFAT volume',
  manual: `fsck_exfat [-dfnpqy] filesystem ...

  -n  check, change nothing    -y  repair without asking    -p  repair without asking, say little
  -q  only: was it left clean?                              -f, -d, -g, -x  accepted, change nothing

Exit code 0: in order, or in order again; ${FSCK_FAILED}: something is wrong. Without -n, -y and -p: one question before all
repairs, where macOS asks about each. The volume must not be mounted to be repaired.`,
  usage: 'usage: fsck_exfat [-dfgnpqxy] filesystem ...',
  usageExitCode: FSCK_FAILED,
  letters: 'pynfqdgx',
  main: (call) => checkEach(call, CHECKER),
});
