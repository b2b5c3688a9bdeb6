import { viewOf } from '../../base/bytes.ts';
import { decompose } from '../../codec/hfs-unicode.ts';
import { CNID } from './layout.ts';
import { FILE_CREATOR, FILE_TYPE, NAME_UNITS_MAX, RECORD_FLAG } from './layout-catalog.ts';
import { bytesOf16, Rows } from './fsck-bits.ts';
import { CLAIM } from './fsck-claims.ts';
import type { ClaimKind } from './fsck-claims.ts';
import { checkFork, claimSoundFork } from './fsck-extents.ts';
import type { ForkWords } from './fsck-extents.ts';
import { CATALOG_KEY, catalogName } from './fsck-keys.ts';
import type { Pass } from './fsck-pass.ts';
import {
  AT,
  FILE_SIZE_BYTES,
  FOLDER_SIZE_BYTES,
  hashUnits,
  MODE_TYPE,
  THREAD_AT,
  THREAD_SIZE_BYTES_MAX,
  THREAD_SIZE_BYTES_MIN,
  TYPE,
} from './fsck-records.ts';
import { shown } from './fsck-report.ts';
import type { LeafRecord } from './fsck-walk.ts';

/** Every record of the catalog by itself: length, ids, flags, type of file, name, forks. What belongs together is judged later. */

/** What is kept of files and folders (OBJECT columns) and of threads (the first six of them). */
export class Catalog {
  readonly objects = new Rows(9);
  readonly threads = new Rows(6);
  readonly byId = new Map<number, number>();
  readonly threadById = new Map<number, number>();
  /** Rows of objects that are hard links, by kind. */
  readonly fileLinks: number[] = [];
  readonly directoryLinks: number[] = [];
  maxId = CNID.firstUser - 1;
  folders = 0;
  files = 0;
  /** Bits of the encodings that names were made from. */
  encodingsHigh = 0;
  encodingsLow = 0;

  addEncoding(textEncoding: number): void {
    const masked = textEncoding & 0x7f;
    const bit = masked < ENCODINGS ? masked : 0;
    if (bit < 32) this.encodingsLow |= 1 << bit;
    else this.encodingsHigh |= 1 << (bit - 32);
  }
}

/** As fsck_hfs counts them: its mask lets Ukrainian (152) and Farsi (140) fall on other bits than the driver sets. */
const ENCODINGS = 48;

export const [ID, PARENT, NODE, PLACE, KIND, HASH, FLAGS, VALUE, EXTRA] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
export const keyAtOf = (rows: Rows, row: number): number => rows.get(row, PLACE) >>> 16;
export const dataAtOf = (rows: Rows, row: number): number => rows.get(row, PLACE) & 0xffff;

/** The name as the disk has it. Reads the node again: for messages and repairs. */
export function nameOf(pass: Pass, row: number): string {
  const { objects } = pass.catalog;
  const view = viewOf(pass.trees.catalog.readNode(objects.get(row, NODE)));
  return catalogName(view, keyAtOf(objects, row));
}

/** Path of an item, for people. Bounded: a loop of folders shows as its beginning. */
export function pathOf(pass: Pass, id: number): string {
  const { byId, objects } = pass.catalog;
  const parts: string[] = [];
  let at = id;
  for (let depth = 0; depth < PATH_DEPTH_MAX && at !== CNID.root; depth++) {
    const row = byId.get(at);
    if (row === undefined) break;
    parts.push(shown(nameOf(pass, row)).replaceAll('/', ':'));
    at = objects.get(row, PARENT);
    if (at === id) break;
  }
  if (parts.length === 0) return at === CNID.root ? '/' : `file ${id}`;
  return `${at === CNID.root ? '' : '…'}/${parts.reverse().join('/')}`;
}

const PATH_DEPTH_MAX = 64;

export const objectOffset = (pass: Pass, row: number): number =>
  pass.trees.catalog.deviceOffset(pass.catalog.objects.get(row, NODE), keyAtOf(pass.catalog.objects, row));

/** Change bytes of an object's record; `at` counts from the record's data. */
export function patchObject(pass: Pass, row: number, at: number, bytes: Uint8Array, reason: string): void {
  const { objects } = pass.catalog;
  pass.trees.catalog.patch(objects.get(row, NODE), dataAtOf(objects, row) + at, bytes, reason);
}

export function visitCatalogRecord(pass: Pass, record: LeafRecord): void {
  const { view, dataAt, endAt } = record;
  const length = endAt - dataAt;
  const type = view.getUint16(dataAt);
  switch (type) {
    case TYPE.folder:
      if (length !== FOLDER_SIZE_BYTES)
        badRecord(pass, record, 'Invalid directory record length', `${length} bytes`);
      else visitFolder(pass, record);
      return;
    case TYPE.file:
      if (length !== FILE_SIZE_BYTES)
        badRecord(pass, record, 'Invalid file record length', `${length} bytes`);
      else visitFile(pass, record);
      return;
    case TYPE.folderThread:
    case TYPE.fileThread:
      visitThread(pass, record, type, length);
      return;
    default:
      badRecord(pass, record, 'Invalid catalog record type', `type ${type}`);
  }
}

function problemAt(pass: Pass, record: LeafRecord) {
  return {
    severity: 'error' as const,
    place: [CNID.catalogFile, record.node] as const,
    offsetBytes: pass.trees.catalog.deviceOffset(record.node, record.keyAt),
  };
}

const describe = (record: LeafRecord): string =>
  `"${shown(catalogName(record.view, record.keyAt))}" in folder ${record.view.getUint32(record.keyAt + CATALOG_KEY.parent)}`;

/** A record that says nothing that could be kept. */
function badRecord(pass: Pass, record: LeafRecord, message: string, why: string): void {
  const { node, keyAt } = record;
  pass.report.add({
    ...problemAt(pass, record),
    kind: 'catalog-record',
    message,
    detail: `${describe(record)}: ${why}`,
    repair: () => pass.trees.catalog.remove(node, keyAt),
  });
}

function addObject(pass: Pass, record: LeafRecord, kind: number): number {
  const { catalog } = pass;
  const { view, node, keyAt, dataAt } = record;
  const { objects } = catalog;
  const id = view.getUint32(dataAt + AT.id);
  const row = objects.add();
  objects.set(row, ID, id);
  objects.set(row, PARENT, view.getUint32(keyAt + CATALOG_KEY.parent));
  objects.set(row, NODE, node);
  objects.set(row, PLACE, keyAt * 65_536 + dataAt);
  objects.set(row, KIND, kind);
  const units = view.getUint16(keyAt + CATALOG_KEY.nameUnits);
  objects.set(row, HASH, hashUnits(view, keyAt + CATALOG_KEY.name, units));
  objects.set(row, FLAGS, view.getUint16(dataAt + AT.flags));
  if (id > catalog.maxId) catalog.maxId = id;
  catalog.addEncoding(view.getUint32(dataAt + AT.textEncoding));
  if (!catalog.byId.has(id)) catalog.byId.set(id, row);
  checkName(pass, record, row, units);
  checkMode(pass, record, kind);
  return row;
}

function visitFolder(pass: Pass, record: LeafRecord): void {
  const { catalog } = pass;
  const { view, dataAt } = record;
  const id = view.getUint32(dataAt + AT.id);
  if (id < CNID.firstUser && id !== CNID.root) {
    badRecord(pass, record, 'Invalid file or directory ID found', `folder ${id}`);
    return;
  }
  catalog.folders++;
  const row = addObject(pass, record, TYPE.folder);
  catalog.objects.set(row, VALUE, view.getUint32(dataAt + AT.valence));
  catalog.objects.set(row, EXTRA, view.getUint32(dataAt + AT.folderCount));
  if (id === CNID.root) checkRootLock(pass, record, row);
  const flags = view.getUint16(dataAt + AT.flags);
  const wrong = RECORD_FLAG.locked | RECORD_FLAG.threadExists;
  if ((flags & wrong) === 0) return;
  flagProblem(pass, record, row, 'Reserved fields in the catalog record have incorrect data', flags & ~wrong);
}

/** The Finder flag that locks a name has no place on the root: nobody could rename the volume. */
function checkRootLock(pass: Pass, record: LeafRecord, row: number): void {
  const flags = record.view.getUint16(record.dataAt + AT.finderFlags);
  if ((flags & NAME_LOCKED) === 0) return;
  pass.report.add({
    ...problemAt(pass, record),
    kind: 'locked-name',
    message: 'Directory name locked',
    detail: 'the Finder flags of the root lock the name of the volume',
    repair: () =>
      patchObject(
        pass,
        row,
        AT.finderFlags,
        bytesOf16(flags & ~NAME_LOCKED),
        'unlock the name of the volume',
      ),
  });
}

/** kNameLocked of Finder.h. */
const NAME_LOCKED = 0x1000;

/** Change the flags of a record, on the disk and in what is known of it. */
export function setFlags(pass: Pass, row: number, flags: number): void {
  pass.catalog.objects.set(row, FLAGS, flags);
  patchObject(pass, row, AT.flags, bytesOf16(flags), 'correct the flags of the record');
}

function flagProblem(pass: Pass, record: LeafRecord, row: number, message: string, flags: number): void {
  const was = pass.catalog.objects.get(row, FLAGS);
  pass.report.add({
    ...problemAt(pass, record),
    kind: 'record-flags',
    message,
    detail: `${describe(record)}: flags 0x${was.toString(16)} instead of 0x${flags.toString(16)}`,
    repair: () => setFlags(pass, row, flags),
  });
}

function visitFile(pass: Pass, record: LeafRecord): void {
  const { catalog, report } = pass;
  const { view, dataAt, node } = record;
  const id = view.getUint32(dataAt + AT.id);
  if (id < CNID.firstUser) {
    badRecord(pass, record, 'Invalid file or directory ID found', `file ${id}`);
    return;
  }
  catalog.files++;
  const row = addObject(pass, record, TYPE.file);
  const flags = view.getUint16(dataAt + AT.flags);
  if ((flags & RECORD_FLAG.threadExists) === 0) {
    flagProblem(
      pass,
      record,
      row,
      'File thread flag not set in file record',
      flags | RECORD_FLAG.threadExists,
    );
  }
  const base = node * pass.trees.catalog.nodeSizeBytes;
  const data = dataAt + AT.dataFork;
  const resource = dataAt + AT.resourceFork;
  if (!claimSoundFork(pass, id, CLAIM.data, view, data, base + data))
    visitFork(pass, record, id, CLAIM.data, data);
  if (!claimSoundFork(pass, id, CLAIM.resource, view, resource, base + resource)) {
    visitFork(pass, record, id, CLAIM.resource, resource);
  }
  const type = view.getUint32(dataAt + AT.fileType);
  const creator = view.getUint32(dataAt + AT.fileCreator);
  const isFileLink = type === FILE_TYPE.hardLink && creator === FILE_CREATOR.hfsplus;
  const isDirectoryLink =
    (flags & RECORD_FLAG.hasLinkChain) !== 0 &&
    type === FILE_TYPE.directoryLink &&
    creator === FILE_CREATOR.directoryLink;
  if (isFileLink) catalog.fileLinks.push(row);
  if (isDirectoryLink) catalog.directoryLinks.push(row);
  catalog.objects.set(row, VALUE, view.getUint32(dataAt + AT.special));
  const isRegular = (view.getUint16(dataAt + AT.mode) & MODE_TYPE.mask) === MODE_TYPE.regular;
  const ordinary = isRegular ? IS_REGULAR : 0;
  catalog.objects.set(row, EXTRA, isFileLink ? IS_FILE_LINK : isDirectoryLink ? IS_DIRECTORY_LINK : ordinary);
  if ((isFileLink || isDirectoryLink) && view.getUint32(data + 12) !== 0) {
    report.add({
      ...problemAt(pass, record),
      kind: 'link-data',
      message: `Hard link record has data extents (id = ${id})`,
      repair: () =>
        pass.trees.catalog.patch(node, data, new Uint8Array(80), 'a hard link has no contents of its own'),
    });
  }
}

function visitFork(pass: Pass, record: LeafRecord, owner: number, kind: ClaimKind, at: number): void {
  const { view, keyAt, node } = record;
  const name = (): string => shown(catalogName(view, keyAt));
  const words: ForkWords = {
    name,
    blocks: () => `Incorrect block count for file ${name()}`,
    size: () => `Incorrect size for file ${name()}`,
  };
  const slotAt = node * pass.trees.catalog.nodeSizeBytes + at;
  checkFork(pass, { owner, kind, view, at, slotFile: CNID.catalogFile, slotAt }, words);
}

export const IS_FILE_LINK = 1;
export const IS_DIRECTORY_LINK = 2;
export const IS_REGULAR = 4;

function checkMode(pass: Pass, record: LeafRecord, kind: number): void {
  const { view, dataAt, node } = record;
  const mode = view.getUint16(dataAt + AT.mode);
  if (mode === 0) return;
  const type = mode & MODE_TYPE.mask;
  const isDirectory = type === MODE_TYPE.directory;
  if (kind === TYPE.folder ? isDirectory : !isDirectory && FILE_MODES.has(type)) return;
  const right = (mode & 0o7777) | (kind === TYPE.folder ? MODE_TYPE.directory : MODE_TYPE.regular);
  pass.report.add({
    ...problemAt(pass, record),
    kind: 'file-type',
    message: 'Invalid BSD file type',
    detail: `${describe(record)}: mode 0${mode.toString(8)}`,
    place: [CNID.catalogFile, type],
    repair: () =>
      pass.trees.catalog.patch(
        node,
        dataAt + AT.mode,
        bytesOf16(right),
        'the type of the mode fits the record',
      ),
  });
}

/** Regular file, FIFO, character and block device, symbolic link, socket. */
const FILE_MODES = new Set([0o100000, 0o010000, 0o020000, 0o060000, 0o120000, 0o140000]);

function checkName(pass: Pass, record: LeafRecord, row: number, units: number): void {
  const { view, keyAt } = record;
  if (units === 0 || units > NAME_UNITS_MAX) {
    renameRecord(
      pass,
      record,
      row,
      'Invalid length for file name',
      `item ${pass.catalog.objects.get(row, ID)}`,
    );
    return;
  }
  let isPlain = true;
  for (let i = 0; i < units && isPlain; i++) {
    isPlain = view.getUint16(keyAt + CATALOG_KEY.name + 2 * i) < FIRST_COMPOSED;
  }
  if (isPlain && (units > 2 || view.getUint16(keyAt + CATALOG_KEY.name) !== DOT)) return;
  const name = catalogName(view, keyAt);
  if (name === '.' || name === '..') {
    renameRecord(pass, record, row, 'Illegal name', `${name.replaceAll('.', '_')}item`);
    return;
  }
  const right = isPlain ? name : decompose(name);
  if (right !== name) renameRecord(pass, record, row, 'Illegal name', right.slice(0, NAME_UNITS_MAX));
}

/** Below it nothing has a decomposition. */
const FIRST_COMPOSED = 0xc0;
const DOT = 0x2e;

function renameRecord(pass: Pass, record: LeafRecord, row: number, message: string, name: string): void {
  const isRoot = pass.catalog.objects.get(row, ID) === CNID.root;
  pass.report.add({
    ...problemAt(pass, record),
    kind: 'name',
    message,
    detail: `${describe(record)} should be "${shown(name)}"`,
    repair: () => pass.renames.push({ row, name: isRoot && name === '' ? 'untitled' : name }),
  });
}

function visitThread(pass: Pass, record: LeafRecord, type: number, length: number): void {
  const { view, node, keyAt, dataAt } = record;
  const { catalog } = pass;
  if (length < THREAD_SIZE_BYTES_MIN || length > THREAD_SIZE_BYTES_MAX) {
    badRecord(pass, record, 'Invalid thread record length', `${length} bytes`);
    return;
  }
  if (view.getUint16(keyAt + CATALOG_KEY.nameUnits) !== 0) {
    badRecord(pass, record, 'Invalid key for thread record', 'its key has a name');
    return;
  }
  const units = view.getUint16(dataAt + THREAD_AT.nameUnits);
  if (units === 0 || units > NAME_UNITS_MAX || THREAD_AT.name + 2 * units > length) {
    badRecord(pass, record, 'Invalid parent CName in thread record', `${units} units in ${length} bytes`);
    return;
  }
  const id = view.getUint32(keyAt + CATALOG_KEY.parent);
  const parent = view.getUint32(dataAt + THREAD_AT.parent);
  const isId = id >= CNID.firstUser || id === CNID.root;
  const isParent =
    parent === CNID.rootParent ? id === CNID.root : parent >= CNID.firstUser || parent === CNID.root;
  if (!isId || !isParent) {
    badRecord(pass, record, 'Invalid file or directory ID found', `thread of ${id} in folder ${parent}`);
    return;
  }
  const row = catalog.threads.add();
  catalog.threads.set(row, ID, id);
  catalog.threads.set(row, PARENT, parent);
  catalog.threads.set(row, NODE, node);
  catalog.threads.set(row, PLACE, keyAt * 65_536 + dataAt);
  catalog.threads.set(row, KIND, type);
  catalog.threads.set(row, HASH, hashUnits(view, dataAt + THREAD_AT.name, units));
  catalog.threadById.set(id, row);
}
