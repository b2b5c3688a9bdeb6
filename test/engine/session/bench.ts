import { textOf } from '../../../src/engine/base/bytes.ts';
import { createDisk } from '../../../src/engine/session/new-disk.ts';
import { Session } from '../../../src/engine/session/session.ts';
import { DEFAULT_SETTINGS } from '../../../src/engine/session/settings.ts';
import type { SessionSettings } from '../../../src/engine/session/settings.ts';

/** A session on a new disk, and a host for it that pumps every line to its end. */
export interface Bench {
  readonly session: Session;
  /** Runs a line; returns what it printed on both streams. */
  run(line: string, typed?: readonly (string | null)[]): string;
}

export interface BenchOptions extends Partial<SessionSettings> {
  readonly sizeBytes?: number;
  readonly scheme?: 'none' | 'gpt' | 'mbr';
  readonly format?: string;
  readonly diskSettings?: Record<string, string>;
}

export function bench(options: BenchOptions = {}): Bench {
  const { sizeBytes = 2 ** 26, scheme = 'none', format = 'fat32', diskSettings = {}, ...settings } = options;
  const { store } = createDisk({
    ...{ format, label: 'BENCH', sizeBytes, scheme, settings: diskSettings },
    seed: settings.seed ?? DEFAULT_SETTINGS.seed,
  });
  return benchOn(store, settings);
}

export function benchOn(store: Session['store'], settings: Partial<SessionSettings> = {}): Bench {
  return benchOf((onOutput) =>
    Session.open(store, 'bench.img', { ...DEFAULT_SETTINGS, ...settings }, onOutput),
  );
}

/** A host for whatever session `open` makes. */
export function benchOf(open: (onOutput: (stream: string, bytes: Uint8Array) => void) => Session): Bench {
  let printed = '';
  const session = open((_, bytes) => (printed += textOf(bytes)));
  return {
    session,
    run(line, typed = []) {
      printed = '';
      const running = session.run(line);
      let next = 0;
      for (;;) {
        const { done } = running.next();
        if (done === true) return printed;
        if (session.isWaitingForInput) session.type(typed[next++] ?? null);
      }
    },
  };
}
