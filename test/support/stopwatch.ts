/**
 * Time the work itself took: the shorter of time passed and processor time of the process. The first is right on an idle
 * machine, where the collector runs beside; the second where others compete for the processors.
 */
export class Stopwatch {
  readonly #wallStart = performance.now();
  readonly #processorStart = process.cpuUsage();

  get milliseconds(): number {
    const { user, system } = process.cpuUsage(this.#processorStart);
    return Math.min(performance.now() - this.#wallStart, (user + system) / 1000);
  }
}

export function millisecondsOf(work: () => unknown): number {
  const watch = new Stopwatch();
  work();
  return watch.milliseconds;
}

/** Milliseconds of the best run. */
export const fastest = (count: number, work: () => unknown): number =>
  Math.min(...Array.from({ length: count }, () => millisecondsOf(work)));
