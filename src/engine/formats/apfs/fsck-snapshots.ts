import { equalBytes, textOf } from '../../base/bytes.ts';
import { TYPE_WORD } from './layout.ts';
import {
  EXTENT_KEY_TYPE,
  SNAPSHOT_NAME_KEY_WORDS,
  SnapshotMetadata,
  SnapshotNameKey,
  numberOfTagged,
  tagOfTagged,
} from './layout-extents.ts';
import { hex, u64At } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import { nameFault } from './fsck-names.ts';
import { shown } from './fsck-report.ts';
import type { TreeRecord } from './fsck-tree.ts';

/**
 * Snapshots as the metadata tree tells of them (apfs.md §8): each has a metadata record, a name record and an entry in
 * the object map, which agree; names are unique.
 */
export interface Snapshot {
  readonly xid: number;
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly referencesBlock: number;
  readonly superblockBlock: number;
  readonly inode: number;
  /** Of the node with its metadata record. */
  readonly block: number;
}

export class SnapshotReader {
  /** Ascending. */
  readonly snapshots: Snapshot[] = [];
  readonly #named = new Map<number, { readonly bytes: Uint8Array; readonly block: number }>();

  constructor(
    readonly check: Check,
    readonly owner: string,
  ) {}

  visit(record: TreeRecord): void {
    const type = tagOfTagged(record.view, record.keyAt);
    if (type === EXTENT_KEY_TYPE.snapshotMetadata) this.#visitMetadata(record);
    else if (type === EXTENT_KEY_TYPE.snapshotName) this.#visitName(record);
    else this.#tell(`invalid type of key (${type})`, record.block);
  }

  #tell(text: string, block: number): void {
    this.check.error('snapshot', `${this.owner}: snap_meta: ${text}`, block);
  }

  #visitMetadata({ bytes, view, block, keyAt, keyEnd, valueAt, valueEnd }: TreeRecord): void {
    const xid = numberOfTagged(view, keyAt);
    const wrong = (text: string): void => this.#tell(`snapshot of transaction ${xid}: ${text}`, block);
    if (keyEnd - keyAt !== METADATA_KEY_BYTES) wrong(`wrong size of key (${keyEnd - keyAt})`);
    const nameAt = valueAt + SnapshotMetadata.sizeBytes;
    if (nameAt >= valueEnd) {
      wrong('value is too small');
      return;
    }
    const value = SnapshotMetadata.peek(bytes, valueAt);
    const fault = nameFault(bytes, nameAt, valueEnd - nameAt, value.nameBytes);
    if (fault !== null) wrong(fault);
    if (xid === 0 || xid > this.check.xid) wrong(`the newest possible is ${this.check.xid}`);
    if (value.extentReferenceTreeType !== TYPE_WORD.physicalRoot) {
      wrong(`type of the extent ref tree (${hex(value.extentReferenceTreeType)})`);
    }
    if (value.flags !== 0) wrong(`flags (${hex(value.flags)})`);
    if (value.inode === 0) wrong('has no inode number');
    const nameBytes = bytes.subarray(nameAt, valueEnd - 1);
    this.snapshots.push({
      xid,
      name: shown(textOf(nameBytes)),
      nameBytes,
      referencesBlock: value.extentReferenceTreeBlock,
      superblockBlock: value.superblockBlock,
      inode: value.inode,
      block,
    });
  }

  #visitName({ bytes, view, block, keyAt, keyEnd, valueAt, valueEnd }: TreeRecord): void {
    const nameAt = keyAt + SnapshotNameKey.sizeBytes;
    if (keyEnd < nameAt) {
      this.#tell('wrong size of the key of a name', block);
      return;
    }
    const { low, high } = SNAPSHOT_NAME_KEY_WORDS;
    if (view.getUint32(keyAt, true) !== low || view.getUint32(keyAt + 4, true) !== high) {
      this.#tell('wrong id in the key of a name', block);
    }
    const fault = nameFault(bytes, nameAt, keyEnd - nameAt, view.getUint16(keyAt + 8, true));
    const name = bytes.subarray(nameAt, keyEnd - 1);
    const wrong = (text: string): void => this.#tell(`name "${shown(textOf(name))}": ${text}`, block);
    if (fault !== null) wrong(fault);
    if (valueEnd - valueAt !== NAME_VALUE_BYTES) {
      wrong(`wrong size of value (${valueEnd - valueAt})`);
      return;
    }
    const xid = u64At(view, valueAt);
    if (this.#named.has(xid)) wrong(`snapshot of transaction ${xid} has another name too`);
    this.#named.set(xid, { bytes: name, block });
  }

  /** Metadata, names and the object map's list against each other. */
  compare(mapped: readonly number[], omapBlock: number): void {
    const known = new Set<number>();
    for (const { xid, name, nameBytes, block } of this.snapshots) {
      known.add(xid);
      const wrong = (text: string): void =>
        this.#tell(`snapshot ${name} (transaction ${xid}): ${text}`, block);
      const named = this.#named.get(xid);
      if (!named) wrong('name record is missing');
      else if (!equalBytes(named.bytes, nameBytes)) wrong(`name record says "${shown(textOf(named.bytes))}"`);
      if (!mapped.includes(xid)) wrong('object map does not list it');
    }
    for (const [xid, { bytes, block }] of this.#named) {
      if (!known.has(xid))
        this.#tell(`name "${shown(textOf(bytes))}": there is no snapshot of transaction ${xid}`, block);
    }
    for (const xid of mapped) {
      if (!known.has(xid)) this.#tell(`object map lists transaction ${xid}, which is no snapshot`, omapBlock);
    }
  }
}

const METADATA_KEY_BYTES = 8;
const NAME_VALUE_BYTES = 8;
