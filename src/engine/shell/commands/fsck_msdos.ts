import { checkEach, FSCK_FAILED } from '../checking.ts';
import type { Checker } from '../checking.ts';
import { program } from '../program.ts';

const CHECKER: Checker = {
  formats: ['fat32'],
  kind: 'a FAT volume',
  heading: (path) => `** ${path}`,
  quick: (isClean) => ({
    line: `Warning: FILESYSTEM ${isClean ? 'CLEAN' : 'DIRTY'}; SKIPPING CHECKS`,
    exitCode: isClean ? 0 : FSCK_FAILED,
  }),
};

export const fsckMsdos = program({
  name: 'fsck_msdos',
  summary: 'check and repair a FAT volume',
  manual: `fsck_msdos [-fnpqy] filesystem ...

  -n  check, change nothing    -y  repair without asking    -p  repair without asking, say little
  -q  only: was it left clean?

Exit code 0: in order, or in order again; ${FSCK_FAILED}: something is wrong. Without -n, -y and -p: one question before all
repairs, where macOS asks about each. The volume must not be mounted to be repaired.`,
  usage: 'Usage: fsck_msdos [-fnpqy] [-M <integer>[k|K|m|M]] [-S path] filesystem ... ',
  usageExitCode: FSCK_FAILED,
  letters: 'pynfqM:S:',
  main: (call) => checkEach(call, CHECKER),
});
