/**
 * Names that were found or made lately and the inodes they lead to, as kernels keep them: whoever asks for one again is
 * spared the way through the tree. It is spelt as the directory has it; another spelling that means the same is looked
 * for in the tree every time. Records of directories are changed in one place (directory-records.ts), which says so here:
 * what is known is what the tree says, so it decides how soon an answer is found and nothing else.
 */
export class NameCache {
  /** By directory: spelling → number of the inode. None of them is empty. */
  readonly #directories = new Map<number, Map<string, number>>();
  readonly #namesMax: number;
  #count = 0;

  constructor(namesMax = NAMES_MAX) {
    this.#namesMax = namesMax;
  }

  find(directoryId: number, spelling: string): number | undefined {
    return this.#directories.get(directoryId)?.get(spelling);
  }

  /** One that is not known yet. */
  add(directoryId: number, spelling: string, fileId: number): void {
    // Bytes that make no sense as UTF-8 read like that too.
    if (spelling.includes('\uFFFD')) return;
    if (this.#count >= this.#namesMax) this.clear();
    let names = this.#directories.get(directoryId);
    if (names === undefined) {
      names = new Map<string, number>();
      this.#directories.set(directoryId, names);
    }
    names.set(spelling, fileId);
    this.#count++;
  }

  forget(directoryId: number, spelling: string): void {
    const names = this.#directories.get(directoryId);
    if (names?.delete(spelling) !== true) return;
    this.#count--;
    if (names.size === 0) this.#directories.delete(directoryId);
  }

  clear(): void {
    this.#directories.clear();
    this.#count = 0;
  }
}

/** About 15 MB. One more, and all are forgotten: names asked for again come back by themselves. */
const NAMES_MAX = 131_072;
