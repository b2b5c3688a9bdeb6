import { slotOf, type Slots } from './slots.ts';
import type { Tape, TapeRange } from './tape.ts';

/**
 * A short fingerprint of what a stretch of tape did to the disk: every access in order, with its bytes. It tells
 * whether lines that are run again give what they gave the first time; against a forger it is no help.
 */
const BUFFER_BYTES = 2 ** 18;
const FIRST_FACTOR = 0x9e3779b1;
const SECOND_FACTOR = 0x85ebca77;

export function digestOf(slots: Slots, tape: Tape, { from, to }: TapeRange): string {
  const mixer = new Mixer();
  const buffer = new Uint8Array(BUFFER_BYTES);
  const words = new Uint32Array(buffer.buffer);
  const atOnce = BUFFER_BYTES / slots.slotSizeBytes;
  for (let entry = from; entry < to; entry++) {
    mixer.number(KIND_NUMBERS[tape.kindAt(entry)]);
    mixer.number(tape.firstBlockAt(entry));
    mixer.number(tape.blockCountAt(entry));
    tape.pieces(entry, (_, count, value) => {
      if (value < -1) {
        const { seed, originBytes } = slots.generatedRun(value);
        mixer.number(seed);
        mixer.number(originBytes);
      }
      if (value <= 0) mixer.number(count);
      for (let done = 0; value > 0 && done < count; done += atOnce) {
        const here = Math.min(atOnce, count - done);
        slots.load(slotOf(value) + done, here, buffer, 0);
        mixer.words(words, (here * slots.slotSizeBytes) / 4);
      }
    });
  }
  return mixer.text();
}

const KIND_NUMBERS = { write: 1, fill: 2, trim: 3, barrier: 4 } as const;

/** Two sums of 32 bits that never meet. */
class Mixer {
  #first = 0x2545f491;
  #second = 0x27d4eb2f;

  words(words: Uint32Array, count: number): void {
    let first = this.#first;
    let second = this.#second;
    for (let i = 0; i < count; i++) {
      const word = words[i]!;
      first = Math.imul(first ^ word, FIRST_FACTOR);
      first = (first << 13) | (first >>> 19);
      second = Math.imul(second + word, SECOND_FACTOR);
      second = second ^ (second >>> 15);
    }
    this.#first = first;
    this.#second = second;
  }

  number(value: number): void {
    this.words(Uint32Array.of(value >>> 0, Math.floor(value / 2 ** 32) >>> 0), 2);
  }

  text(): string {
    const part = (value: number) => (value >>> 0).toString(16).padStart(8, '0');
    return part(this.#first) + part(this.#second);
  }
}
