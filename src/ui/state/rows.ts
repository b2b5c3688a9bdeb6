/** Rows of a tree or a list, of which only those on show are ever looked at. */
export interface TreeRow<T> {
  /** Null while it is on its way. */
  readonly item: T | null;
  readonly key: string;
  readonly depth: number;
  /** Null: nothing below it. */
  readonly isOpen: boolean | null;
  readonly position: number;
  readonly setSize: number;
}

export interface RowsModel<T> {
  readonly rowCount: number;
  rowAt(row: number): TreeRow<T>;
  need(first: number, end: number): void;
  toggle(row: number): void | Promise<void>;
}
