/**
 * Who caused a write. A step is a tree of spans: command ▸ system call ▸ operation; device writes hang below the span
 * that was open when they happened. Each span is one English sentence.
 *
 * Callers must ask `isRecording` before they build a sentence, so that bulk work pays nothing for being explainable:
 *
 *     if (trace.isRecording) trace.open('operation', `Append ${count} clusters to ${name}`);
 *     try { … } finally { if (trace.isRecording) trace.close(); }
 *
 * Recording never changes between the `open` and the `close` of one span.
 */
export interface Trace {
  readonly isRecording: boolean;
  open(level: SpanLevel, sentence: string): void;
  /** Ends the innermost open span. `result` is what came of it: '3 bytes', 'ENOSPC'. */
  close(result?: string): void;
}

export type SpanLevel = 'command' | 'call' | 'operation';

export const SILENT: Trace = { isRecording: false, open: () => {}, close: () => {} };
