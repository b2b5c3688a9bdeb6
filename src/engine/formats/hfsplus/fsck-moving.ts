import { viewOf } from '../../base/bytes.ts';
import { foldTable } from '../../codec/hfs-unicode.ts';
import { CNID, VolumeHeader } from './layout.ts';
import { NAME_UNITS_MAX, RECORD_FLAG } from './layout-catalog.ts';
import { bytesOf32 } from './fsck-bits.ts';
import { dataAtOf, ID, keyAtOf, KIND, NODE, PARENT } from './fsck-catalog.ts';
import { catalogKey, catalogName } from './fsck-keys.ts';
import { newId } from './fsck-pass.ts';
import type { Pass } from './fsck-pass.ts';
import { AT, FILE_SIZE_BYTES, FOLDER_SIZE_BYTES, folderRecord, threadRecord, TYPE } from './fsck-records.ts';

/** Repairs that give an item another name or folder, make folders, or remove items. All wait for the tree to be built anew. */
export class Mover {
  readonly #moved = new Set<number>();
  readonly #names = new Map<number, Set<string>>();
  #lostAndFound = 0;

  constructor(private readonly pass: Pass) {}

  /** The bytes of an object's record as repairs so far have left them. */
  recordOf(row: number): Uint8Array {
    const { objects } = this.pass.catalog;
    const at = dataAtOf(objects, row);
    const size = objects.get(row, KIND) === TYPE.folder ? FOLDER_SIZE_BYTES : FILE_SIZE_BYTES;
    return this.pass.trees.catalog.readNode(objects.get(row, NODE)).slice(at, at + size);
  }

  /** At most once in a pass for one item: what is still wrong then, the next pass finds. */
  move(
    row: number,
    parent: number,
    name: string,
    change: (record: DataView) => void = () => undefined,
  ): void {
    if (this.#moved.has(row)) return;
    this.#moved.add(row);
    const { objects } = this.pass.catalog;
    const record = this.recordOf(row);
    change(viewOf(record));
    const id = viewOf(record).getUint32(AT.id);
    this.#removeRecord(row);
    this.#insert(parent, name, id, objects.get(row, KIND), record);
  }

  /** Forget an item and its thread; its blocks are free once the bitmap is compared. */
  remove(row: number): void {
    if (this.#moved.has(row)) return;
    this.#moved.add(row);
    this.#removeRecord(row);
    const { catalog, trees } = this.pass;
    const thread = catalog.threadById.get(catalog.objects.get(row, ID));
    if (thread === undefined) return;
    trees.catalog.remove(catalog.threads.get(thread, NODE), keyAtOf(catalog.threads, thread));
  }

  /** A second item with a catalog node id that is taken gets one of its own. */
  renumber(row: number): void {
    const { objects } = this.pass.catalog;
    const node = viewOf(this.pass.trees.catalog.readNode(objects.get(row, NODE)));
    const name = catalogName(node, keyAtOf(objects, row));
    this.move(row, objects.get(row, PARENT), name, (record) => record.setUint32(AT.id, newId(this.pass)));
  }

  /** A folder record for an id that items say they are in. */
  makeFolder(id: number, parent: number, name: string): void {
    this.#insert(parent, name, id, TYPE.folder, this.#newFolder(id));
  }

  /** The folder for what has lost its place; made when it is first needed. */
  lostAndFound(): number {
    if (this.#lostAndFound !== 0) return this.#lostAndFound;
    const { objects } = this.pass.catalog;
    const names = this.#namesIn(CNID.root);
    if (names.has(folded(LOST_AND_FOUND))) {
      for (let row = 0; row < objects.length; row++) {
        if (objects.get(row, PARENT) !== CNID.root || objects.get(row, KIND) !== TYPE.folder) continue;
        if (folded(this.#nameOf(row)) !== folded(LOST_AND_FOUND)) continue;
        return (this.#lostAndFound = objects.get(row, ID));
      }
    }
    this.#lostAndFound = newId(this.pass);
    this.makeFolder(this.#lostAndFound, CNID.root, LOST_AND_FOUND);
    return this.#lostAndFound;
  }

  /** `name`, or something like it that nothing in the folder is called. */
  freeName(parent: number, name: string): string {
    const names = this.#namesIn(parent);
    const stem = name === '' ? 'item' : name;
    let free = stem;
    for (let number = 2; names.has(folded(free)); number++) {
      const suffix = ` ${number}`;
      free = `${stem.slice(0, NAME_UNITS_MAX - suffix.length)}${suffix}`;
    }
    return free;
  }

  #newFolder(id: number): Uint8Array {
    const { headers } = this.pass;
    const flags = headers.isHfsx ? RECORD_FLAG.hasFolderCount : 0;
    return folderRecord(id, headers.u32(VolumeHeader.fields.modifyDate.at), 0o777, flags);
  }

  #insert(parent: number, wanted: string, id: number, kind: number, record: Uint8Array): void {
    const name = this.freeName(parent, wanted);
    this.#namesIn(parent).add(folded(name));
    const tree = this.pass.trees.catalog;
    tree.insert(catalogKey(parent, name), record);
    const type = kind === TYPE.folder ? TYPE.folderThread : TYPE.fileThread;
    tree.insert(catalogKey(id, ''), threadRecord(type, parent, name));
  }

  #removeRecord(row: number): void {
    const { objects } = this.pass.catalog;
    this.pass.trees.catalog.remove(objects.get(row, NODE), keyAtOf(objects, row));
    this.#names.get(objects.get(row, PARENT))?.delete(folded(this.#nameOf(row)));
  }

  #nameOf(row: number): string {
    const { objects } = this.pass.catalog;
    return catalogName(
      viewOf(this.pass.trees.catalog.readNode(objects.get(row, NODE))),
      keyAtOf(objects, row),
    );
  }

  #namesIn(parent: number): Set<string> {
    const known = this.#names.get(parent);
    if (known) return known;
    const names = new Set<string>();
    const { objects } = this.pass.catalog;
    let node = -1;
    let view: DataView = new DataView(new ArrayBuffer(0));
    for (let row = 0; row < objects.length; row++) {
      if (objects.get(row, PARENT) !== parent || this.#moved.has(row)) continue;
      if (objects.get(row, NODE) !== node) {
        node = objects.get(row, NODE);
        view = viewOf(this.pass.trees.catalog.readNode(node));
      }
      names.add(folded(catalogName(view, keyAtOf(objects, row))));
    }
    this.#names.set(parent, names);
    return names;
  }
}

export const LOST_AND_FOUND = 'lost+found';

/** Names that HFS+ takes for the same become the same string. On HFSX this keeps names apart that need not be. */
function folded(name: string): string {
  const table = foldTable();
  let text = '';
  for (let i = 0; i < name.length; i++) {
    const unit = table[name.charCodeAt(i)] ?? 0;
    if (unit !== 0) text += String.fromCharCode(unit);
  }
  return text;
}

/** `value` at `at` of the record of `row`. */
export const set32 = (pass: Pass, row: number, at: number, value: number, reason: string): void => {
  const { objects } = pass.catalog;
  pass.trees.catalog.patch(objects.get(row, NODE), dataAtOf(objects, row) + at, bytesOf32(value), reason);
};
