/** 64-bit words of the disk as numbers: exact up to 2^53, which no block, transaction or object id of ours passes. */
const HIGH = 2 ** 32;

/** A word beyond 2^53 reads as the nearest double: out of any range it could be checked against. */
export const get64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true);

export function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / HIGH), true);
}
