import type { OutputPiece } from '../../rpc/protocol.ts';
import { count } from '../draw/words.ts';

/** What the terminal prints: a command's output, or what the page has to say about it. */
export type Printed = OutputPiece | { readonly stream: 'remark'; readonly text: string };

/** Of each disk whose output waits its turn. */
const HELD_CHARACTERS_MAX = 262_144;
const PATIENCE_MILLISECONDS = 150;

interface Held {
  readonly name: string;
  pieces: { stream: OutputPiece['stream']; text: string }[];
  characters: number;
  isCut: boolean;
}

/**
 * One terminal for several disks that run the same line. Output is held until all have ended and printed once where
 * disks agree, under their names where they do not. A command that takes longer is followed on the first disk, the lead,
 * while the others' output waits.
 */
export class OutputFan {
  readonly #held: readonly Held[];
  readonly #print: (piece: Printed) => void;
  readonly #timer: ReturnType<typeof setTimeout> | null;
  #isFollowing = false;

  constructor(names: readonly string[], print: (piece: Printed) => void, patience = PATIENCE_MILLISECONDS) {
    this.#held = names.map((name) => ({ name, pieces: [], characters: 0, isCut: false }));
    this.#print = print;
    this.#isFollowing = names.length === 1;
    this.#timer = this.#isFollowing ? null : setTimeout(() => this.#follow(), patience);
  }

  /** For `DiskState.run` of the disk at `index`. */
  from(index: number): (piece: OutputPiece) => void {
    return (piece) => {
      const held = this.#held[index];
      if (held === undefined) return;
      if (index === 0 && this.#isFollowing) this.#print(piece);
      if (this.#held.length > 1) hold(held, piece);
    };
  }

  #follow(): void {
    this.#isFollowing = true;
    const [lead] = this.#held;
    for (const piece of lead?.pieces ?? []) this.#print(piece);
  }

  /** All have ended: print what was not printed yet. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#held.length <= 1) return;
    const groups = groupsOf(this.#held);
    const [lead] = this.#held;
    for (const group of groups) {
      const [first] = group;
      if (first === undefined) continue;
      const isShown = this.#isFollowing && lead !== undefined && group.includes(lead);
      if (groups.length > 1) this.#name(group, isShown);
      if (isShown) continue;
      for (const piece of first.pieces) this.#print(piece);
      if (!endsLine(first)) this.#print({ stream: 'stdout', text: '\n' });
    }
  }

  #name(group: readonly Held[], isShown: boolean): void {
    const names = group.map(({ name }) => name).join(' · ');
    const [first] = group;
    const isEmpty = first?.pieces.length === 0;
    const rest = isShown ? ': as above' : isEmpty ? ': no output' : '';
    this.#print({ stream: 'remark', text: `${names}${rest}\n` });
  }
}

function hold(held: Held, { stream, text }: OutputPiece): void {
  if (held.isCut) return;
  const room = HELD_CHARACTERS_MAX - held.characters;
  held.isCut = text.length > room;
  const kept = held.isCut
    ? `${text.slice(0, room)}\n… cut after ${count(HELD_CHARACTERS_MAX)} characters: run it on this disk alone to see more\n`
    : text;
  held.characters += text.length;
  const last = held.pieces.at(-1);
  if (last?.stream === stream) last.text += kept;
  else held.pieces.push({ stream, text: kept });
}

const endsLine = ({ pieces }: Held): boolean =>
  pieces.length === 0 || pieces.at(-1)?.text.endsWith('\n') === true;

/** Disks that printed the same, in the order of the bench. */
function groupsOf(all: readonly Held[]): Held[][] {
  const groups = new Map<string, Held[]>();
  for (const held of all) {
    const said = JSON.stringify(held.pieces);
    const group = groups.get(said);
    if (group) group.push(held);
    else groups.set(said, [held]);
  }
  return [...groups.values()];
}
