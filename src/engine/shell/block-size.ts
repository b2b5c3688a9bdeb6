/** getbsize(3): the unit in which df, du and ls count blocks, from the environment's BLOCKSIZE. */
export interface BlockSize {
  readonly bytes: number;
  /** As a column's title: '512-blocks', '1K-blocks'. */
  readonly title: string;
}

const MAX_BYTES = 2 ** 30;
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Not a size, too small or too large: what macOS falls back to, without its warning. */
export function blockSizeFrom(text: string | undefined): BlockSize {
  const match = /^(\d*)([kmg]?)$/i.exec(text ?? '512');
  const letter = (match?.[2] ?? '').toLowerCase();
  const wanted = match ? Number(match[1] || 1) * (UNITS[letter] ?? 1) : 512;
  const bytes = Math.min(MAX_BYTES, Math.max(512, wanted));
  const units: readonly (readonly [number, string])[] = [
    [2 ** 30, 'G'],
    [2 ** 20, 'M'],
    [2 ** 10, 'K'],
  ];
  const unit = letter === '' ? undefined : units.find(([size]) => bytes % size === 0);
  return { bytes, title: unit ? `${bytes / unit[0]}${unit[1]}-blocks` : `${bytes}-blocks` };
}
