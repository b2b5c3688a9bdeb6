/** What a check is asked, and what it answers. */

export interface FsckOptions {
  readonly repair: boolean;
}

/** One thing that is wrong. */
export interface Finding {
  /** Stable word for programs: 'dirty', 'lost-clusters', 'cross-link' … */
  readonly kind: string;
  /** `error`: data or structure at risk. `warning`: odd, harmless, or not repairable by the real tool either. */
  readonly severity: 'error' | 'warning';
  /** In the words of the real checker, with names and numbers. */
  readonly message: string;
  readonly block: number;
  readonly isRepaired: boolean;
}

export interface FsckReport {
  /** False when the volume could not be read as this format at all; then `findings` says why. */
  readonly isReadable: boolean;
  /** The whole printed output, in the real tool's layout. */
  readonly lines: readonly string[];
  readonly findings: readonly Finding[];
}
