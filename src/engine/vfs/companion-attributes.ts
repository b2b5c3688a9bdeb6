import { equalBytes } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import type { VolumeNode } from '../formats/contract.ts';
import * as AppleDoubleFile from './appledouble.ts';
import type { AppleDouble, ByteRange } from './appledouble.ts';
import * as Rules from './attribute-rules.ts';
import type { AttributeWrite } from './attribute-rules.ts';
import { companionName, findCompanion } from './companion.ts';
import type { MountedVolume } from './mount.ts';
import type { Entry } from './namei.ts';

/**
 * Extended attributes on volumes that have none: kept in the `._name` beside each file, which comes with the first
 * attribute and goes with the last. Source: xnu bsd/vfs/vfs_xattr.c (default_setxattr_vfs …). Whoever calls has checked
 * what attribute-rules.ts checks.
 *
 * Differs from xnu in three things no program can want: an attribute that is refused (REPLACE of what is not there)
 * leaves no empty `._` file behind; the placeholder fork of a new file is replaced, not written into; the attributes of
 * a `._` file itself are an empty list, not EPERM.
 */
const { FINDER_INFO, RESOURCE_FORK, PROTECTED_PREFIX, VALUE_BYTES_MAX } = Rules;

export function readCompanionAttribute(entry: Entry, name: string, path: string): Uint8Array | undefined {
  const file = openCompanion(entry);
  if (file === undefined) return undefined;
  const { volume, parsed } = file;
  if (name === FINDER_INFO) {
    const value = parsed.finderInfo?.value;
    return value === undefined || AppleDoubleFile.isEmptyFinderInfo(value) ? undefined : value;
  }
  if (name === RESOURCE_FORK) {
    Rules.requireForkHolder(entry, path);
    const fork = usedFork(file);
    return fork === null ? undefined : readRange(volume, file.node, fork, path);
  }
  const found = parsed.table?.attributes.find((attribute) => attribute.name === name);
  return found === undefined ? undefined : readRange(volume, file.node, found, path);
}

/** In xnu's order: Finder information, resource fork, the others as stored. */
export function listCompanionAttributes(entry: Entry): string[] {
  let file: Companion | undefined;
  try {
    file = openCompanion(entry);
  } catch (error) {
    // A damaged companion holds nothing, and a list of nothing is no error.
    if (error instanceof FsError && error.code === 'ENOATTR') return [];
    throw error;
  }
  return file === undefined ? [] : namesIn(file, entry);
}

export function writeCompanionAttribute(entry: Entry, change: AttributeWrite, path: string): void {
  const { name, value } = change;
  const file = openCompanion(entry);
  const exists = file !== undefined && namesIn(file, entry).includes(name);
  Rules.requirePresence(exists, change, path);
  if (name === FINDER_INFO && AppleDoubleFile.isEmptyFinderInfo(value)) {
    if (exists) removeCompanionAttribute(entry, name, path);
    return;
  }
  if (file === undefined) create(entry, { name, value }, path);
  else replace(file, { name, value }, path);
}

// ── the file behind ─────────────────────────────────────────────────────────────────────────────────────────────

interface Companion {
  readonly volume: MountedVolume;
  readonly node: VolumeNode;
  readonly sizeBytes: number;
  /** The first 64 KiB. */
  readonly head: Uint8Array;
  readonly parsed: AppleDouble;
}

/**
 * Undefined when there is none, or one that belongs to somebody else or is empty; ENOATTR when it is damaged.
 */
function openCompanion({ directory, name, target }: Entry): Companion | undefined {
  const node = findCompanion(directory, name);
  if (node === undefined) return undefined;
  const { volume } = directory.mount;
  const { sizeBytes, uid } = volume.attributes(node);
  if (sizeBytes === 0 || uid !== volume.attributes(target.node).uid) return undefined;
  const head = new Uint8Array(Math.min(sizeBytes, AppleDoubleFile.HEADER_BYTES_MAX));
  const length = volume.read(node, 0, head);
  const parsed = AppleDoubleFile.parseAppleDouble(head.subarray(0, length), sizeBytes);
  return { volume, node, sizeBytes, head, parsed };
}

function namesIn(file: Companion, { target }: Entry): string[] {
  const { finderInfo, table } = file.parsed;
  const names: string[] = [];
  if (finderInfo !== null && !AppleDoubleFile.isEmptyFinderInfo(finderInfo.value)) names.push(FINDER_INFO);
  if (target.node.type === 'file' && usedFork(file) !== null) names.push(RESOURCE_FORK);
  for (const { name } of table?.attributes ?? []) {
    if (name !== '' && !name.startsWith(PROTECTED_PREFIX)) names.push(name);
  }
  return names;
}

/** The resource fork, unless it has no bytes or only says that it is empty. */
function usedFork({ volume, node, parsed }: Companion): ByteRange | null {
  const fork = parsed.resourceFork;
  if (fork === null || fork.lengthBytes === 0) return null;
  if (fork.lengthBytes !== AppleDoubleFile.EMPTY_FORK_BYTES) return fork;
  const bytes = new Uint8Array(fork.lengthBytes);
  volume.read(node, fork.offsetBytes, bytes);
  return AppleDoubleFile.isEmptyResourceFork(bytes) ? null : fork;
}

/** The first attribute of a file. Without room for all of it nothing stays. */
function create(entry: Entry, attribute: NamedValue, path: string): void {
  const { directory, name, target } = entry;
  const { volume } = directory.mount;
  const attributes = volume.attributes(target.node);
  const init = { mode: attributes.mode & 0o666, uid: attributes.uid, gid: attributes.gid };
  const existing = findCompanion(directory, name);
  let node: VolumeNode;
  if (existing === undefined) {
    node = createNode(volume, directory.node, companionName(name), init, path);
  } else {
    const { sizeBytes } = volume.attributes(existing);
    if (sizeBytes > 0) {
      throw new FsError('EPERM', '', path, `${companionName(name)} is there and belongs to somebody else`);
    }
    volume.retain(existing);
    node = existing;
  }
  try {
    writeAll(volume, node, 0, newFile(volume.attributes(node).inode, attribute));
  } catch (error) {
    if (existing === undefined) volume.remove(directory.node, companionName(name));
    else volume.truncate(node, 0);
    throw error;
  } finally {
    volume.release(node);
  }
}

function createNode(
  volume: MountedVolume,
  directory: VolumeNode,
  name: string,
  init: { mode: number; uid: number; gid: number },
  path: string,
): VolumeNode {
  try {
    return volume.create(directory, name, init);
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    throw new FsError('EPERM', '', path, `${name} cannot be made: ${error.code}`, { cause: error });
  }
}

interface NamedValue {
  readonly name: string;
  readonly value: Uint8Array;
}

function newFile(fileId: number, { name, value }: NamedValue): Uint8Array {
  const finderInfo = name === FINDER_INFO ? value : new Uint8Array(AppleDoubleFile.FINDER_INFO_BYTES);
  const fork = name === RESOURCE_FORK ? value : AppleDoubleFile.emptyResourceFork();
  const attributes = name === FINDER_INFO || name === RESOURCE_FORK ? [] : [{ name, flags: 0, value }];
  const totalSizeBytes = AppleDoubleFile.spaceFor(attributes, AppleDoubleFile.NEW_TOTAL_BYTES);
  const head = AppleDoubleFile.encodeAppleDouble({
    ...{ fileId: fileId >>> 0, finderInfo, attributes, totalSizeBytes },
    resourceForkBytes: fork.length,
  });
  const out = new Uint8Array(head.length + fork.length);
  out.set(head);
  out.set(fork, head.length);
  return out;
}

/** Set one attribute of a file that has some. */
function replace(file: Companion, { name, value }: NamedValue, path: string): void {
  const contents = changeable(file, path);
  const { finderInfo, attributes, fork } = contents;
  if (name === FINDER_INFO) return rewrite(file, { ...contents, finderInfo: value });
  if (name === RESOURCE_FORK) {
    const used = usedFork(file);
    const fits = used !== null && value.length <= used.lengthBytes;
    return fits
      ? writeAll(file.volume, file.node, used.offsetBytes, value)
      : rewrite(file, { ...contents, fork: value });
  }
  const before = attributes.find((attribute) => attribute.name === name);
  const set = { name, flags: 0, value };
  // A value of another size is removed and added again at the end, as xnu does.
  const changed =
    before?.value.length === value.length
      ? attributes.map((attribute) => (attribute === before ? set : attribute))
      : [...attributes.filter((attribute) => attribute !== before), set];
  rewrite(file, { finderInfo, attributes: changed, fork });
}

export function removeCompanionAttribute(entry: Entry, name: string, path: string): void {
  const file = openCompanion(entry);
  if (file === undefined) throw Rules.noAttribute(name, path);
  if (name === RESOURCE_FORK) Rules.requireForkHolder(entry, path);
  const hidden = file.parsed.table?.attributes.filter((a) => a.name.startsWith(PROTECTED_PREFIX)) ?? [];
  const names = namesIn(file, entry);
  if (!names.includes(name)) throw Rules.noAttribute(name, path);
  if (names.length + hidden.length === 1) {
    entry.directory.mount.volume.remove(entry.directory.node, companionName(entry.name));
    return;
  }
  const contents = changeable(file, path);
  if (name === FINDER_INFO) {
    rewrite(file, { ...contents, finderInfo: new Uint8Array(AppleDoubleFile.FINDER_INFO_BYTES) });
  } else if (name === RESOURCE_FORK) {
    rewrite(file, { ...contents, fork: new Uint8Array(0) });
  } else {
    rewrite(file, { ...contents, attributes: contents.attributes.filter((a) => a.name !== name) });
  }
}

interface Contents {
  readonly finderInfo: Uint8Array;
  readonly attributes: readonly (NamedValue & { readonly flags: number })[];
  /** Null leaves the resource fork as it is, wherever it then lies. */
  readonly fork: Uint8Array | null;
}

/** Files of other systems may be laid out in ways that only reading allows: ENOATTR, as xnu answers. */
function changeable({ volume, node, parsed }: Companion, path: string): Contents {
  const { finderInfo, table, isChangeable } = parsed;
  const isPlain = finderInfo?.lengthBytes === AppleDoubleFile.FINDER_INFO_BYTES;
  if (!isChangeable || finderInfo === null || (table === null && !isPlain)) {
    throw new FsError(
      'ENOATTR',
      '',
      path,
      'its AppleDouble file is laid out in a way that cannot be changed',
    );
  }
  const attributes = (table?.attributes ?? []).map((attribute) => ({
    name: attribute.name,
    flags: attribute.flags,
    value: readRange(volume, node, attribute, path),
  }));
  return { finderInfo: finderInfo.value, attributes, fork: null };
}

/** Several operations on a file that nobody has open: it is held meanwhile. */
function rewrite(file: Companion, contents: Contents): void {
  file.volume.retain(file.node);
  try {
    rewriteHeld(file, contents);
  } finally {
    file.volume.release(file.node);
  }
}

/** Growing comes first, so that a full disk changes nothing; then the fork makes room; then the head. */
function rewriteHeld(file: Companion, contents: Contents): void {
  const { volume, node, parsed, sizeBytes, head } = file;
  const oldFork = parsed.resourceFork ?? { offsetBytes: sizeBytes, lengthBytes: 0 };
  const { attributes, fork, totalSizeBytes } = withRoom(contents, parsed.table === null, oldFork);
  const forkBytes = fork?.length ?? oldFork.lengthBytes;
  const newSizeBytes = totalSizeBytes + forkBytes;
  if (newSizeBytes > sizeBytes) volume.truncate(node, newSizeBytes);
  if (fork !== null) writeAll(volume, node, totalSizeBytes, fork);
  else moveRange(volume, node, oldFork, totalSizeBytes);
  const changed = AppleDoubleFile.encodeAppleDouble({
    fileId: parsed.table?.fileId ?? volume.attributes(node).inode >>> 0,
    ...{ finderInfo: contents.finderInfo, attributes },
    ...{ totalSizeBytes, resourceForkBytes: forkBytes },
  });
  writeChanged(volume, node, head, changed);
  if (fork !== null && newSizeBytes < sizeBytes) volume.truncate(node, newSizeBytes);
}

/** A file with bare Finder information gets its table: 4096 bytes, with an empty fork where there was none. */
function withRoom(contents: Contents, isPlain: boolean, oldFork: ByteRange) {
  const { attributes } = contents;
  const hasFork = contents.fork !== null || oldFork.lengthBytes > 0;
  const fork = isPlain && !hasFork ? AppleDoubleFile.emptyResourceFork() : contents.fork;
  const leastBytes = hasFork ? AppleDoubleFile.GROWTH_BYTES : AppleDoubleFile.NEW_TOTAL_BYTES;
  const roomBytes = isPlain ? Math.max(oldFork.offsetBytes, leastBytes) : oldFork.offsetBytes;
  return { attributes, fork, totalSizeBytes: AppleDoubleFile.spaceFor(attributes, roomBytes) };
}

/** Backwards, for the ranges may overlap. */
function moveRange(volume: MountedVolume, node: VolumeNode, from: ByteRange, toBytes: number): void {
  if (from.offsetBytes === toBytes) return;
  const buffer = new Uint8Array(Math.min(from.lengthBytes, 65_536));
  for (let end = from.lengthBytes; end > 0;) {
    const piece = buffer.subarray(0, Math.min(end, buffer.length));
    end -= piece.length;
    volume.read(node, from.offsetBytes + end, piece);
    writeAll(volume, node, toBytes + end, piece);
  }
}

/** Only the bytes that differ from what is there, as one run. */
function writeChanged(volume: MountedVolume, node: VolumeNode, before: Uint8Array, after: Uint8Array): void {
  if (equalBytes(before.subarray(0, after.length), after)) return;
  let first = 0;
  while (before[first] === after[first]) first++;
  let end = after.length;
  if (end <= before.length) while (end > first && before[end - 1] === after[end - 1]) end--;
  writeAll(volume, node, first, after.subarray(first, end));
}

function writeAll(volume: MountedVolume, node: VolumeNode, offsetBytes: number, data: Uint8Array): void {
  if (data.length === 0) return;
  if (volume.write(node, offsetBytes, data) < data.length) throw new FsError('ENOSPC', '', '');
}

function readRange(volume: MountedVolume, node: VolumeNode, range: ByteRange, path: string): Uint8Array {
  if (range.lengthBytes > VALUE_BYTES_MAX) throw Rules.tooBig(path);
  const value = new Uint8Array(range.lengthBytes);
  if (volume.read(node, range.offsetBytes, value) < value.length) {
    throw new FsError('EIO', '', path, 'its AppleDouble file ends before the attribute does');
  }
  return value;
}
