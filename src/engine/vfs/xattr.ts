import { FsError } from '../base/errno.ts';
import type { VolumeNode } from '../formats/contract.ts';
import { FINDER_INFO_BYTES, isEmptyFinderInfo } from './appledouble.ts';
import * as Rules from './attribute-rules.ts';
import type { AttributeWrite } from './attribute-rules.ts';
import {
  listCompanionAttributes,
  readCompanionAttribute,
  removeCompanionAttribute,
  writeCompanionAttribute,
} from './companion-attributes.ts';
import { hasCompanions, isCompanionName } from './companion.ts';
import { UF_COMPRESSED, XATTR_CREATE, XATTR_REPLACE, XATTR_SHOWCOMPRESSION } from './constants.ts';
import type { MountedVolume } from './mount.ts';
import type { Entry } from './namei.ts';
import type { Caller } from './naming.ts';
import { requireRead, requireWrite } from './permissions.ts';

/**
 * The four calls for extended attributes: who may, what is refused, and then either the volume's own attributes or the
 * AppleDouble file beside (companion-attributes.ts). Sources: xnu bsd/vfs/vfs_xattr.c, hfs core/hfs_xattr.c.
 *
 * Set to fewer bytes than it has, a resource fork keeps its tail, as on every macOS volume: it is written into, not
 * replaced. On a volume with attributes of its own a name that begins with `._` is a name like any other.
 */
const { FINDER_INFO, RESOURCE_FORK, PROTECTED_PREFIX } = Rules;

/** Where a compressed file keeps how it is compressed; its contents may lie in the resource fork. */
const COMPRESSION = 'com.apple.decmpfs';

export function readAttribute(
  caller: Caller,
  entry: Entry,
  { name, options }: { readonly name: string; readonly options: number },
  path: string,
): Uint8Array {
  Rules.requireAttributeName(name, path);
  requireAttributeHolder(entry, path);
  requireRead(entry.target, caller.credentials, path);
  const value = hasCompanions(entry.target.mount)
    ? readCompanionAttribute(entry, name, path)
    : readNative(entry, name, options, path);
  if (value === undefined) throw Rules.noAttribute(name, path);
  return value;
}

/** In xnu's order: Finder information, resource fork, the others as stored. */
export function listAttributes(caller: Caller, entry: Entry, options: number, path: string): string[] {
  const { mount, node } = entry.target;
  const isPossible = hasCompanions(mount) || nativeVolume(entry) !== undefined;
  if (!isPossible || node.type.endsWith('device')) return [];
  requireRead(entry.target, caller.credentials, path);
  if (hasCompanions(mount)) return isCompanion(entry) ? [] : listCompanionAttributes(entry);
  const hidden = hiddenNames(entry, options);
  const names = nativeVolume(entry)?.listExtendedAttributes?.(node) ?? [];
  return names.filter((name) => !name.startsWith(PROTECTED_PREFIX) && !hidden.includes(name));
}

export function removeAttribute(caller: Caller, entry: Entry, name: string, path: string): void {
  Rules.requireAttributeName(name, path);
  requireAttributeHolder(entry, path);
  requireWrite(entry.target, caller.credentials, path, false);
  if (hasCompanions(entry.target.mount)) removeCompanionAttribute(entry, name, path);
  else removeNative(entry, name, path);
}

export function writeAttribute(caller: Caller, entry: Entry, change: AttributeWrite, path: string): void {
  const { name, value, options } = change;
  Rules.requireWriteOptions(options, path);
  Rules.requireAttributeName(name, path);
  requireAttributeHolder(entry, path);
  requireWrite(entry.target, caller.credentials, path, false);
  if (value.length > Rules.VALUE_BYTES_MAX) throw Rules.tooBig(path);
  if (name === FINDER_INFO && value.length !== FINDER_INFO_BYTES) {
    throw new FsError('ERANGE', '', path, `${FINDER_INFO} has ${FINDER_INFO_BYTES} bytes`);
  }
  if (name === RESOURCE_FORK) Rules.requireForkHolder(entry, path);
  if (hasCompanions(entry.target.mount)) writeCompanionAttribute(entry, change, path);
  else writeNative(entry, change, path);
}

// ── attributes that the volume itself keeps ─────────────────────────────────────────────────────────────────────────

/** The contract gives all four calls or none. */
type NativeVolume = MountedVolume &
  Required<
    Pick<
      MountedVolume,
      'getExtendedAttribute' | 'setExtendedAttribute' | 'removeExtendedAttribute' | 'listExtendedAttributes'
    >
  >;

function nativeVolume({ target }: Entry): NativeVolume | undefined {
  const { volume } = target.mount;
  return volume.getExtendedAttribute === undefined ? undefined : (volume as NativeVolume);
}

function requireNative(entry: Entry, path: string): { volume: NativeVolume; node: VolumeNode } {
  const volume = nativeVolume(entry);
  if (volume === undefined) throw new FsError('ENOTSUP', '', path);
  return { volume, node: entry.target.node };
}

function readNative(entry: Entry, name: string, options: number, path: string): Uint8Array | undefined {
  if (name === RESOURCE_FORK) Rules.requireForkHolder(entry, path);
  if (hiddenNames(entry, options).includes(name)) return undefined;
  const { volume, node } = requireNative(entry, path);
  return volume.getExtendedAttribute(node, name);
}

function writeNative(entry: Entry, change: AttributeWrite, path: string): void {
  const { name, value, options } = change;
  requireNotHidden(entry, name, options, path);
  const { volume, node } = requireNative(entry, path);
  // Only who asks for it, and the fork, whose tail stays, needs to know what was there.
  const isFinderInfo = name === FINDER_INFO;
  const before = isFinderInfo || name === RESOURCE_FORK ? volume.getExtendedAttribute(node, name) : undefined;
  const isAsked = (options & (XATTR_CREATE | XATTR_REPLACE)) !== 0;
  const exists = before !== undefined || (isAsked && volume.listExtendedAttributes(node).includes(name));
  Rules.requirePresence(exists, change, path);
  if (isFinderInfo && isEmptyFinderInfo(value)) {
    if (exists) volume.removeExtendedAttribute(node, name);
    return;
  }
  if (name !== RESOURCE_FORK) return volume.setExtendedAttribute(node, name, value);
  // Nothing written into a fork changes nothing, whether there is one or not.
  if (value.length > 0) volume.setExtendedAttribute(node, name, writtenInto(before, value));
}

function writtenInto(before: Uint8Array | undefined, value: Uint8Array): Uint8Array {
  if (before === undefined || before.length <= value.length) return value;
  const whole = before.slice();
  whole.set(value);
  return whole;
}

function removeNative(entry: Entry, name: string, path: string): void {
  if (name === RESOURCE_FORK) Rules.requireForkHolder(entry, path);
  requireNotHidden(entry, name, 0, path);
  const { volume, node } = requireNative(entry, path);
  volume.removeExtendedAttribute(node, name);
}

/** What holds the compressed contents of a file is nobody's business but the kernel's (hfs_hides_xattr). */
function hiddenNames({ target }: Entry, options: number): readonly string[] {
  if ((options & XATTR_SHOWCOMPRESSION) !== 0 || target.node.type !== 'file') return [];
  const isCompressed = (target.mount.volume.attributes(target.node).flags & UF_COMPRESSED) !== 0;
  return isCompressed ? [COMPRESSION, RESOURCE_FORK] : [];
}

function requireNotHidden(entry: Entry, name: string, options: number, path: string): void {
  if (!hiddenNames(entry, options).includes(name)) return;
  throw new FsError('EPERM', '', path, 'it holds the compressed contents of the file');
}

// ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

const isCompanion = ({ name, target }: Entry): boolean =>
  target.node.type === 'file' && isCompanionName(name) && name.length > 2;

function requireAttributeHolder(entry: Entry, path: string): void {
  const { mount, node } = entry.target;
  if (node.type.endsWith('device')) throw new FsError('EPERM', '', path, 'devices have no attributes');
  if (hasCompanions(mount)) {
    if (isCompanion(entry)) throw new FsError('EPERM', '', path, 'it holds the attributes of another file');
  } else requireNative(entry, path);
}
