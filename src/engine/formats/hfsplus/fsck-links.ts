import { viewOf } from '../../base/bytes.ts';
import { CNID } from './layout.ts';
import { RECORD_FLAG } from './layout-catalog.ts';
import {
  EXTRA,
  FLAGS,
  HASH,
  ID,
  IS_REGULAR,
  KIND,
  nameOf,
  objectOffset,
  PARENT,
  pathOf,
  setFlags,
  VALUE,
} from './fsck-catalog.ts';
import { checkChain, linkOf } from './fsck-chain.ts';
import type { Link } from './fsck-chain.ts';
import { set32 } from './fsck-moving.ts';
import type { Mover } from './fsck-moving.ts';
import type { Pass } from './fsck-pass.ts';
import { AT, hashName, TYPE } from './fsck-records.ts';
import { shown } from './fsck-report.ts';

/**
 * Hard links: names without contents that share a file (iNode<number>) or a directory (dir_<id>) in a private folder.
 * Every link has its target, every target as many links as it says, and the links form one chain.
 */
export const PRIVATE_FOLDER = '\0\0\0\0HFS+ Private Data';
export const PRIVATE_DIRECTORY_FOLDER = '.HFS+ Private Directory Data\r';

interface LinkKind {
  readonly word: 'file' | 'directory';
  readonly targetKind: number;
  readonly folderName: string;
  readonly prefix: string;
  readonly targetName: RegExp;
}

const FILES: LinkKind = {
  word: 'file',
  targetKind: TYPE.file,
  folderName: PRIVATE_FOLDER,
  prefix: 'iNode',
  targetName: /^iNode([0-9]{1,10})$/,
};
const DIRECTORIES: LinkKind = {
  word: 'directory',
  targetKind: TYPE.folder,
  folderName: PRIVATE_DIRECTORY_FOLDER,
  prefix: 'dir_',
  targetName: /^dir_([0-9]{1,10})$/,
};

export function checkFileLinks(pass: Pass, mover: Mover): void {
  checkLinks(pass, mover, FILES, pass.catalog.fileLinks);
  checkOrdinaryFiles(pass);
}

export function checkDirectoryLinks(pass: Pass, mover: Mover): void {
  const folder = privateFolder(pass, PRIVATE_DIRECTORY_FOLDER);
  const isEmpty = folder === undefined || pass.catalog.objects.get(folder, VALUE) === 0;
  if (pass.catalog.directoryLinks.length === 0 && isEmpty) return;
  pass.report.phase('Checking multi-linked directories.');
  checkLinks(pass, mover, DIRECTORIES, pass.catalog.directoryLinks);
}

/** Row of a private folder of the root. */
function privateFolder(pass: Pass, name: string): number | undefined {
  const { objects } = pass.catalog;
  const hash = hashName(name);
  for (let row = 0; row < objects.length && objects.get(row, PARENT) <= CNID.root; row++) {
    if (objects.get(row, PARENT) !== CNID.root || objects.get(row, KIND) !== TYPE.folder) continue;
    if (objects.get(row, HASH) === hash && nameOf(pass, row) === name) return row;
  }
  return undefined;
}

function checkLinks(pass: Pass, mover: Mover, kind: LinkKind, linkRows: readonly number[]): void {
  const { objects } = pass.catalog;
  const groups = new Map<number, Link[]>();
  for (const row of linkRows) {
    const target = objects.get(row, VALUE);
    const links = groups.get(target) ?? [];
    links.push(linkOf(pass, row));
    groups.set(target, links);
  }
  const folder = privateFolder(pass, kind.folderName);
  if (folder !== undefined) {
    const folderId = objects.get(folder, ID);
    for (let row = 0; row < objects.length; row++) {
      if (objects.get(row, PARENT) === folderId) checkPrivateItem(pass, mover, kind, row, groups);
    }
    if (kind === FILES) checkDates(pass, folder, linkRows);
  }
  for (const links of groups.values()) {
    for (const { row, id } of links) {
      pass.report.add({
        kind: 'orphaned-link',
        severity: 'error',
        message: `Orphaned ${kind.word} hard link (id = ${id})`,
        detail: `${pathOf(pass, id)} leads to ${objects.get(row, VALUE)}, which is not there`,
        offsetBytes: objectOffset(pass, row),
        repair: () => mover.remove(row),
      });
    }
  }
}

/** Takes the links of a target out of `groups`: what remains there leads nowhere. */
function checkPrivateItem(
  pass: Pass,
  mover: Mover,
  kind: LinkKind,
  row: number,
  groups: Map<number, Link[]>,
): void {
  const { objects } = pass.catalog;
  const name = nameOf(pass, row);
  const number = kind.targetName.exec(name)?.[1];
  if (number === undefined || objects.get(row, KIND) !== kind.targetKind) {
    if (/^temp[0-9]+$/.test(name)) unlinkedItem(pass, mover, row, name);
    else if (name.startsWith(kind.prefix)) orphanedTarget(pass, mover, kind, row, name);
    return;
  }
  const target = kind === FILES ? Number(number) : objects.get(row, ID);
  const links = groups.get(target);
  groups.delete(target);
  const id = objects.get(row, ID);
  const offsetBytes = objectOffset(pass, row);
  if (!links) {
    orphanedTarget(pass, mover, kind, row, name);
    return;
  }
  const stated = kind === FILES ? objects.get(row, VALUE) : viewOf(mover.recordOf(row)).getUint32(AT.special);
  if (stated !== links.length) {
    pass.report.line(`Incorrect number of ${kind.word} hard links`);
    pass.report.add({
      kind: 'link-count',
      severity: 'error',
      message: `Indirect node ${id} needs link count adjustment`,
      shouldBe: [links.length, stated],
      offsetBytes,
      repair: () => set32(pass, row, AT.special, links.length, 'count the hard links'),
    });
  }
  // Systems before 10.5, and Linux, make links without a chain; they stay as they are.
  if (links.every((link) => !link.isChained && link.previous === 0 && link.next === 0)) return;
  const flags = objects.get(row, FLAGS);
  if ((flags & RECORD_FLAG.hasLinkChain) === 0) {
    const right = flags | RECORD_FLAG.hasLinkChain;
    pass.report.add({
      kind: 'record-flags',
      severity: 'error',
      message: `Incorrect flags for ${kind.word} inode (id = ${id})`,
      shouldBe: [right, flags],
      offsetBytes,
      repair: () => setFlags(pass, row, right),
    });
  }
  checkChain(pass, kind === FILES ? row : null, id, kind.word, links);
}

function orphanedTarget(pass: Pass, mover: Mover, kind: LinkKind, row: number, name: string): void {
  pass.report.add({
    kind: 'orphaned-inode',
    severity: 'error',
    message: `Orphaned ${kind.word} inode (id = ${pass.catalog.objects.get(row, ID)})`,
    detail: 'no link leads to it',
    offsetBytes: objectOffset(pass, row),
    repair: () => mover.move(row, mover.lostAndFound(), name, (record) => becomeOrdinary(record)),
  });
}

function becomeOrdinary(record: DataView): void {
  const flags = record.getUint16(AT.flags) & ~RECORD_FLAG.hasLinkChain;
  record.setUint16(AT.flags, flags);
  record.setUint32(AT.special, 1);
  if (record.getUint16(AT.type) === TYPE.file) record.setUint32(AT.firstLink, 0);
}

/** A file that was removed while it was open, when the power went: nobody can reach it any more. */
function unlinkedItem(pass: Pass, mover: Mover, row: number, name: string): void {
  pass.report.add({
    kind: 'open-unlinked',
    severity: 'warning',
    message: `Orphaned open unlinked file ${shown(name)}`,
    offsetBytes: objectOffset(pass, row),
    repair: () => mover.remove(row),
  });
}

/** A link carries the creation date of the private folder, or of the root: how the driver knows it from other files. */
function checkDates(pass: Pass, folder: number, linkRows: readonly number[]): void {
  const { byId } = pass.catalog;
  const root = byId.get(CNID.root);
  const right = linkOf(pass, folder).createDate;
  const other = root === undefined ? right : linkOf(pass, root).createDate;
  for (const row of linkRows) {
    const { createDate, id } = linkOf(pass, row);
    if (right === 0 || other === 0 || createDate === right || createDate === other) continue;
    pass.report.add({
      kind: 'link-date',
      severity: 'error',
      message: 'Bad hard link creation date',
      detail: pathOf(pass, id),
      shouldBe: [right, createDate],
      offsetBytes: objectOffset(pass, row),
      repair: () => set32(pass, row, AT.createDate, right, 'a hard link has the date of the private folder'),
    });
  }
}

/** Files that are no links must not look like some. */
function checkOrdinaryFiles(pass: Pass): void {
  const { objects } = pass.catalog;
  const files = privateFolder(pass, PRIVATE_FOLDER);
  const directories = privateFolder(pass, PRIVATE_DIRECTORY_FOLDER);
  const privateIds = [files, directories].map((row) => (row === undefined ? 0 : objects.get(row, ID)));
  const journal = [hashName('.journal'), hashName('.journal_info_block')];
  for (let row = 0; row < objects.length; row++) {
    if (objects.get(row, KIND) !== TYPE.file || (objects.get(row, EXTRA) & ~IS_REGULAR) !== 0) continue;
    const flags = objects.get(row, FLAGS);
    const hasChain = (flags & RECORD_FLAG.hasLinkChain) !== 0;
    const links = objects.get(row, EXTRA) === IS_REGULAR ? objects.get(row, VALUE) : 0;
    if (!hasChain && links <= 1) continue;
    const parent = objects.get(row, PARENT);
    if (privateIds.includes(parent)) continue;
    const id = objects.get(row, ID);
    const offsetBytes = objectOffset(pass, row);
    if (hasChain) {
      pass.report.add({
        kind: 'record-flags',
        severity: 'error',
        message: `File record has hard link chain flag (id = ${id})`,
        offsetBytes,
        repair: () => setFlags(pass, row, flags & ~RECORD_FLAG.hasLinkChain),
      });
    }
    if (links <= 1 || (parent === CNID.root && journal.includes(objects.get(row, HASH)))) continue;
    pass.report.add({
      kind: 'link-count',
      severity: 'error',
      message: `File has incorrect number of links (id = ${id})`,
      shouldBe: [1, links],
      offsetBytes,
      repair: () => set32(pass, row, AT.special, 1, 'a file that is no hard link has one name'),
    });
  }
}
