import { viewOf } from '../../base/bytes.ts';
import type { FileType, VolumeNode } from '../contract.ts';
import type { Place } from './btree.ts';
import type { FileForks } from './files.ts';
import { CatalogFile } from './layout-catalog.ts';

const ID_AT = CatalogFile.fields.fileId.at;

/**
 * A file or folder in use: its catalog record in memory and where in the catalog it belongs. Whoever changes `record`
 * has it stored (`Catalog.store`) within the same operation, so that forgetting a node loses nothing but an access
 * date. Of a file with hard links this is the iNode file, whose fileID all links share as their inode number; which
 * name it was found by is not its business.
 */
export class HfsNode implements VolumeNode {
  /** Catalog node id: fileID or folderID. */
  readonly inode: number;
  /** The bytes of CatalogFile or CatalogFolder, this node's own. */
  readonly record: Uint8Array;
  readonly view: DataView;
  /** Key of the record: folder and stored name. Renaming changes them. */
  parentId: number;
  name: string;
  /** Where the record was last seen, good while that tree node's version is the same. */
  place: Place | undefined = undefined;
  placeVersion = 0;

  /** Its two forks and what is known of them, once asked for; they work on `record`. */
  forks: FileForks | undefined = undefined;

  holders = 0;
  /** No name is left: a file lives on as temp… in the private folder until its last holder lets go; of a folder
   * nothing is left at all. */
  isUnlinked = false;
  /** Of a folder reached through a directory hard link: the folder that '..' leads to. */
  linkedFrom: HfsNode | undefined = undefined;
  /** Stands in the queue of nodes that are kept a while though nobody holds them. */
  isQueued = false;

  constructor(
    record: Uint8Array,
    readonly type: FileType,
    parentId: number,
    name: string,
  ) {
    this.record = record;
    this.view = viewOf(record);
    this.inode = this.view.getUint32(ID_AT);
    this.parentId = parentId;
    this.name = name;
  }

  get isDirectory(): boolean {
    return this.type === 'directory';
  }
}
