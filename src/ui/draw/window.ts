/** Which rows of a long list exist as elements: those on show and a few beyond. Heights in CSS pixels. */
export interface RowWindow {
  readonly first: number;
  readonly end: number;
  readonly topPixels: number;
  readonly totalPixels: number;
}

export function rowWindow(list: {
  total: number;
  rowPixels: number;
  scrollPixels: number;
  heightPixels: number;
  spare?: number;
}): RowWindow {
  const { total, rowPixels, scrollPixels, heightPixels, spare = 6 } = list;
  const first = Math.max(0, Math.min(total, Math.floor(scrollPixels / rowPixels) - spare));
  const end = Math.min(total, Math.ceil((scrollPixels + heightPixels) / rowPixels) + spare);
  return { first, end: Math.max(first, end), topPixels: first * rowPixels, totalPixels: total * rowPixels };
}

/** Scroll position that shows row `index`, moving no further than needed. */
export function scrollShowing(
  index: number,
  rowPixels: number,
  scrollPixels: number,
  heightPixels: number,
): number {
  const top = index * rowPixels;
  if (top < scrollPixels) return top;
  return top + rowPixels > scrollPixels + heightPixels ? top + rowPixels - heightPixels : scrollPixels;
}
