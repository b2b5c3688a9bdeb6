import type { RowsModel, TreeRow } from './rows.ts';

/** A plain list that is all here, as rows. */
export class ListRows<T> implements RowsModel<T> {
  constructor(
    readonly items: readonly T[],
    readonly keyOf: (item: T, index: number) => string,
  ) {}

  get rowCount(): number {
    return this.items.length;
  }

  rowAt(row: number): TreeRow<T> {
    const item = this.items[row];
    return {
      ...{ item: item ?? null, key: item === undefined ? String(row) : this.keyOf(item, row) },
      ...{ depth: 0, isOpen: null, position: row + 1, setSize: this.items.length },
    };
  }

  need(): void {}

  toggle(): void {}
}
