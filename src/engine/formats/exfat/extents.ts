import type { ClusterRun } from './alloc.ts';
import { damaged } from './damage.ts';
import { FAT_END, FIRST_CLUSTER } from './layout.ts';
import type { Geometry } from './layout.ts';
import type { FileAllocationTable } from './table.ts';

const LOOKED_THROUGH_RUNS_MAX = 64;

/**
 * The clusters of one file as a list of contiguous runs. A file marked NoFatChain is one run and asks nobody; of any
 * other the chain is read from the FAT as far as somebody needed it.
 *
 * Reaching cluster n of the file costs O(log runs) once it is known; learning costs one step per cluster, once. A
 * chain on the disk may be anything: a loop or a cluster out of range is EIO for whoever goes that far, and every walk
 * ends (Brent's loop detection).
 */
export class Chain {
  readonly #fat: FileAllocationTable;
  /** Runs: cluster index within the file, and cluster number, of each first cluster. */
  readonly #starts: number[] = [];
  readonly #clusters: number[] = [];
  #known = 0;
  #last = 0;
  #isComplete: boolean;
  #damage = '';
  #isContiguous = false;

  // Brent: a mark that jumps ahead at growing distances; meeting it again is a loop.
  #mark = 0;
  #stepsToMark = 1;
  #stepsSinceMark = 0;

  /** The chain that begins at `first`; 0: none. */
  constructor(fat: FileAllocationTable, first: number) {
    this.#fat = fat;
    this.#isComplete = first === 0;
    if (first !== 0) this.#learn(first);
  }

  /** One run as NoFatChain has it. Of clusters beyond the heap's end nothing is believed. */
  static contiguous(fat: FileAllocationTable, geometry: Geometry, first: number, count: number): Chain {
    const chain = new Chain(fat, 0);
    const end = geometry.clusterCount + FIRST_CLUSTER;
    const known = fat.isInChain(first) ? Math.min(count, end - first) : 0;
    if (known > 0) chain.append([{ first, count: known }]);
    if (known < count)
      chain.#damage = `its clusters ${first} to ${first + count - 1} are not all in the volume`;
    return chain;
  }

  /** Are all clusters one run that needs no FAT? False for a file without clusters. */
  get isContiguous(): boolean {
    return this.#isContiguous;
  }

  get first(): number {
    return this.#clusters[0] ?? 0;
  }

  /** Last cluster of the known part, 0 of an empty chain. */
  get lastKnown(): number {
    return this.#last;
  }

  /** How many of the first `wanted` clusters there are: fewer than `wanted` only when the chain ends or is damaged. */
  reach(wanted: number): number {
    while (this.#known < wanted && !this.#isComplete) this.#step();
    return Math.min(this.#known, wanted);
  }

  /** Clusters of the whole chain up to where it ends or is damaged. */
  get length(): number {
    return this.reach(Infinity);
  }

  /** EIO when the chain is known to be damaged where it stops. */
  assertSound(): void {
    if (this.#damage !== '') throw damaged(this.#damage);
  }

  /** Cluster number of cluster `index` of the file. The caller has made sure with `reach` that there is one. */
  at(index: number): number {
    const run = this.#runOf(index);
    return (this.#clusters[run] ?? 0) + index - (this.#starts[run] ?? 0);
  }

  /** How many clusters from `index` on lie one behind the other, as far as the chain is known. */
  contiguousFrom(index: number): number {
    const end = this.#starts[this.#runOf(index) + 1] ?? this.#known;
    return end - index;
  }

  #runOf(index: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    // Most files are one run, most accesses go to the last one.
    if (index >= (this.#starts[high] ?? 0)) return high;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #step(): void {
    const next = this.#fat.get(this.#last);
    if (next === FAT_END) this.#isComplete = true;
    else this.#learn(next);
  }

  #learn(cluster: number): void {
    if (!this.#fat.isInChain(cluster)) {
      this.#stop(`its chain leads to cluster ${cluster}, which cannot hold data`);
    } else if (cluster !== this.#last + 1 && this.#leadsBack(cluster)) {
      this.#stop(`its chain runs in a circle through cluster ${cluster}`);
    } else if (cluster === this.#mark) {
      this.#keep(this.#distinctClusters());
      this.#stop(`its chain runs in a circle through cluster ${cluster}`);
    } else {
      this.#append(cluster, 1);
      if (++this.#stepsSinceMark === this.#stepsToMark) {
        this.#mark = cluster;
        this.#stepsToMark *= 2;
        this.#stepsSinceMark = 0;
      }
    }
  }

  /** A jump into a run known already is a loop. Looked for in few runs only; Brent finds the others, later. */
  #leadsBack(cluster: number): boolean {
    const runs = this.#clusters.length;
    if (runs > LOOKED_THROUGH_RUNS_MAX) return false;
    for (let run = 0; run < runs; run++) {
      const first = this.#clusters[run] ?? 0;
      const count = (this.#starts[run + 1] ?? this.#known) - (this.#starts[run] ?? 0);
      if (cluster >= first && cluster < first + count) return true;
    }
    return false;
  }

  /** Of a chain found to be a loop: Brent's second phase, clusters before the loop and in it, each counted once. */
  #distinctClusters(): number {
    const loopLength = this.#stepsSinceMark + 1;
    let before = 0;
    let slow = this.first;
    let fast = this.first;
    for (let i = 0; i < loopLength; i++) fast = this.#fat.get(fast);
    for (; slow !== fast; before++) {
      slow = this.#fat.get(slow);
      fast = this.#fat.get(fast);
    }
    return before + loopLength;
  }

  #stop(damage: string): void {
    this.#isComplete = true;
    this.#damage = damage;
  }

  #append(first: number, count: number): void {
    if (this.#known === 0 || first !== this.#last + 1) {
      this.#starts.push(this.#known);
      this.#clusters.push(first);
    }
    this.#known += count;
    this.#last = first + count - 1;
  }

  /** Would these clusters behind the end leave one run that needs no FAT? */
  staysContiguousWith(runs: readonly ClusterRun[]): boolean {
    const isPlainEnd = this.#known === 0 || (this.#isContiguous && runs[0]?.first === this.#last + 1);
    return isPlainEnd && runs.length === 1;
  }

  /** Clusters taken behind the end. The chain has been walked to its end before. */
  append(runs: readonly ClusterRun[]): void {
    this.#isContiguous = this.staysContiguousWith(runs);
    for (const run of runs) this.#append(run.first, run.count);
    this.#isComplete = true;
  }

  /** Undo `append`: back to `count` clusters, which were `isContiguous`. */
  takeBack(count: number, isContiguous: boolean): void {
    this.#keep(count);
    this.#isContiguous = isContiguous;
  }

  /** Forget everything from cluster `count` on; returns it as runs, to be freed. */
  cut(count: number): ClusterRun[] {
    const all = this.length;
    const cut: ClusterRun[] = [];
    for (let index = count; index < all;) {
      const run = { first: this.at(index), count: this.contiguousFrom(index) };
      cut.push(run);
      index += run.count;
    }
    this.#keep(count);
    this.#damage = '';
    if (count === 0) this.#isContiguous = false;
    return cut;
  }

  #keep(count: number): void {
    while ((this.#starts.at(-1) ?? -1) >= count) {
      this.#starts.pop();
      this.#clusters.pop();
    }
    this.#known = Math.min(this.#known, count);
    this.#last = this.#known === 0 ? 0 : this.at(this.#known - 1);
  }

  /** Everything, in order. */
  runs(): ClusterRun[] {
    const all = this.length;
    return this.#starts.map((start, i) => ({
      first: this.#clusters[i] ?? 0,
      count: (this.#starts[i + 1] ?? all) - start,
    }));
  }
}
