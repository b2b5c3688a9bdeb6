import { CNID } from './layout.ts';
import { RECORD_FLAG } from './layout-catalog.ts';
import {
  EXTRA,
  FLAGS,
  HASH,
  ID,
  IS_DIRECTORY_LINK,
  keyAtOf,
  KIND,
  nameOf,
  NODE,
  objectOffset,
  PARENT,
  pathOf,
  setFlags,
  VALUE,
} from './fsck-catalog.ts';
import { viewOf } from '../../base/bytes.ts';
import { catalogKey } from './fsck-keys.ts';
import { set32 } from './fsck-moving.ts';
import type { Mover } from './fsck-moving.ts';
import type { Pass } from './fsck-pass.ts';
import { AT, threadName, threadRecord, TYPE } from './fsck-records.ts';
import { dataAtOf } from './fsck-catalog.ts';

/** How items hang together: ids and threads one to one, every item in a folder that leads to the root, counts. */

/** '** Checking catalog file.', what can be said once all records are known: ids and threads. */
export function checkThreads(pass: Pass, mover: Mover): void {
  const { catalog, report } = pass;
  const { objects, threads, byId } = catalog;
  checkThreadCounts(pass);
  for (let row = 0; row < objects.length; row++) {
    const id = objects.get(row, ID);
    if (byId.get(id) !== row) {
      report.add({
        kind: 'duplicate-id',
        severity: 'error',
        message: 'Invalid file or directory ID found',
        detail: `${id} is the id of "${pathOf(pass, id)}" and of another item in folder ${objects.get(row, PARENT)}`,
        offsetBytes: objectOffset(pass, row),
        repair: () => mover.renumber(row),
      });
      continue;
    }
    const thread = catalog.threadById.get(id);
    if (thread === undefined) {
      report.add({
        kind: 'thread',
        severity: 'error',
        message: `Missing thread record (id = ${id})`,
        offsetBytes: objectOffset(pass, row),
        repair: () => insertThread(pass, row),
      });
    } else {
      checkThread(pass, row, thread);
    }
  }
  for (let row = 0; row < threads.length; row++) {
    if (!byId.has(threads.get(row, ID))) orphanThread(pass, row);
  }
  for (const { row, name } of pass.renames) mover.move(row, objects.get(row, PARENT), name);
}

function checkThreadCounts(pass: Pass): void {
  const { threads, folders, files } = pass.catalog;
  let folderThreads = 0;
  for (let row = 0; row < threads.length; row++) {
    if (threads.get(row, KIND) === TYPE.folderThread) folderThreads++;
  }
  if (folderThreads === folders && threads.length - folderThreads === files) return;
  pass.report.line('Incorrect number of thread records');
  pass.report.lines.push(`(${CNID.catalogFile}, 0)`);
}

const threadTypeOf = (kind: number): number => (kind === TYPE.folder ? TYPE.folderThread : TYPE.fileThread);

function insertThread(pass: Pass, row: number): void {
  const { objects } = pass.catalog;
  const record = threadRecord(
    threadTypeOf(objects.get(row, KIND)),
    objects.get(row, PARENT),
    nameOf(pass, row),
  );
  pass.trees.catalog.insert(catalogKey(objects.get(row, ID), ''), record);
}

/** fsck_hfs does not look at where threads lead; the driver does, and finds nothing. */
function checkThread(pass: Pass, row: number, thread: number): void {
  const { objects, threads } = pass.catalog;
  const isParent = threads.get(thread, PARENT) === objects.get(row, PARENT);
  const isName = threads.get(thread, HASH) === objects.get(row, HASH);
  const isType = threads.get(thread, KIND) === threadTypeOf(objects.get(row, KIND));
  if (isParent && isName && isType) return;
  const wrong = !isType ? 'kind' : !isParent ? 'folder' : 'name';
  pass.report.add({
    kind: 'thread',
    severity: 'error',
    message: 'Invalid parent CName in thread record',
    detail: `the thread of ${objects.get(row, ID)} (${pathOf(pass, objects.get(row, ID))}) names another ${wrong}`,
    place: [CNID.catalogFile, threads.get(thread, NODE)],
    offsetBytes: pass.trees.catalog.deviceOffset(threads.get(thread, NODE), keyAtOf(threads, thread)),
    repair: () => insertThread(pass, row),
  });
}

/** Folder threads whose folder is gone but has items are left to `checkFolders`: they say where it was. */
function orphanThread(pass: Pass, row: number): void {
  const { catalog, report, trees } = pass;
  const { threads } = catalog;
  const id = threads.get(row, ID);
  const isFolder = threads.get(row, KIND) === TYPE.folderThread;
  const node = threads.get(row, NODE);
  report.add({
    kind: 'thread',
    severity: 'error',
    message: isFolder ? `Missing directory record (id = ${id})` : 'Missing file record for file thread',
    detail: isFolder ? undefined : `file ${id}`,
    place: [CNID.catalogFile, node],
    offsetBytes: trees.catalog.deviceOffset(node, keyAtOf(threads, row)),
    repair: () => trees.catalog.remove(node, keyAtOf(threads, row)),
  });
}

/** '** Checking catalog hierarchy.' */
export function checkHierarchy(pass: Pass, mover: Mover): void {
  const counts = countChildren(pass);
  checkFolders(pass, mover, counts);
  checkLoops(pass, mover);
  const { objects } = pass.catalog;
  for (let row = 0; row < objects.length; row++) {
    if (objects.get(row, KIND) === TYPE.folder) checkCounts(pass, row, counts.get(objects.get(row, ID)));
  }
}

interface Children {
  items: number;
  folders: number;
  /** The first of them. */
  readonly row: number;
}

function countChildren(pass: Pass): Map<number, Children> {
  const { objects } = pass.catalog;
  const counts = new Map<number, Children>();
  let last: Children | undefined;
  let lastParent = -1;
  for (let row = 0; row < objects.length; row++) {
    const parent = objects.get(row, PARENT);
    if (parent !== lastParent || !last) {
      last = counts.get(parent) ?? { items: 0, folders: 0, row };
      counts.set(parent, last);
      lastParent = parent;
    }
    last.items++;
    if (objects.get(row, KIND) === TYPE.folder || objects.get(row, EXTRA) === IS_DIRECTORY_LINK)
      last.folders++;
  }
  return counts;
}

/** Every item lies in a folder that exists; only the root lies in 1. */
function checkFolders(pass: Pass, mover: Mover, counts: ReadonlyMap<number, Children>): void {
  const { catalog, report } = pass;
  const { objects, byId } = catalog;
  const root = byId.get(CNID.root);
  if (
    root === undefined ||
    objects.get(root, PARENT) !== CNID.rootParent ||
    objects.get(root, KIND) !== TYPE.folder
  ) {
    report.add({
      kind: 'root',
      severity: 'error',
      message: `Missing directory record (id = ${CNID.root})`,
      offsetBytes: pass.trees.catalog.deviceOffset(0),
      repair: () => mover.makeFolder(CNID.root, CNID.rootParent, rootNameOf(pass)),
    });
  }
  for (const [parent, children] of counts) {
    if (parent === CNID.rootParent) {
      strayRoots(pass, mover, root);
      continue;
    }
    const row = byId.get(parent);
    if (row !== undefined && objects.get(row, KIND) === TYPE.folder) continue;
    const hasItems = `${children.items} item${children.items === 1 ? ' is' : 's are'} in a folder that does not exist`;
    report.add({
      kind: 'missing-folder',
      severity: 'error',
      message: `Missing directory record (id = ${parent})`,
      detail: hasItems,
      offsetBytes: objectOffset(pass, children.row),
      repair: () => adopt(pass, mover, parent, row !== undefined),
    });
  }
}

/** The thread of the root still knows the volume's name when the root's record is gone. */
function rootNameOf(pass: Pass): string {
  const thread = pass.catalog.threadById.get(CNID.root);
  return thread === undefined ? 'untitled' : threadNameOf(pass, thread);
}

function threadNameOf(pass: Pass, thread: number): string {
  const { threads } = pass.catalog;
  return threadName(
    viewOf(pass.trees.catalog.readNode(threads.get(thread, NODE))),
    dataAtOf(threads, thread),
  );
}

/** Make the folder anew where its thread says it was, else in lost+found; or move the items if its id cannot be one. */
function adopt(pass: Pass, mover: Mover, id: number, isTaken: boolean): void {
  const { objects, byId, threads, threadById } = pass.catalog;
  if (id === CNID.root) return;
  if (id < CNID.firstUser || isTaken) {
    for (let row = 0; row < objects.length; row++) {
      if (objects.get(row, PARENT) === id) mover.move(row, mover.lostAndFound(), nameOf(pass, row));
    }
    return;
  }
  const thread = threadById.get(id);
  const parent = thread === undefined ? 0 : threads.get(thread, PARENT);
  const parentRow = byId.get(parent);
  if (thread !== undefined && parentRow !== undefined && objects.get(parentRow, KIND) === TYPE.folder) {
    mover.makeFolder(id, parent, threadNameOf(pass, thread));
  } else {
    mover.makeFolder(id, mover.lostAndFound(), `${id}`);
  }
  if (id > pass.catalog.maxId) pass.catalog.maxId = id;
}

function strayRoots(pass: Pass, mover: Mover, root: number | undefined): void {
  const { objects } = pass.catalog;
  for (let row = 0; row < objects.length && objects.get(row, PARENT) <= CNID.rootParent; row++) {
    if (row === root || objects.get(row, PARENT) !== CNID.rootParent) continue;
    pass.report.add({
      kind: 'root',
      severity: 'error',
      message: 'Invalid catalog record type',
      detail: `item ${objects.get(row, ID)} lies beside the root`,
      offsetBytes: objectOffset(pass, row),
      repair: () => mover.move(row, mover.lostAndFound(), nameOf(pass, row)),
    });
  }
}

const [UNKNOWN, ON_PATH, LEADS_OUT] = [0, 1, 2];

/** Going up from every folder must end; each folder is passed once. */
function checkLoops(pass: Pass, mover: Mover): void {
  const { objects, byId } = pass.catalog;
  const state = new Uint8Array(objects.length);
  const path: number[] = [];
  for (let start = 0; start < objects.length; start++) {
    if (objects.get(start, KIND) !== TYPE.folder) continue;
    let row: number | undefined = start;
    while (row !== undefined && state[row] === UNKNOWN && objects.get(row, KIND) === TYPE.folder) {
      state[row] = ON_PATH;
      path.push(row);
      if (objects.get(row, ID) === CNID.root) break;
      row = byId.get(objects.get(row, PARENT));
    }
    if (row !== undefined && state[row] === ON_PATH && objects.get(row, ID) !== CNID.root)
      loopAt(pass, mover, row);
    for (const passed of path) state[passed] = LEADS_OUT;
    path.length = 0;
  }
}

function loopAt(pass: Pass, mover: Mover, row: number): void {
  pass.report.add({
    kind: 'loop',
    severity: 'error',
    message: 'Loop in directory hierarchy',
    detail: `folder ${pass.catalog.objects.get(row, ID)} is inside itself`,
    place: [CNID.catalogFile, pass.catalog.objects.get(row, NODE)],
    offsetBytes: objectOffset(pass, row),
    repair: () => mover.move(row, mover.lostAndFound(), nameOf(pass, row)),
  });
}

function checkCounts(pass: Pass, row: number, children: Children | undefined): void {
  const { report, headers } = pass;
  const { objects } = pass.catalog;
  const id = objects.get(row, ID);
  const items = children?.items ?? 0;
  const folders = children?.folders ?? 0;
  const valence = objects.get(row, VALUE);
  const offsetBytes = objectOffset(pass, row);
  if (valence !== items) {
    report.add({
      kind: 'valence',
      severity: 'error',
      message: 'Invalid directory item count',
      detail: pathOf(pass, id),
      shouldBe: [items, valence],
      offsetBytes,
      repair: () => set32(pass, row, AT.valence, items, 'count the items in the folder'),
    });
  }
  const flags = objects.get(row, FLAGS);
  const hasCount = (flags & RECORD_FLAG.hasFolderCount) !== 0;
  if (headers.isHfsx && !hasCount) {
    const right = flags | RECORD_FLAG.hasFolderCount;
    report.add({
      kind: 'folder-count',
      severity: 'error',
      message: `HasFolderCount flag needs to be set (id = ${id})`,
      shouldBe: [right, flags],
      offsetBytes,
      repair: () => setFlags(pass, row, right),
    });
  }
  const stated = objects.get(row, EXTRA);
  if (!headers.isHfsx || stated === folders) return;
  report.add({
    kind: 'folder-count',
    severity: 'error',
    message: `Incorrect folder count in a directory (id = ${id})`,
    shouldBe: [folders, stated],
    offsetBytes,
    repair: () => set32(pass, row, AT.folderCount, folders, 'count the folders in the folder'),
  });
}
