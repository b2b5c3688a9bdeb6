import { expect } from 'vitest';
import { textOf } from '../../../../src/engine/base/bytes.ts';
import type { Scheme } from '../../../../src/engine/device/partition-map.ts';
import { createDisk } from '../../../../src/engine/session/new-disk.ts';
import { Session } from '../../../../src/engine/session/session.ts';
import { DEFAULT_SETTINGS } from '../../../../src/engine/session/settings.ts';
import type { SessionSettings } from '../../../../src/engine/session/settings.ts';

/** The whole machine with one disk, of FAT32 unless asked otherwise: for commands that ask for more than files. Lines go through the real shell. */
export interface SessionBenchOptions {
  readonly sizeBytes?: number;
  readonly scheme?: Scheme;
  readonly label?: string;
  readonly format?: string;
  /** `newfs -o` */
  readonly formatSettings?: Readonly<Record<string, string>>;
  /** A disk that is there already; nothing is made. */
  readonly store?: Session['store'];
  readonly settings?: Partial<SessionSettings>;
}

export class SessionBench {
  readonly session: Session;
  #output = '';

  constructor(options: SessionBenchOptions = {}) {
    const store = options.store ?? SessionBench.#newDisk(options);
    const settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.session = Session.open(store, 'test.img', settings, (_stream, bytes) => {
      this.#output += textOf(bytes);
    });
  }

  static #newDisk(options: SessionBenchOptions): Session['store'] {
    return createDisk({
      format: options.format ?? 'fat32',
      label: options.label ?? 'UNTITLED',
      scheme: options.scheme ?? 'mbr',
      settings: options.formatSettings ?? {},
      sizeBytes: options.sizeBytes ?? 64 * 2 ** 20,
      seed: 1,
    }).store;
  }

  /** What was printed and, unless 0, the exit code. */
  run(line: string): string {
    this.#output = '';
    const running = this.session.run(line);
    for (;;) {
      const step = running.next();
      if (step.done) return `${this.#output}${step.value.exitCode === 0 ? '' : `[${step.value.exitCode}]\n`}`;
    }
  }

  /** As `expectTranscript` of the small bench: lines after `$ `, and everything printed below them. */
  expectTranscript(transcript: string): void {
    const wanted = transcript.replace(/^\n/, '').replace(/\n *$/, '');
    expect(this.replay(wanted)).toBe(wanted);
  }

  replay(transcript: string): string {
    const lines = transcript.split('\n').filter((line) => line.startsWith('$ '));
    return lines
      .map((line) => `${line}\n${this.run(line.slice(2))}`)
      .join('')
      .replace(/\n$/, '');
  }
}
