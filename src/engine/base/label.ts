/**
 * How true to the original a behaviour is. `exact`: as the specification or the real system has it; `policy`: where they
 * leave a choice, ours; `simplified`: known to be less than the original.
 */
export type LabelKind = 'exact' | 'policy' | 'simplified';

export interface Label {
  /** The behaviour, in a few words. */
  readonly what: string;
  readonly kind: LabelKind;
  /** Specification and section, or the program whose behaviour decides; empty where the choice is ours alone. */
  readonly source: string;
  /** One or more sentences. */
  readonly sentence: string;
}
