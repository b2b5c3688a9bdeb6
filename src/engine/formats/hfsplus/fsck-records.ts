import { CatalogFile, CatalogFolder, CatalogThread } from './layout-catalog.ts';
import { catalogKey, unitsAt } from './fsck-keys.ts';

/** Byte offsets within the records of the catalog, taken from their declarations once; and new records for repairs. */
const file = CatalogFile.fields;
const folder = CatalogFolder.fields;

export const AT = {
  type: 0,
  flags: file.flags.at,
  valence: folder.valence.at,
  firstLink: file.firstLinkId.at,
  id: file.fileId.at,
  createDate: file.createDate.at,
  /** Of a hard link: the link before it in the chain. */
  previousLink: file.ownerId.at,
  nextLink: file.groupId.at,
  ownerFlags: file.ownerFlags.at,
  mode: file.fileMode.at,
  special: file.special.at,
  fileType: file.fileType.at,
  fileCreator: file.fileCreator.at,
  finderFlags: file.finderFlags.at,
  textEncoding: file.textEncoding.at,
  folderCount: folder.folderCount.at,
  dataFork: file.dataFork.at,
  resourceFork: file.resourceFork.at,
} as const;

export const THREAD_AT = {
  parent: CatalogThread.fields.parentId.at,
  nameUnits: CatalogThread.fields.nameUnits.at,
  name: CatalogThread.sizeBytes,
} as const;

export const FILE_SIZE_BYTES = CatalogFile.sizeBytes;
export const FOLDER_SIZE_BYTES = CatalogFolder.sizeBytes;
/** Without a name. */
export const THREAD_SIZE_BYTES_MIN = CatalogThread.sizeBytes;
/** Some systems store the whole 255 units. */
export const THREAD_SIZE_BYTES_MAX = CatalogThread.sizeBytes + 510;

export const TYPE = { folder: 1, file: 2, folderThread: 3, fileThread: 4 } as const;

export const MODE_TYPE = { mask: 0o170000, directory: 0o040000, regular: 0o100000 } as const;

export const threadName = (view: DataView, dataAt: number): string =>
  unitsAt(view, dataAt + THREAD_AT.name, view.getUint16(dataAt + THREAD_AT.nameUnits));

/** A number that names almost surely differ in: FNV-1a over the units. `at` is where the units begin. */
export function hashUnits(view: DataView, at: number, units: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < units; i++) hash = Math.imul(hash ^ view.getUint16(at + 2 * i), 0x01000193);
  return Math.imul(hash ^ units, 0x01000193) >>> 0;
}

export function hashName(name: string): number {
  const key = catalogKey(0, name);
  return hashUnits(new DataView(key.buffer), 8, name.length);
}

export function threadRecord(type: number, parentId: number, name: string): Uint8Array {
  const bytes = new Uint8Array(THREAD_AT.name + 2 * name.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type);
  view.setUint32(THREAD_AT.parent, parentId);
  view.setUint16(THREAD_AT.nameUnits, name.length);
  for (let i = 0; i < name.length; i++) view.setUint16(THREAD_AT.name + 2 * i, name.charCodeAt(i));
  return bytes;
}

/** A folder as a repair makes it: readable by everyone, dated as the volume. */
export function folderRecord(id: number, date: number, mode: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(FOLDER_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(AT.type, TYPE.folder);
  view.setUint16(AT.flags, flags);
  view.setUint32(AT.id, id);
  for (let at = AT.createDate; at < AT.createDate + 16; at += 4) view.setUint32(at, date);
  view.setUint16(AT.mode, MODE_TYPE.directory | mode);
  view.setUint32(AT.special, 1);
  return bytes;
}
