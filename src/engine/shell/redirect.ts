import type { Redirect, Redirection } from 'unbash';
import { FsError, strerror } from '../base/errno.ts';
import {
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_IFMT,
  S_IFREG,
} from '../vfs/constants.ts';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { RedirectionError } from './errors.ts';
import { expandToText, expandWords } from './expand.ts';
import { SystemFile, TextFile, type OpenFile } from './streams.ts';
import { compileHereDocument, compileSingle } from './words.ts';

/**
 * Redirections through real system calls: `echo hi > f` is open, write, close. They are made from left to right in
 * the descriptor table of the environment; `undo` puts back what was there and closes what was opened.
 */
export class Redirections {
  readonly #environment: Environment;
  readonly #before: { number: number; file: OpenFile | undefined }[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** On RedirectionError those already made stay until `undo`. */
  *make(redirections: readonly Redirection[]): Running<void> {
    for (const redirection of redirections) yield* this.#makeOne(redirection);
  }

  undo(): void {
    let failure: FsError | undefined;
    for (const { number, file } of this.#before.splice(0).reverse()) {
      try {
        this.#environment.setDescriptor(number, file);
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        failure ??= error;
      }
    }
    if (failure) throw failure;
  }

  /** `exec > f`: what was made stays; what was there before is let go. */
  keep(): void {
    for (const { file } of this.#before.splice(0)) file?.release();
  }

  #set(number: number, file: OpenFile | undefined): void {
    const { descriptors } = this.#environment;
    this.#before.push({ number, file: descriptors.get(number)?.retain() });
    this.#environment.setDescriptor(number, file);
  }

  *#makeOne(redirection: Redirection): Running<void> {
    const { descriptor } = redirection;
    const given = descriptor?.type === 'FileDescriptor' ? descriptor.value : undefined;
    if (redirection.type === 'HereDoc') {
      const text = yield* expandToText(this.#environment, compileHereDocument(redirection));
      this.#set(given ?? 0, new TextFile(text));
      return;
    }
    if (redirection.type === 'HereString') {
      const word = redirection.target;
      const text = word ? yield* expandToText(this.#environment, compileSingle(word, 'plain')) : '';
      this.#set(given ?? 0, new TextFile(`${text}\n`));
      return;
    }
    const target = yield* this.#readTarget(redirection);
    const { operator } = redirection;
    if (operator === '<&' || operator === '>&') {
      if (/^[0-9]+$/.test(target) || target === '-') {
        this.#duplicate(given ?? (operator === '<&' ? 0 : 1), target);
        return;
      }
      if (operator === '<&' || given !== undefined)
        throw new RedirectionError(`${target}: ambiguous redirect`);
    }
    const file = this.#open(target, operator);
    this.#set(given ?? (operator === '<' || operator === '<>' ? 0 : 1), file);
    if (operator === '&>' || operator === '&>>' || operator === '>&') this.#set(2, file.retain());
  }

  *#readTarget({ target }: Redirect): Running<string> {
    const fields = target ? yield* expandWords(this.#environment, [target]) : [];
    const [only] = fields;
    if (fields.length !== 1 || only === undefined)
      throw new RedirectionError(`${target?.text ?? ''}: ambiguous redirect`);
    return only;
  }

  #duplicate(number: number, target: string): void {
    if (target === '-') {
      this.#set(number, undefined);
      return;
    }
    const file = this.#environment.descriptors.get(Number(target));
    if (!file) throw new RedirectionError(`${target}: ${strerror('EBADF')}`);
    this.#set(number, file.retain());
  }

  #open(path: string, operator: string): OpenFile {
    const { system } = this.#environment;
    try {
      return new SystemFile(system, system.open(path, this.#flags(path, operator), 0o666));
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      if (error.code === 'EEXIST') throw new RedirectionError(`${path}: cannot overwrite existing file`);
      const detail = error.detail === '' ? '' : ` (${error.detail})`;
      throw new RedirectionError(`${path}: ${strerror(error.code)}${detail}`, { cause: error });
    }
  }

  #flags(path: string, operator: string): number {
    switch (operator) {
      case '<':
        return O_RDONLY;
      case '<>':
        return O_RDWR | O_CREAT;
      case '>>':
      case '&>>':
        return O_WRONLY | O_CREAT | O_APPEND;
      default: {
        const mayClobber = operator === '>|' || !this.#environment.options.has('noclobber');
        return O_WRONLY | O_CREAT | (mayClobber || !this.#isRegularOrAbsent(path) ? O_TRUNC : O_EXCL);
      }
    }
  }

  /** Under `set -C` only regular files are guarded: `> /dev/null` still works. */
  #isRegularOrAbsent(path: string): boolean {
    try {
      return (this.#environment.system.stat(path).mode & S_IFMT) === S_IFREG;
    } catch (error) {
      if (error instanceof FsError) return true;
      throw error;
    }
  }
}
