import type { Finding } from '../contract.ts';
import type { Medium } from '../../device/medium.ts';

/**
 * What one run has to say: findings for programs, lines for people in the layout of macOS's fsck_msdos. There every
 * repair is a question, answered "no" when nothing may be written and "yes" otherwise; so it is here.
 *
 * A disk of random bytes can yield millions of findings. All are repaired and counted, FINDINGS_MAX are told.
 */
export class Report {
  readonly findings: Finding[] = [];
  readonly lines: string[] = [];
  /** Changes made in this pass. */
  repairs = 0;
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
  }

  line(text: string): void {
    this.lines.push(text);
  }

  add(problem: Problem): void {
    const isRepaired = this.mayRepair && problem.repair !== undefined;
    if (isRepaired) this.repairs++;
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
    this.lines.push(`${this.#untold} more findings are not listed`);
    this.findings.push({
      kind: 'more',
      severity: 'error',
      message: `${this.#untold} more findings are not listed`,
      block: 0,
      isRepaired: this.mayRepair,
    });
    this.#untold = 0;
  }

  #tell(problem: Problem, isRepaired: boolean): void {
    const { kind, severity, message, offsetBytes } = problem;
    const key = `${kind} ${message}`;
    if (!isRepaired && this.#told.has(key)) return;
    this.#told.add(key);
    const block = this.#medium.blockOf(offsetBytes);
    this.findings.push({ kind, severity, message, block, isRepaired });
    this.lines.push(message);
    if (problem.question !== undefined) this.lines.push(`${problem.question}? ${isRepaired ? 'yes' : 'no'}`);
  }
}

export interface Problem {
  /** Stable word for programs. */
  readonly kind: string;
  readonly severity: Finding['severity'];
  /** In fsck_msdos's words where it has some. Names come through `shown`. */
  readonly message: string;
  /** Where on the volume. */
  readonly offsetBytes: number;
  /** What fsck_msdos asks before the repair: 'Truncate'. */
  readonly question?: string;
  /** Absent: nothing can be done about it. */
  readonly repair?: () => void;
}

export const FINDINGS_MAX = 1000;

const PATH_SHOWN_MAX = 1024;

/** Text from the disk as it may be printed: characters that steer a terminal or hide text are spelt out. */
export function shown(text: string): string {
  const cut = text.length > PATH_SHOWN_MAX ? `${text.slice(0, PATH_SHOWN_MAX)}…` : text;
  return cut.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** '1 cluster', '2 clusters', '3 entries'. */
export const count = (number: number, unit: string): string =>
  `${number} ${number === 1 ? unit : unit.endsWith('y') ? `${unit.slice(0, -1)}ies` : `${unit}s`}`;
