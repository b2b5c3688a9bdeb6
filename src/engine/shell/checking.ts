import { FsError } from '../base/errno.ts';
import type { FsckReport } from '../formats/contract.ts';
import type { Running } from './command.ts';
import { plainDeviceName, rawDevicePath, reasonOf, volumeNamed } from './disk-names.ts';
import type { Invocation } from './program.ts';
import { outcomeOf } from './system-outcome.ts';

/** What fsck_msdos, fsck_exfat, fsck_hfs and fsck_apfs share. What they print beyond this is the format's report. */

/** What is wrong and was not put right. */
export const FSCK_FAILED = 8;

/** `n`: change nothing; `y`, `p`: repair without asking, `p` saying little; `q`: was it left clean?; `ask`: before. */
export type Way = 'n' | 'y' | 'p' | 'q' | 'ask';

export interface Checker {
  /** fsck_hfs checks hfsplus and hfsx. The first one is tried where no format recognizes the volume. */
  readonly formats: readonly [string, ...string[]];
  /** What the tool calls what it checks: 'an HFS+ volume'. */
  readonly kind: string;
  /** The line before all others; null for none. */
  heading(path: string, way: Way): string | null;
  /** -q */
  quick(isClean: boolean): { readonly line: string; readonly exitCode: number };
}

/** fsck by format, as diskutil calls it. */
const TOOLS: Readonly<Record<string, string>> = {
  fat32: 'fsck_msdos',
  exfat: 'fsck_exfat',
  hfsplus: 'fsck_hfs',
  hfsx: 'fsck_hfs',
  apfs: 'fsck_apfs',
};

export const checkerOf = (formatName: string | null): string => TOOLS[formatName ?? ''] ?? 'fsck';

/** Every operand in turn; the worst exit code. */
export function* checkEach(call: Invocation, checker: Checker, countsWarnings = false): Running {
  if (call.operands.length === 0) return yield* call.showUsage();
  let worst = 0;
  for (const device of call.operands) {
    worst = Math.max(worst, yield* checkOne(call, checker, device, countsWarnings));
  }
  return worst;
}

function* checkOne(call: Invocation, checker: Checker, device: string, countsWarnings: boolean): Running {
  const exitCode = (report: FsckReport) => exitCodeOf(report, countsWarnings);
  const way = call.has('q') ? 'q' : ((call.lastOf('nyp') as 'n' | 'y' | 'p' | undefined) ?? 'ask');
  const path = /^(\/dev\/)?disk/.test(device) ? rawDevicePath(device) : device;
  const isQuiet = way === 'p';
  const heading = checker.heading(path, way);
  if (!isQuiet && heading !== null) yield* call.printLine(heading);
  const stranger = strangerOn(call, checker, device);
  if (stranger !== null) {
    yield* call.say(`${call.context.name}: ${path} holds ${stranger}\n`);
    return FSCK_FAILED;
  }
  const report = yield* check(call, checker, device, way === 'y' || way === 'p');
  if (!report) return FSCK_FAILED;
  if (way === 'q') {
    const quick = checker.quick(isLeftClean(report));
    yield* call.printLine(quick.line);
    return quick.exitCode;
  }
  yield* show(call, report, isQuiet);
  if (way !== 'ask' || report.findings.length === 0 || !report.isReadable) return exitCode(report);

  yield* call.print('REPAIR? [yn] ');
  yield* call.flush();
  const answer = yield* call.context.stdin.readLine();
  if (answer === null || !/^[yY]/.test(answer)) return exitCode(report);
  const repaired = yield* check(call, checker, device, true);
  if (!repaired) return FSCK_FAILED;
  yield* show(call, repaired, false);
  return exitCode(repaired);
}

/** What is there instead of what the tool checks, with the tool to take; null when it may go on. */
function strangerOn(call: Invocation, checker: Checker, device: string): string | null {
  const { machine } = call.context;
  const found =
    volumeNamed(machine, device)?.slice ??
    machine.disks().find((disk) => disk.device === plainDeviceName(device))?.slices[0];
  if (found?.formatName == null || checker.formats.includes(found.formatName)) return null;
  return `${found.personality ?? found.formatName}, not ${checker.kind}; take ${checkerOf(found.formatName)}`;
}

/** A journal that is still to be replayed makes no volume dirty: that is what it is for. */
const isLeftClean = ({ isReadable, findings }: FsckReport): boolean =>
  isReadable && findings.every(({ kind }) => kind !== 'dirty');

function* check(
  call: Invocation,
  { formats: [format] }: Checker,
  device: string,
  repair: boolean,
): Running<FsckReport | null> {
  const report = outcomeOf(() => call.context.machine.fsck(device, { repair, format }));
  if (!(report instanceof FsError)) return report;
  yield* call.say(`Can't open ${device}: ${reasonOf(report)}\n`);
  return null;
}

function* show(call: Invocation, report: FsckReport, isQuiet: boolean): Running<void> {
  for (const line of report.lines) {
    if (!isQuiet || !line.startsWith('** ')) yield* call.printLine(line);
  }
}

export const exitCodeOf = ({ isReadable, findings }: FsckReport, countsWarnings = false): number =>
  isReadable &&
  findings.every(({ isRepaired, severity }) => isRepaired || (severity === 'warning' && !countsWarnings))
    ? 0
    : FSCK_FAILED;
