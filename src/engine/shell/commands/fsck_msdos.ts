import { FsError } from '../../base/errno.ts';
import type { FsckReport } from '../../formats/contract.ts';
import type { Running } from '../command.ts';
import { rawDevicePath, reasonOf } from '../disk-names.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

/** What is wrong and was not put right. */
export const FSCK_FAILED = 8;

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
  *main(call) {
    if (call.operands.length === 0) return yield* call.showUsage();
    let worst = 0;
    for (const device of call.operands) worst = Math.max(worst, yield* checkOne(call, device));
    return worst;
  },
});

function* checkOne(call: Invocation, device: string): Running {
  const way = call.has('q') ? 'q' : (call.lastOf('nyp') ?? 'ask');
  const isQuiet = way === 'p';
  if (!isQuiet)
    yield* call.printLine(`** ${/^(\/dev\/)?disk/.test(device) ? rawDevicePath(device) : device}`);
  const repairs = way === 'y' || way === 'p';
  const report = yield* check(call, device, repairs);
  if (!report) return FSCK_FAILED;
  if (way === 'q') {
    const isDirty = !report.isReadable || report.findings.some(({ kind }) => kind === 'dirty');
    yield* call.printLine(`Warning: FILESYSTEM ${isDirty ? 'DIRTY' : 'CLEAN'}; SKIPPING CHECKS`);
    return isDirty ? FSCK_FAILED : 0;
  }
  yield* show(call, report, isQuiet);
  if (way !== 'ask' || report.findings.length === 0 || !report.isReadable) return exitCodeOf(report);

  yield* call.print('REPAIR? [yn] ');
  yield* call.flush();
  const answer = yield* call.context.stdin.readLine();
  if (answer === null || !/^[yY]/.test(answer)) return exitCodeOf(report);
  const repaired = yield* check(call, device, true);
  if (!repaired) return FSCK_FAILED;
  yield* show(call, repaired, false);
  return exitCodeOf(repaired);
}

function* check(call: Invocation, device: string, repair: boolean): Running<FsckReport | null> {
  const report = outcomeOf(() => call.context.machine.fsck(device, { repair }));
  if (!(report instanceof FsError)) return report;
  yield* call.say(`Can't open ${device}: ${reasonOf(report)}\n`);
  return null;
}

function* show(call: Invocation, report: FsckReport, isQuiet: boolean): Running<void> {
  for (const line of report.lines) {
    if (!isQuiet || !line.startsWith('** ')) yield* call.printLine(line);
  }
}

export const exitCodeOf = ({ isReadable, findings }: FsckReport): number =>
  isReadable && findings.every(({ isRepaired, severity }) => isRepaired || severity === 'warning')
    ? 0
    : FSCK_FAILED;
