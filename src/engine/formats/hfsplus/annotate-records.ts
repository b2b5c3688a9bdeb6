import { viewOf } from '../../base/bytes.ts';
import { hex } from '../../codec/struct.ts';
import { CNID, plural } from './layout.ts';
import {
  ATTRIBUTE_RECORD,
  AttributeExtents,
  AttributeFork,
  AttributeInline,
  AttributeKey,
  CatalogFile,
  CatalogFolder,
  CatalogKey,
  CatalogThread,
  ExtentsKey,
  FILE_TYPE,
  FORK_TYPE,
  RECORD_TYPE,
  storedUnits,
} from './layout-catalog.ts';
import { ExtentFields, EXTENTS_PER_RECORD, EXTENT_SIZE_BYTES } from './layout.ts';
import { FieldList, count, rangeOf, shown } from './annotate-pieces.ts';
import { NODE_KIND } from './layout-tree.ts';
import type { OwnerIndex } from './owner-index.ts';
import { attributeName } from './view-files.ts';
import type { ViewNode } from './view-tree.ts';

/** Records of the three trees, in one line and field by field. */

const SYSTEM_FILES: Readonly<Record<number, string>> = {
  [CNID.rootParent]: 'above the root',
  [CNID.root]: 'the root folder',
  [CNID.extentsFile]: 'extents overflow file',
  [CNID.catalogFile]: 'catalog file',
  [CNID.badBlocks]: 'bad blocks',
  [CNID.allocationFile]: 'allocation file',
  [CNID.startupFile]: 'startup file',
  [CNID.attributesFile]: 'attributes file',
};

/** '17: /photos' */
export function idText(index: OwnerIndex, id: number): string {
  return `${id}: ${SYSTEM_FILES[id] ?? shown(index.pathOf(id))}`;
}

/** A name for people; a NUL, which begins the names of the private folders, is ␀ as everywhere in Unix. */
const quoted = (name: string): string => shown(JSON.stringify(name.replaceAll('\0', '\u2400')));

// ── one line ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A record in words: 'file "notes.txt" in /', 'thread of 17', 'extents of /a from block 64'. */
export function describeRecord(index: OwnerIndex, node: ViewNode, record: number): string {
  const { name } = node.tree;
  if (name === 'catalog') return describeCatalog(index, node, record);
  return name === 'extents' ? describeExtents(index, node, record) : describeAttribute(index, node, record);
}

function describeCatalog(index: OwnerIndex, node: ViewNode, record: number): string {
  const { from, to } = node.span(record);
  const dataAt = node.keyEnd(record);
  const bytes = node.bytes.subarray(0, to);
  const { parentId, nameUnits } = CatalogKey.peek(bytes, from);
  const name = storedUnits(bytes.subarray(0, dataAt), from + CatalogKey.sizeBytes, nameUnits);
  const where = parentId === CNID.rootParent ? '' : ` in ${shown(index.pathOf(parentId))}`;
  if (node.kind === NODE_KIND.index)
    return `from ${name === '' ? `thread of ${parentId}` : `${quoted(name)}${where}`}`;
  switch (recordTypeAt(bytes, dataAt)) {
    case RECORD_TYPE.folder:
      return `folder ${quoted(name)}${where}`;
    case RECORD_TYPE.file:
      return `${fileWord(bytes, dataAt)} ${quoted(name)}${where}`;
    case RECORD_TYPE.folderThread:
    case RECORD_TYPE.fileThread: {
      const thread = CatalogThread.peek(bytes, dataAt);
      const itsName = storedUnits(bytes, dataAt + CatalogThread.sizeBytes, thread.nameUnits);
      return `thread: ${parentId} is ${quoted(itsName)} in ${thread.parentId}`;
    }
    default:
      return `record of unknown type ${hex(recordTypeAt(bytes, dataAt))}`;
  }
}

export const recordTypeAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

function fileWord(bytes: Uint8Array, at: number): string {
  const { fileType } = CatalogFile.peek(bytes, at);
  if (fileType === FILE_TYPE.hardLink) return 'hard link';
  if (fileType === FILE_TYPE.directoryLink) return 'directory hard link';
  return fileType === FILE_TYPE.symlink ? 'symbolic link' : 'file';
}

function describeExtents(index: OwnerIndex, node: ViewNode, record: number): string {
  const { fileId, forkType, startBlock } = ExtentsKey.peek(
    node.bytes.subarray(0, node.span(record).to),
    node.span(record).from,
  );
  const whose = SYSTEM_FILES[fileId] ?? shown(index.pathOf(fileId));
  const word = forkType === FORK_TYPE.resource ? 'resource fork of ' : '';
  const from = node.kind === NODE_KIND.index ? 'from ' : 'extents of ';
  return `${from}${word}${whose}, block ${startBlock} of the fork on`;
}

function describeAttribute(index: OwnerIndex, node: ViewNode, record: number): string {
  const key = AttributeKey.peek(node.bytes.subarray(0, node.span(record).to), node.span(record).from);
  const whose = `${quoted(attributeName(node, record))} of ${shown(index.pathOf(key.fileId))}`;
  if (node.kind === NODE_KIND.index) return `from ${whose}`;
  return key.startBlock === 0 ? `attribute ${whose}` : `more extents of attribute ${whose}`;
}

// ── field by field ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Fields of record `record`, from the start of its key to its end. */
export function recordFields(index: OwnerIndex, node: ViewNode, record: number, prefix: string): FieldList {
  const { from, to } = node.span(record);
  const list = new FieldList(node.bytes, from, prefix);
  const dataAt = node.keyEnd(record);
  keyFields(index, node, list, dataAt);
  if (node.kind === NODE_KIND.index) pointerField(node, list, to);
  else if (node.tree.name === 'catalog') catalogFields(index, list, to);
  else if (node.tree.name === 'extents') extentFields(list, to);
  else attributeFields(list, to);
  list.rest(to, 'padding', 'fills up to an even length');
  return list;
}

function keyFields(index: OwnerIndex, node: ViewNode, list: FieldList, end: number): void {
  const { name } = node.tree;
  const start = list.at;
  if (name === 'extents') {
    const { fileId } = ExtentsKey.peek(list.bytes.subarray(0, end), start);
    list.struct(ExtentsKey, end, { fileId: idText(index, fileId) });
  } else {
    const struct = name === 'catalog' ? CatalogKey : AttributeKey;
    const bytes = list.bytes.subarray(0, end);
    const nameUnits = struct.peek(bytes, start).nameUnits;
    const words: Record<string, string> =
      name === 'catalog'
        ? { parentId: idText(index, CatalogKey.peek(bytes, start).parentId) }
        : { fileId: idText(index, AttributeKey.peek(bytes, start).fileId) };
    if (list.struct(struct, end, words)) nameField(list, `${struct.name}.name`, nameUnits, end);
  }
  list.rest(end, 'key padding', 'fills the key up to its length');
}

function nameField(list: FieldList, name: string, nameUnits: number, end: number): void {
  const text = storedUnits(list.bytes.subarray(0, end), list.at, nameUnits);
  const doc = 'UTF-16 units, big-endian, decomposed; HFS+ stores "/" where Unix shows ":"';
  list.run(Math.min(list.at + 2 * nameUnits, end), name, quoted(text), doc, 'TN1150, "Unicode Subtleties"');
}

function pointerField(node: ViewNode, list: FieldList, to: number): void {
  if (list.at + 4 > to) return;
  const child = viewOf(list.bytes).getUint32(list.at);
  const text = node.tree.has(child) ? `node ${child}` : `node ${child}, which the tree does not have`;
  list.run(list.at + 4, 'child', text, 'the node below, which begins with this key', 'TN1150, "Index Nodes"');
}

function catalogFields(index: OwnerIndex, list: FieldList, to: number): void {
  const bytes = list.bytes.subarray(0, to);
  const start = list.at;
  switch (recordTypeAt(bytes, start)) {
    case RECORD_TYPE.folder:
      list.struct(CatalogFolder, to, { folderId: idText(index, CatalogFolder.peek(bytes, start).folderId) });
      return;
    case RECORD_TYPE.file:
      list.struct(CatalogFile, to, { fileId: idText(index, CatalogFile.peek(bytes, start).fileId) });
      return;
    case RECORD_TYPE.folderThread:
    case RECORD_TYPE.fileThread: {
      const { parentId, nameUnits } = CatalogThread.peek(bytes, start);
      if (list.struct(CatalogThread, to, { parentId: idText(index, parentId) })) {
        nameField(list, 'CatalogThread.name', nameUnits, to);
      }
      return;
    }
    default:
      list.run(
        to,
        'unknown',
        `record type ${hex(recordTypeAt(bytes, start))}`,
        'types are 1 folder, 2 file, 3 and 4 threads',
      );
  }
}

/** The eight extents of a record of the overflow tree. */
function extentFields(list: FieldList, to: number): void {
  for (let i = 0; i < EXTENTS_PER_RECORD && list.at + EXTENT_SIZE_BYTES <= to; i++) {
    const { startBlock, blockCount } = ExtentFields.peek(list.bytes, list.at);
    const text =
      blockCount === 0
        ? 'unused'
        : `${rangeOf('block', startBlock, blockCount)} (${plural('block')(blockCount)})`;
    const doc = 'a run of allocation blocks: first block and length';
    list.run(list.at + EXTENT_SIZE_BYTES, `extent[${i}]`, text, doc, 'TN1150, "Extents Overflow File Data"');
  }
}

function attributeFields(list: FieldList, to: number): void {
  const at = list.at;
  const type = at + 4 <= to ? viewOf(list.bytes).getUint32(at) : 0;
  if (type === ATTRIBUTE_RECORD.fork) list.struct(AttributeFork, to);
  else if (type === ATTRIBUTE_RECORD.extents) list.struct(AttributeExtents, to);
  else if (type === ATTRIBUTE_RECORD.inline) {
    const { sizeBytes } = AttributeInline.peek(list.bytes.subarray(0, to), at);
    if (!list.struct(AttributeInline, to)) return;
    const end = Math.min(list.at + sizeBytes, to);
    list.run(end, 'value', valueText(list.bytes.subarray(list.at, end)), 'the attribute’s value itself');
  } else list.run(to, 'unknown', `record type ${hex(type)}`, 'types are 10, 20 and 30 (hex)');
}

const VALUE_SHOWN_MAX = 48;

function valueText(value: Uint8Array): string {
  const head = value.subarray(0, VALUE_SHOWN_MAX);
  const isText = head.every((byte) => byte >= 0x20 && byte < 0x7f);
  const more = value.length > head.length ? '…' : '';
  const words = isText
    ? JSON.stringify(String.fromCharCode(...head))
    : [...head].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `${count(value.length, 'byte')}: ${words}${more}`;
}
