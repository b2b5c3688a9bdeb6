import type { EngineApi, NewDiskRequest, StepView } from '../../rpc/protocol.ts';
import type { Tab } from '../state/inspection.svelte.ts';

/**
 * A demonstration that runs by itself on a bench of its own and can be taken over at any time: a few beats, each with a
 * sentence, a line to run, and what its figures show. What is claimed is computed from what the engines did; nothing is
 * printed that they did not say.
 */
export interface Scene {
  readonly id: string;
  readonly title: string;
  readonly blurb: string;
  readonly disks: readonly NewDiskRequest[];
  readonly beats: readonly Beat[];
}

export interface Beat {
  /** What is about to happen, in one sentence. */
  readonly say: string;
  readonly line?: string;
  /** Which disk and which of its tabs to look at then. */
  readonly look?: { readonly format: string; readonly tab?: Tab; readonly path?: string };
  readonly claim?: (seen: Seen) => Claim | Promise<Claim>;
}

/** What a claim may look at: each disk by its format, after the beat's line. */
export interface Seen {
  /** What the line came to on this disk. */
  step(format: string): StepView;
  api(format: string): EngineApi;
  freeBytes(format: string): number;
}

export interface Claim {
  /** With the figures in it. */
  readonly sentence: string;
  /** Do the figures bear it out? If not, the page says that instead. */
  readonly holds: boolean;
}
