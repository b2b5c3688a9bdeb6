/** Sentences kept for one write: what a person reads at a glance. */
const NOTES_MAX = 3;

/**
 * Which sectors of a directory changed since they were written, and in which order they may go out.
 *
 * An entry set in two sectors needs its end on the device before its beginning, which makes it a file. So a sector may
 * have to wait for the one behind it; rounds are what can be written between two barriers.
 */
export class DirtySectors {
  #states = new Uint8Array(0);
  #sectors: number[] = [];
  #rounds: number[][] = [];
  /** What happened, for people: kept only while somebody records. */
  readonly #notes: string[] = [];

  /** `waits`: until the sector behind it is written. Returns whether it was clean until now. */
  mark(sector: number, waits: boolean): boolean {
    if (sector >= this.#states.length) this.#reserve(sector + 1);
    const state = this.#states[sector] ?? 0;
    this.#states[sector] = state | (waits ? DIRTY | WAITS : DIRTY);
    if (state !== 0) return false;
    this.#sectors.push(sector);
    return true;
  }

  #reserve(sectorCount: number): void {
    const states = new Uint8Array(Math.max(sectorCount, this.#states.length * 2));
    states.set(this.#states);
    this.#states = states;
  }

  get isEmpty(): boolean {
    return this.#sectors.length === 0;
  }

  note(sentence: string): void {
    if (this.#notes.length < NOTES_MAX) this.#notes.push(sentence);
  }

  /** What was noted, or `reason`. */
  inWords(reason: string): string {
    return this.#notes.length === 0 ? reason : this.#notes.join(', ');
  }

  /** How many rounds there are now. */
  sortIntoRounds(): number {
    this.#sectors.sort((a, b) => a - b);
    this.#rounds = [];
    let next = -2;
    let round = 0;
    for (const sector of this.#sectors.toReversed()) {
      const waits = this.#states[sector] === (DIRTY | WAITS) && sector === next - 1;
      round = waits ? round + 1 : 0;
      (this.#rounds[round] ??= []).push(sector);
      next = sector;
    }
    for (const sectors of this.#rounds) sectors.reverse();
    return this.#rounds.length;
  }

  /** Sectors of one round, ascending. */
  round(number: number): readonly number[] {
    return this.#rounds[number] ?? [];
  }

  /** Everything is on its way, or not needed any more. */
  clear(): void {
    for (const sector of this.#sectors) this.#states[sector] = 0;
    this.#sectors = [];
    this.#rounds = [];
    if (this.#notes.length > 0) this.#notes.length = 0;
  }
}

const DIRTY = 1;
const WAITS = 2;
