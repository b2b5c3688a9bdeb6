import { sentenceOf } from './sentence.ts';

export type Tone = 'note' | 'good' | 'bad';

export interface Message {
  readonly id: number;
  readonly tone: Tone;
  readonly text: string;
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

const MESSAGES_MAX = 4;

/** What the page has to say outside the panes: what happened, why, what to try. Never in the way, never a dialog. */
export class Messages {
  list = $state.raw<readonly Message[]>([]);
  #last = 0;

  say(tone: Tone, text: string, action: Message['action'] = null): void {
    const rest = this.list.filter((message) => message.text !== text);
    this.#last += 1;
    this.list = [...rest, { id: this.#last, tone, text, action }].slice(-MESSAGES_MAX);
  }

  /** `what` was being done, in words that continue 'could not': 'open disk.img'. */
  fail(what: string, error: unknown, action: Message['action'] = null): void {
    this.say('bad', `Could not ${what}: ${sentenceOf(error)}`, action);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((message) => message.id !== id);
  }

  clear(): void {
    this.list = [];
  }
}
