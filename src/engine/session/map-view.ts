import { roleIndex, ROLES } from '../base/role.ts';
import type { Role } from '../base/role.ts';
import type { Region } from '../formats/survey.ts';
import type { MapView } from './view.ts';

/**
 * Block roles resampled for drawing. Costs what the regions in range and the cells cost, never what the blocks would:
 * a 16 TB disk is drawn from a few thousand runs.
 */
export interface MapRequest {
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly cellsMax: number;
}

/**
 * How much one block of a role says about its cell. A lone boot sector among a thousand blocks of data must be seen;
 * free space shows only where there is nothing else.
 */
const WEIGHT: Readonly<Record<Role, number>> = {
  free: 0,
  reserved: 1,
  data: 2,
  allocation: 4,
  journal: 8,
  tree: 16,
  references: 16,
  checkpoint: 64,
  shared: 2,
  pinned: 2,
  directory: 1024,
  header: 65_536,
  partition: 65_536,
  bad: 2 ** 24,
};
const WEIGHTS = ROLES.map((role) => WEIGHT[role]);
const FREE = roleIndex('free');

/**
 * `regions`: of the whole disk, ascending, without gaps. `written`: [first, count, …] of the step shown, then of the
 * steps before it, the newest first. A request beyond the disk's end is cut to it.
 */
export function mapView(
  regions: readonly Region[],
  diskBlockCount: number,
  request: MapRequest,
  written: Iterable<Float64Array>,
): MapView {
  const firstBlock = clamp(Math.floor(request.firstBlock), 0, diskBlockCount);
  const blockCount = clamp(Math.floor(request.blockCount), 0, diskBlockCount - firstBlock);
  const cellsMax = clamp(Math.floor(request.cellsMax), 1, CELLS_MAX);
  const blocksPerCell = Math.max(1, Math.ceil(blockCount / cellsMax));
  const cells = new Cells(firstBlock, blockCount, blocksPerCell);

  for (let i = regionAt(regions, firstBlock); i < regions.length; i++) {
    const region = regions[i];
    if (region === undefined || region.firstBlock >= firstBlock + blockCount) break;
    cells.add(region);
  }
  let age = 0;
  for (const ranges of written) {
    for (let i = 0; i + 1 < ranges.length; i += 2) cells.grow(age, ranges[i] ?? 0, ranges[i + 1] ?? 0);
    if (++age === AGE_UNKNOWN) break;
  }
  return cells.view();
}

/** Written longer ago than anybody counts, or before the history began. */
const AGE_UNKNOWN = 255;
/** As many holders as a cell can say; more look the same. */
const HOLDERS_MAX = 255;

/** More cells than any screen has pixels for. */
const CELLS_MAX = 1 << 20;

const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(Number.isFinite(value) ? value : low, low), high);

/** Index of the first region that ends after `block`. */
export function regionAt(regions: readonly Region[], block: number): number {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const region = regions[middle];
    if (region !== undefined && region.firstBlock + region.blockCount <= block) low = middle + 1;
    else high = middle;
  }
  return low;
}

class Cells {
  readonly #roles: Uint8Array;
  readonly #used: Float64Array;
  readonly #score: Float64Array;
  readonly #holders: Uint8Array;
  readonly #chainEnds: Uint8Array;
  readonly #age: Uint8Array;
  /** Of each cell whose age is known, a later one; of others the cell itself. Stretches are stepped over at once. */
  readonly #ageless: Uint32Array;
  readonly #owner: Uint32Array;
  readonly #owners = [''];
  readonly #ownerIndex = new Map([['', 0]]);

  constructor(
    readonly firstBlock: number,
    readonly blockCount: number,
    readonly blocksPerCell: number,
  ) {
    const count = Math.ceil(blockCount / blocksPerCell);
    this.#roles = new Uint8Array(count);
    this.#used = new Float64Array(count);
    this.#score = new Float64Array(count);
    this.#holders = new Uint8Array(count);
    this.#chainEnds = new Uint8Array(count);
    this.#age = new Uint8Array(count).fill(AGE_UNKNOWN);
    this.#ageless = new Uint32Array(count + 1);
    for (let cell = 0; cell <= count; cell++) this.#ageless[cell] = cell;
    this.#owner = new Uint32Array(count);
  }

  add(region: Region): void {
    const role = roleIndex(region.role);
    if (role === FREE) return;
    const owner = this.#ownerNumber(region.owner);
    const holders = Math.min(region.holderCount ?? 1, HOLDERS_MAX);
    if (region.endsChain)
      this.#each(region.firstBlock + region.blockCount - 1, 1, (cell) => (this.#chainEnds[cell] = 1));
    this.#each(region.firstBlock, region.blockCount, (cell, blocks) => {
      this.#used[cell] = (this.#used[cell] ?? 0) + blocks;
      if (holders > (this.#holders[cell] ?? 0)) this.#holders[cell] = holders;
      const score = blocks * (WEIGHTS[role] ?? 0);
      if (score <= (this.#score[cell] ?? 0)) return;
      this.#score[cell] = score;
      this.#roles[cell] = role;
      this.#owner[cell] = owner;
    });
  }

  /** Cells that these blocks touch and no younger ones did were written `age` steps ago. */
  grow(age: number, first: number, count: number): void {
    const from = Math.max(first - this.firstBlock, 0);
    const to = Math.min(first + count - this.firstBlock, this.blockCount);
    if (from >= to) return;
    const last = Math.floor((to - 1) / this.blocksPerCell);
    for (let cell = this.#agelessFrom(Math.floor(from / this.blocksPerCell)); cell <= last;) {
      this.#age[cell] = age;
      this.#ageless[cell] = cell + 1;
      cell = this.#agelessFrom(cell + 1);
    }
  }

  #agelessFrom(cell: number): number {
    let end = cell;
    while (this.#ageless[end] !== end) end = this.#ageless[end] ?? end;
    // The way is made shorter for the next who comes along.
    for (let at = cell; at < end;) {
      const next = this.#ageless[at] ?? end;
      this.#ageless[at] = end;
      at = next;
    }
    return end;
  }

  /** Calls `visit` for every cell that the blocks fall into, with how many of them do. */
  #each(first: number, count: number, visit: (cell: number, blocks: number) => void): void {
    const from = Math.max(first - this.firstBlock, 0);
    const to = Math.min(first + count - this.firstBlock, this.blockCount);
    for (let at = from; at < to;) {
      const cell = Math.floor(at / this.blocksPerCell);
      const next = Math.min((cell + 1) * this.blocksPerCell, to);
      visit(cell, next - at);
      at = next;
    }
  }

  #ownerNumber(owner: string): number {
    const known = this.#ownerIndex.get(owner);
    if (known !== undefined) return known;
    this.#ownerIndex.set(owner, this.#owners.length);
    return this.#owners.push(owner) - 1;
  }

  view(): MapView {
    const fill = this.#used.map((used, cell) => {
      const blocks = Math.min(this.blocksPerCell, this.blockCount - cell * this.blocksPerCell);
      // Rounded up: a cell with one used block among thousands must not look empty.
      return Math.ceil((used / blocks) * 255);
    });
    return {
      firstBlock: this.firstBlock,
      blockCount: this.blockCount,
      blocksPerCell: this.blocksPerCell,
      roles: this.#roles,
      fill: Uint8Array.from(fill),
      written: this.#age.map((age) => (age === 0 ? 1 : 0)),
      age: this.#age,
      holders: this.#holders,
      chainEnds: this.#chainEnds,
      owner: this.#owner,
      owners: this.#owners,
    };
  }
}
