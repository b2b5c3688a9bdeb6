import type { MomentPair } from '../../rpc/protocol.ts';
import { visible } from '../draw/words.ts';
import type { BenchMoment } from './bench-history.svelte.ts';
import type { Bench } from './bench.svelte.ts';
import type { Column } from './column.svelte.ts';
import type { Playback } from './playback.svelte.ts';

/** What the pane of two moments needs to know of one disk. */
export interface MarkedMoments {
  readonly pair: MomentPair;
  readonly wordsBefore: string;
  readonly wordsAfter: string;
  readonly onswap: () => void;
  readonly onclear: () => void;
}

/** Null until both are marked. */
export function markedMoments(bench: Bench, playback: Playback, column: Column): MarkedMoments | null {
  const { markA, markB } = playback;
  if (markA === null || markB === null) return null;
  const words = ({ number, write }: BenchMoment) => {
    const step = bench.history.step(number);
    if (number === 0 || step === null) return 'before the first step';
    const branch = step.branch === 'main' ? '' : ` on ${playback.bookmarks.nameOf(step.branch)}`;
    const inside = write === undefined ? '' : `, after access ${write + 1}`;
    return `step ${step.depth}${branch}: ${visible(step.line)}${inside}`;
  };
  return {
    pair: { before: bench.momentOf(column, markA), after: bench.momentOf(column, markB) },
    wordsBefore: words(markA),
    wordsAfter: words(markB),
    onswap: () => {
      playback.markA = markB;
      playback.markB = markA;
    },
    onclear: () => {
      playback.markA = null;
      playback.markB = null;
      for (const { inspection } of bench.columns) if (inspection.tab === 'Moments') inspection.tab = 'Files';
    },
  };
}
