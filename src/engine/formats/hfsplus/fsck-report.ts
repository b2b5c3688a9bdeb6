import type { Finding } from '../contract.ts';
import type { Medium } from '../../device/medium.ts';

/**
 * What one run has to say: findings for programs, lines for people in the layout of macOS's fsck_hfs: phases begin with
 * '** ', what is found is indented by three, '(It should be … instead of …)' follows where two numbers disagree.
 *
 * A disk of random bytes can yield millions of findings. All are repaired and counted, FINDINGS_MAX are told.
 */
export class Report {
  readonly findings: Finding[] = [];
  readonly lines: string[] = [];
  /** Changes made in this pass. */
  repairs = 0;
  /** Errors of this pass that nothing can be done about. */
  hopeless = 0;
  /** Errors met in any pass; warnings do not make a volume corrupt. */
  errors = 0;
  #untold = 0;
  readonly #told = new Set<string>();
  readonly #medium: Medium;

  constructor(
    medium: Medium,
    readonly mayRepair: boolean,
  ) {
    this.#medium = medium;
  }

  /** Later passes look again at what earlier ones left: they count anew and repeat nothing already told. */
  startPass(): void {
    this.repairs = 0;
    this.hopeless = 0;
  }

  /** '** Checking catalog file.' */
  phase(text: string): void {
    this.lines.push(`** ${text}`);
  }

  /** '   The volume name is X' */
  line(text: string): void {
    this.lines.push(`   ${text}`);
  }

  add(problem: Problem): void {
    const isRepaired = this.mayRepair && problem.repair !== undefined;
    if (isRepaired) this.repairs++;
    else if (problem.severity === 'error') this.hopeless++;
    if (problem.severity === 'error') this.errors++;
    if (this.findings.length < FINDINGS_MAX) this.#tell(problem, isRepaired);
    else this.#untold++;
    if (isRepaired) problem.repair?.();
  }

  /** What was found, when the run ends before anything could be written. */
  get unwritten(): readonly Finding[] {
    return this.findings.map((finding) => ({ ...finding, isRepaired: false }));
  }

  /** Say how many findings were left out. */
  finish(): void {
    if (this.#untold === 0) return;
    const message = `${this.#untold} more findings are not listed`;
    this.line(message);
    this.findings.push({ kind: 'more', severity: 'error', message, block: 0, isRepaired: this.mayRepair });
    this.#untold = 0;
  }

  #tell(problem: Problem, isRepaired: boolean): void {
    const { kind, severity, message, offsetBytes, shouldBe } = problem;
    const value = shouldBe === undefined ? '' : `(It should be ${shouldBe[0]} instead of ${shouldBe[1]})`;
    const key = `${kind} ${message} ${offsetBytes}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.findings.push({
      kind,
      severity,
      message: `${message}${value === '' ? '' : ` ${value}`}${problem.detail ? `: ${problem.detail}` : ''}`,
      block: this.#medium.blockOf(Math.max(0, offsetBytes)),
      isRepaired,
    });
    this.line(message);
    if (value !== '') this.line(value);
    if (problem.place !== undefined) this.lines.push(`(${problem.place[0]}, ${problem.place[1]})`);
  }
}

export interface Problem {
  /** Stable word for programs. */
  readonly kind: string;
  readonly severity: Finding['severity'];
  /** In fsck_hfs's words where it has some. Names come through `shown`. */
  readonly message: string;
  /** What fsck_hfs does not say but a person wants to know: which record, which name. */
  readonly detail?: string | undefined;
  /** Right and found value. */
  readonly shouldBe?: readonly [string | number, string | number];
  /** File and node, as fsck_hfs prints them after an error of a structure. */
  readonly place?: readonly [number, number];
  /** Where on the volume's device. */
  readonly offsetBytes: number;
  /** Absent: nothing can be done about it. */
  readonly repair?: (() => void) | undefined;
}

export const FINDINGS_MAX = 1000;

const TEXT_SHOWN_MAX = 1024;

/** Text from the disk as it may be printed: characters that steer a terminal or hide text are spelt out. */
export function shown(text: string): string {
  const cut = text.length > TEXT_SHOWN_MAX ? `${text.slice(0, TEXT_SHOWN_MAX)}…` : text;
  return cut.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/g,
    (character, index: number) =>
      isPaired(cut, index) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;

function isPaired(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return isHigh(unit)
    ? isLow(text.charCodeAt(index + 1))
    : isLow(unit) && index > 0 && isHigh(text.charCodeAt(index - 1));
}
