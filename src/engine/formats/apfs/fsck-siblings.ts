import { concatBytes, viewOf } from '../../base/bytes.ts';
import {
  DIRECTORY_FIELD_SIBLING_ID,
  FIELD_FLAG,
  MODE_TYPE,
  MODE_TYPE_BITS,
  OBJECT_ID,
  putObjectKey,
  RECORD_TYPE,
  SiblingLinkValue,
  SiblingMapValue,
} from './layout-catalog.ts';
import { KEY_AT, LINK_AT } from './fsck-records.ts';
import type { RecordEdit } from './fsck-report.ts';
import { INODE, LINK, SIBLING } from './fsck-view.ts';
import type { View } from './fsck-view.ts';
import { putU64 } from './fsck-writer.ts';

/**
 * How damaged hard links are mended. What is true are the directory records: which names a file has. An id that one
 * of them carries stays; a name without id gets back the one whose sibling link tells this very name, else a new one.
 * Then each name has its sibling link and its sibling map, and no others are left. Names of what has no inode, and of
 * directories, stay as they are: there something else is wrong.
 *
 * Nothing to do unless a finding asked for it. `nextId` is the first that is free on the volume.
 */
export function planSiblings(view: View, nextId: number): void {
  const { siblingPlan: plan } = view;
  if (!plan || !view.areSiblingsWrong) return;
  const planner = new Planner(view, nextId);
  plan.edits = planner.run();
  if (planner.nextId > nextId) plan.nextObjectId = planner.nextId;
}

class Planner {
  readonly #view: View;
  readonly #edits: RecordEdit[] = [];
  /** Names of each file that may have some, as rows of `links`. */
  readonly #names = new Map<number, number[]>();
  /** From an id to the name that has it from now on. */
  readonly #linkOf = new Map<number, number>();
  /** The same the other way round. */
  readonly #idOf = new Map<number, number>();

  constructor(
    view: View,
    public nextId: number,
  ) {
    this.#view = view;
  }

  run(): readonly RecordEdit[] {
    this.#gatherNames();
    this.#keepIds();
    this.#findIds();
    const told = this.#siblingRows();
    for (const [id, link] of this.#linkOf) this.#demand(id, link, told);
    this.#removeOthers(told);
    this.#stripFields();
    return this.#edits;
  }

  #gatherNames(): void {
    const { links } = this.#view;
    for (let row = 0; row < links.length; row++) {
      const parentId = links.get(row, LINK.parentId);
      if (parentId === OBJECT_ID.privateDirectory || parentId === OBJECT_ID.purgeableDirectory) continue;
      const fileId = links.get(row, LINK.fileId);
      if (!this.#mayHaveNames(fileId)) continue;
      const names = this.#names.get(fileId);
      if (names) names.push(row);
      else this.#names.set(fileId, [row]);
    }
  }

  #mayHaveNames(fileId: number): boolean {
    const { inodes, inodeById } = this.#view;
    const row = inodeById.get(fileId);
    return row !== undefined && (inodes.get(row, INODE.mode) & MODE_TYPE_BITS) !== MODE_TYPE.directory;
  }

  #keepIds(): void {
    const { links } = this.#view;
    for (const names of this.#names.values()) {
      for (const row of names) {
        const id = links.get(row, LINK.siblingId);
        if (this.#isUsable(id)) this.#assign(id, row);
      }
    }
  }

  /** Ids of names are nothing else's. */
  #isUsable(id: number): boolean {
    const { inodeById, streamById } = this.#view;
    return id >= OBJECT_ID.firstUser && !inodeById.has(id) && !streamById.has(id) && !this.#linkOf.has(id);
  }

  /** For names that have none that they could keep. */
  #findIds(): void {
    const { links, siblings } = this.#view;
    const lacking = new Map<number, number[]>();
    for (const [fileId, names] of this.#names) {
      const left = names.filter((row) => !this.#idOf.has(row));
      const hadSome = names.length > 1 || left.some((row) => links.get(row, LINK.siblingId) !== 0);
      if (left.length > 0 && hadSome) lacking.set(fileId, left);
    }
    for (let row = 0; row < siblings.length; row++) {
      const left = lacking.get(siblings.get(row, SIBLING.fileId));
      const id = siblings.get(row, SIBLING.id);
      const at = left?.findIndex((link) => this.#isTold(row, link)) ?? -1;
      if (!left || at < 0 || !this.#isUsable(id)) continue;
      for (const link of left.splice(at, 1)) this.#assign(id, link);
    }
    for (const [fileId, left] of lacking) {
      for (const link of left) this.#assign(this.nextId++, link);
      this.#keepPrimary(this.#names.get(fileId) ?? []);
    }
  }

  /** The name that the inode tells has the lowest id, or gets it. */
  #keepPrimary(names: readonly number[]): void {
    const primary = names.find((link) => this.#isPrimary(link));
    const own = primary === undefined ? undefined : this.#idOf.get(primary);
    const lowest = Math.min(...names.map((link) => this.#idOf.get(link) ?? Infinity));
    const other = this.#linkOf.get(lowest);
    if (primary === undefined || own === undefined || other === undefined) return;
    this.#assign(own, other);
    this.#assign(lowest, primary);
  }

  #assign(id: number, link: number): void {
    this.#linkOf.set(id, link);
    this.#idOf.set(link, id);
  }

  /** Does this sibling link tell the name of this directory record? */
  #isTold(row: number, link: number): boolean {
    const { siblings } = this.#view;
    return (
      siblings.get(row, SIBLING.parentId) === this.#view.links.get(link, LINK.parentId) &&
      this.#hasName(link, siblings.get(row, SIBLING.nameAt), siblings.get(row, SIBLING.nameBytes))
    );
  }

  #isPrimary(link: number): boolean {
    const { inodes, inodeById, links } = this.#view;
    const row = inodeById.get(links.get(link, LINK.fileId)) ?? 0;
    return (
      inodes.get(row, INODE.parentId) === links.get(link, LINK.parentId) &&
      this.#hasName(link, inodes.get(row, INODE.nameAt), inodes.get(row, INODE.nameBytes))
    );
  }

  #hasName(link: number, nameAt: number, nameBytes: number): boolean {
    const { links, names } = this.#view;
    return names.isSame(links.get(link, LINK.nameAt), links.get(link, LINK.nameBytes), nameAt, nameBytes);
  }

  // ── what changes ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The rows of `siblings` by inode and id. */
  #siblingRows(): ReadonlyMap<string, number> {
    const { siblings } = this.#view;
    const rows = new Map<string, number>();
    for (let row = 0; row < siblings.length; row++) {
      rows.set(nameOf(siblings.get(row, SIBLING.fileId), siblings.get(row, SIBLING.id)), row);
    }
    return rows;
  }

  /** All three records of a name. */
  #demand(id: number, link: number, told: ReadonlyMap<string, number>): void {
    const { links, siblings, siblingMap, names } = this.#view;
    const fileId = links.get(link, LINK.fileId);
    const parentId = links.get(link, LINK.parentId);
    const row = told.get(nameOf(fileId, id));
    if (row === undefined || siblings.get(row, SIBLING.isFaulty) === 1 || !this.#isTold(row, link)) {
      const name = names.bytes(links.get(link, LINK.nameAt), links.get(link, LINK.nameBytes)).slice();
      this.#put(linkKey(fileId, id), linkValue(parentId, name));
    }
    if (siblingMap.get(id)?.fileId !== fileId) this.#put(mapKey(id), mapValue(fileId));
    if (links.get(link, LINK.siblingId) !== id || links.get(link, LINK.isFaulty) === 1) {
      this.#edits.push({ key: this.#keyOf(link), change: (value) => value && entryValue(value, id) });
    }
  }

  #removeOthers(told: ReadonlyMap<string, number>): void {
    const { siblings, siblingMap, links } = this.#view;
    for (const row of told.values()) {
      const fileId = siblings.get(row, SIBLING.fileId);
      const id = siblings.get(row, SIBLING.id);
      const link = this.#linkOf.get(id);
      const isRight = link !== undefined && links.get(link, LINK.fileId) === fileId;
      if (!isRight && this.#mayLose(fileId)) this.#remove(linkKey(fileId, id));
    }
    for (const [id, { fileId }] of siblingMap) {
      if (!this.#linkOf.has(id) && this.#mayLose(fileId)) this.#remove(mapKey(id));
    }
  }

  /** Directory records whose extended fields are none, and which need no id. */
  #stripFields(): void {
    const { links } = this.#view;
    for (let row = 0; row < links.length; row++) {
      if (links.get(row, LINK.isFaulty) === 0 || this.#idOf.has(row)) continue;
      this.#edits.push({ key: this.#keyOf(row), change: (value) => value && value.slice(0, LINK_AT.fields) });
    }
  }

  /** Not when names lead to an inode that is not there, or to a directory. */
  #mayLose(fileId: number): boolean {
    if (this.#view.inodeById.has(fileId)) return this.#mayHaveNames(fileId);
    return !this.#isNamed(fileId);
  }

  #isNamed(fileId: number): boolean {
    const { links } = this.#view;
    for (let row = 0; row < links.length; row++) if (links.get(row, LINK.fileId) === fileId) return true;
    return false;
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    this.#edits.push({ key, change: () => value });
  }

  #remove(key: Uint8Array): void {
    this.#edits.push({ key, change: () => null });
  }

  /** The key of a directory record, as it lies on the disk. */
  #keyOf(link: number): Uint8Array {
    const { links, check, facts } = this.#view;
    const at = links.get(link, LINK.keyAt);
    const nameAt = facts.isHashed ? KEY_AT.hashedName : KEY_AT.plainName;
    return check
      .read(links.get(link, LINK.block))
      .slice(at, at + nameAt + links.get(link, LINK.nameBytes) + 1);
  }
}

const nameOf = (fileId: number, id: number): string => `${fileId} ${id}`;

function linkKey(fileId: number, id: number): Uint8Array {
  const key = new Uint8Array(KEY_AT.second + 8);
  putObjectKey(viewOf(key), 0, fileId, RECORD_TYPE.siblingLink);
  putU64(viewOf(key), KEY_AT.second, id);
  return key;
}

function linkValue(parentId: number, name: Uint8Array): Uint8Array {
  const head = new Uint8Array(SiblingLinkValue.sizeBytes);
  SiblingLinkValue.write(head, { parentId, nameLengthBytes: name.length + 1 });
  return concatBytes([head, name, new Uint8Array(1)]);
}

function mapKey(id: number): Uint8Array {
  const key = new Uint8Array(KEY_AT.second);
  putObjectKey(viewOf(key), 0, id, RECORD_TYPE.siblingMap);
  return key;
}

function mapValue(fileId: number): Uint8Array {
  const value = new Uint8Array(SiblingMapValue.sizeBytes);
  SiblingMapValue.write(value, { fileId });
  return value;
}

/** The value of a directory record with this id and no other extended field. */
function entryValue(old: Uint8Array, id: number): Uint8Array {
  const value = new Uint8Array(LINK_AT.fields + 16);
  value.set(old.subarray(0, LINK_AT.fields));
  const view = viewOf(value);
  view.setUint16(LINK_AT.fields, 1, true);
  view.setUint16(LINK_AT.fields + 2, 8, true);
  view.setUint8(LINK_AT.fields + 4, DIRECTORY_FIELD_SIBLING_ID);
  view.setUint8(LINK_AT.fields + 5, FIELD_FLAG.doNotCopy);
  view.setUint16(LINK_AT.fields + 6, 8, true);
  putU64(view, LINK_AT.fields + 8, id);
  return value;
}
