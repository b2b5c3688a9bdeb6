/** How the checksums over a block come right again after somebody edited it: what to write, and a sentence about it. */
export interface Mending {
  /** Empty: there is nothing to put right. */
  readonly patches: readonly Patch[];
  /** Which checksum was put right, or why none was; without a full stop. */
  readonly sentence: string;
}

export interface Patch {
  /** Counted from the start of the device that was asked about. */
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

export const nothingToMend = (why: string): Mending => ({
  patches: [],
  sentence: `No checksum was changed: ${why}`,
});

/** Nothing where the bytes are right already. */
export function patchOf(offsetBytes: number, found: Uint8Array, wanted: Uint8Array): Patch[] {
  return wanted.every((byte, i) => found[i] === byte) ? [] : [{ offsetBytes, bytes: wanted }];
}
