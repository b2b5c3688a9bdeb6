/** Time as POSIX has it: seconds since 1970-01-01T00:00:00Z and nanoseconds within the second. Never a BigInt. */
export interface Timespec {
  readonly seconds: number;
  readonly nanoseconds: number; // 0 … 999 999 999
}

/** Where the engine gets its time from. It is simulated: devices and `sleep` advance it, nothing else does. */
export interface Clock {
  now(): Timespec;
  advance(nanoseconds: number): void;
}

const NANOSECONDS_PER_SECOND = 1_000_000_000;

/** A clock that stands still until somebody advances it; the same script therefore stamps the same times everywhere. */
export class SimulatedClock implements Clock {
  #seconds: number;
  #nanoseconds: number;

  constructor(start: Timespec = { seconds: Date.UTC(2026, 0, 1, 9) / 1000, nanoseconds: 0 }) {
    this.#seconds = start.seconds;
    this.#nanoseconds = start.nanoseconds;
  }

  now(): Timespec {
    return { seconds: this.#seconds, nanoseconds: Math.floor(this.#nanoseconds) };
  }

  advance(nanoseconds: number): void {
    const total = this.#nanoseconds + nanoseconds;
    this.#seconds += Math.floor(total / NANOSECONDS_PER_SECOND);
    this.#nanoseconds = total % NANOSECONDS_PER_SECOND;
  }
}
