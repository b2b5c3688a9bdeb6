import type { Role } from '../../base/role.ts';
import type { Device } from '../../device/device.ts';
import { ClaimCollector, RANK } from './view-claims.ts';
import type { Claim, Holding } from './view-claims.ts';
import { ContainerView } from './view-container.ts';
import type { StreamFiles } from './view-streams.ts';

/**
 * Who holds what in a container, for those who explain it. Of one block it costs a pass over the records of all
 * volumes; whoever asks about many asks for `segments` first. Describes the device as it was when the index was made.
 */
export class OwnerIndex {
  readonly container: ContainerView;
  #segments: readonly Segment[] | undefined;

  constructor(device: Device) {
    this.container = new ContainerView(device);
  }

  /** Every block of the container, ascending, without gaps. */
  get segments(): readonly Segment[] {
    this.#segments ??= this.#between(0, this.container.blockCount);
    return this.#segments;
  }

  /** What one block is for; undefined outside the container. */
  segmentOf(block: number): Segment | undefined {
    if (!(block >= 0 && block < this.container.blockCount)) return undefined;
    if (!this.#segments) return this.#between(block, block + 1)[0];
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#segments[middle]?.first ?? 0) <= block) low = middle;
      else high = middle - 1;
    }
    return this.#segments[low];
  }

  #between(first: number, end: number): Segment[] {
    if (this.container.problem !== '') return [{ first, end, role: 'reserved', owner: '', holders: [] }];
    const claims: Claim[] = [];
    new ClaimCollector(this.container, first, end, (claim) => claims.push(claim)).collect();
    const sweep = new Sweep(this.container, first);
    for (const claim of claims.sort((a, b) => a.first - b.first)) sweep.add(claim);
    return sweep.finish(end);
  }
}

/** Blocks of one purpose. */
export interface Segment {
  readonly first: number;
  readonly end: number;
  readonly role: Role;
  readonly owner: string;
  /** The claims that decided: several where files share blocks, none where only the bitmap speaks. */
  readonly holders: readonly Holding[];
  /** Of contents: how many files share them; Infinity where they were not all counted. */
  readonly fileCount?: number;
}

/** So many claims on one block are looked at: on a sound volume every one of them is a clone. */
const CLAIMS_MAX = 16;
/** So many files are named where blocks are shared. */
const NAMES_MAX = 2;

/** Goes over claims in the order of their first blocks and says what each stretch is. */
class Sweep {
  readonly #container: ContainerView;
  readonly #segments: Segment[] = [];
  /** Of streams that hold their blocks alone. */
  readonly #names = new Map<StreamFiles, Named>();
  #open: Claim[] = [];
  #at: number;

  constructor(container: ContainerView, first: number) {
    this.#container = container;
    this.#at = first;
  }

  /** Claims come in ascending order of `first`. */
  add(claim: Claim): void {
    this.#advance(claim.first);
    if (this.#open.length < CLAIMS_MAX) this.#open.push(claim);
    else {
      const worst = this.#open.reduce((a, b) => (b.rank > a.rank ? b : a));
      if (claim.rank < worst.rank) this.#open[this.#open.indexOf(worst)] = claim;
    }
  }

  finish(end: number): Segment[] {
    this.#advance(end);
    return this.#segments;
  }

  /** Says what lies before `to`. */
  #advance(to: number): void {
    while (this.#at < to) {
      if (this.#open.length === 0) {
        this.#unheld(this.#at, to);
        this.#at = to;
        return;
      }
      let next = to;
      for (const { end } of this.#open) if (end < next) next = end;
      if (next > this.#at) this.#held(this.#at, next);
      this.#at = next;
      if (this.#open.some(({ end }) => end <= next)) this.#open = this.#open.filter(({ end }) => end > next);
    }
  }

  #held(first: number, end: number): void {
    const [only] = this.#open;
    if (only && this.#open.length === 1) {
      this.#say(first, end, only.rank, [only.what]);
      return;
    }
    const rank = this.#open.reduce((best, claim) => Math.min(best, claim.rank), Infinity);
    const best = this.#open.filter((claim) => claim.rank === rank).map(({ what }) => what);
    this.#say(first, end, rank, best);
  }

  #say(first: number, end: number, rank: number, best: readonly Holding[]): void {
    this.#push({ first, end, ...(rank <= RANK.snapshot ? this.#ofContents(best, rank) : this.#other(best)) });
  }

  #other(best: readonly Holding[]): Owned {
    const [what] = best;
    if (what?.kind === 'queue')
      return { role: 'reserved', owner: `free queue, transaction ${what.xid}`, holders: [what] };
    if (what?.kind !== 'reference') return { role: 'reserved', owner: '', holders: best };
    const prefix = this.#container.prefixOf(what.volume);
    return { role: what.role, owner: `${prefix}contents of object ${what.ownerId}`, holders: [what] };
  }

  #ofContents(best: readonly Holding[], rank: number): Owned {
    const [first] = best;
    if (first?.kind === 'structure') return { role: first.role, owner: first.owner, holders: [first] };
    const streams = best.filter((what) => what.kind === 'stream');
    if (rank === RANK.live) return { ...this.#ofStreams(streams), holders: streams };
    const newest = streams.reduce((a, b) => (b.view.xid > a.view.xid ? b : a));
    const { name } = newest.view.snapshot ?? { name: '' };
    const { prefix, names, total } = this.#named([newest]);
    const owner = `${prefix}snapshot ${name}: ${names}`;
    return { role: 'pinned', owner, holders: [newest], fileCount: total };
  }

  #ofStreams(streams: readonly StreamHolding[]): Omit<Owned, 'holders'> {
    const { prefix, names, total } = this.#named(streams);
    return { role: total > 1 ? 'shared' : 'data', owner: `${prefix}${names}`, fileCount: total };
  }

  /** Names of the files that hold these streams. */
  #named(streams: readonly StreamHolding[]): Named {
    const [one, other] = streams;
    const alone = one && !other ? one.files.filesOf(one.view, one.run) : undefined;
    if (one && alone?.total === 1) {
      // Nearly every file: nothing to gather.
      const prefix = this.#container.prefixOf(one.view.volume);
      return { prefix, names: alone.files[0]?.path ?? '', total: 1 };
    }
    const known = alone && this.#names.get(alone);
    if (known) return known;
    const paths = new Set<string>();
    let total = 0;
    const seen = new Set<StreamFiles>();
    for (const { view, run, files } of streams) {
      const found = files.filesOf(view, run);
      if (seen.has(found)) continue;
      seen.add(found);
      total += found.total;
      for (const { path } of found.files) paths.add(path);
    }
    // Claims beyond these were not kept: there may be any number of them.
    if (streams.length >= CLAIMS_MAX) total = Infinity;
    const prefix = one ? this.#container.prefixOf(one.view.volume) : '';
    const named = { prefix, names: listed([...paths].sort(), total), total };
    if (alone) this.#names.set(alone, named);
    return named;
  }

  /** Nobody claims it: the bitmap says whether it is free. */
  #unheld(first: number, end: number): void {
    const { space } = this.#container;
    if (!space) {
      this.#push({ first, end, role: 'free', owner: '', holders: [] });
      return;
    }
    const isEncrypted = this.#container.superblock.keybagCount > 0;
    const unknown = isEncrypted ? BEHIND_KEYBAG : LOST;
    let at = first;
    for (const [from, to] of space.usedRuns(first, end)) {
      if (from > at) this.#push({ first: at, end: from, role: 'free', owner: '', holders: [] });
      this.#push({ first: from, end: to, ...unknown, holders: [] });
      at = to;
    }
    if (end > at) this.#push({ first: at, end, role: 'free', owner: '', holders: [] });
  }

  #push(segment: Segment): void {
    this.#segments.push(segment);
  }
}

/** Used by the bitmap, and nobody knows by whom. */
const LOST = { role: 'data', owner: 'lost blocks' } as const;
/** The same where an encrypted container keeps secret where its volumes' keybags lie. */
const BEHIND_KEYBAG = { role: 'reserved', owner: 'known to the encrypted keybag only' } as const;

type Owned = Pick<Segment, 'role' | 'owner' | 'holders' | 'fileCount'>;
type StreamHolding = Extract<Holding, { kind: 'stream' }>;

interface Named {
  readonly prefix: string;
  readonly names: string;
  readonly total: number;
}

/** 'a and b', 'a, b and 3 more', 'a, b and many more' */
function listed(paths: readonly string[], total: number): string {
  if (total <= NAMES_MAX) return paths.join(' and ');
  const more = total === Infinity ? 'many' : String(total - NAMES_MAX);
  return `${paths.slice(0, NAMES_MAX).join(', ')} and ${more} more`;
}
