import { assert } from '../../src/engine/base/assert.ts';
import { UF_HIDDEN } from '../../src/engine/vfs/constants.ts';
import type { Timespec } from '../../src/engine/base/clock.ts';
import type {
  Attributes,
  CloneOwner,
  Extent,
  FileType,
  VolumeNode,
} from '../../src/engine/formats/contract.ts';

/** A file or directory of a volume in memory, and what can be said of one without its volume. */
export type SpecialType = Exclude<FileType, 'file' | 'directory' | 'symlink'>;

export interface MemoryNode extends VolumeNode {
  attributes: Omit<Attributes, 'inode' | 'type' | 'linkCount' | 'sizeBytes' | 'allocatedBytes'>;
  linkCount: number;
  holders: number;
  contents: Uint8Array;
  readonly extended: Map<string, Uint8Array>;
  target: string;
  /** Major << 24 | minor of a device node. */
  device: number;
  parent: MemoryNode | null;
  /** By folded name, in the order of creation. */
  readonly entries: Map<string, { name: string; node: MemoryNode; position: number }>;
}

export const BLOCK_SIZE_BYTES = 512;
export const FINDER_INFO = 'com.apple.FinderInfo';
/** Of byte 8 of the Finder's information. */
export const INVISIBLE = 0x40;
/** Document id, date added, count of writes: nobody sees them. */
const SYSTEM_BYTES = [16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30, 31];

export function finderRecord(node: MemoryNode, value = new Uint8Array(32)): Uint8Array | undefined {
  const byte = value[8] ?? 0;
  value[8] = node.attributes.flags & UF_HIDDEN ? byte | INVISIBLE : byte & ~INVISIBLE;
  for (const at of SYSTEM_BYTES) value[at] = 0;
  if (node.type === 'symlink') value.fill(0, 0, 8);
  return value.some((each) => each !== 0) ? value : undefined;
}

export const RESOURCE_FORK = 'com.apple.ResourceFork';

export function own(node: VolumeNode): MemoryNode {
  assert('entries' in node, 'the node is of this volume');
  return node as MemoryNode;
}

const ZEROS = Buffer.alloc(65_536);

function isZero(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  const end = Math.min(at + lengthBytes, bytes.length);
  return ZEROS.compare(bytes, at, end, 0, end - at) === 0;
}

/** Runs of blocks that hold something but zeros, at made-up places: a block of zeros is a hole here. */
export function runsOf({ contents, inode }: MemoryNode): Extent[] {
  const runs: { fileOffsetBytes: number; deviceOffsetBytes: number; lengthBytes: number }[] = [];
  for (let at = 0; at < contents.length; at += BLOCK_SIZE_BYTES) {
    // Files that fill a disk are long and nothing but zeros.
    while (at % ZEROS.length === 0 && at < contents.length && isZero(contents, at, ZEROS.length))
      at += ZEROS.length;
    if (at >= contents.length || isZero(contents, at, BLOCK_SIZE_BYTES)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.fileOffsetBytes + last.lengthBytes === at) {
      last.lengthBytes += BLOCK_SIZE_BYTES;
    } else {
      const deviceOffsetBytes = inode * 2 ** 30 + at;
      runs.push({ fileOffsetBytes: at, deviceOffsetBytes, lengthBytes: BLOCK_SIZE_BYTES });
    }
  }
  return runs;
}

/** The same tree again, hard links and inode numbers included; nobody holds any of it. */
export function copyOf(
  original: MemoryNode,
  parent: MemoryNode | null,
  copies = new Map<MemoryNode, MemoryNode>(),
): MemoryNode {
  const known = copies.get(original);
  if (known !== undefined) return known;
  const copy: MemoryNode = {
    ...original,
    attributes: { ...original.attributes },
    holders: 0,
    contents: original.contents.slice(),
    extended: new Map([...original.extended].map(([name, value]) => [name, value.slice()])),
    parent: original.type === 'directory' ? parent : null,
    entries: new Map(),
  };
  copies.set(original, copy);
  for (const [folded, entry] of original.entries) {
    copy.entries.set(folded, { ...entry, node: copyOf(entry.node, copy, copies) });
  }
  return copy;
}

/** Every node of a tree once, the directories before what is in them. */
export function filesOf(root: MemoryNode): MemoryNode[] {
  const seen = new Set([root]);
  for (const { entries } of seen) for (const { node } of entries.values()) seen.add(node);
  return [...seen];
}

/** A clone with all that is in it: contents of its own, set-id bits of files gone, each entry a file by itself. */
export function cloneOf(
  original: MemoryNode,
  parent: MemoryNode,
  owner: CloneOwner,
  made: (original: MemoryNode) => { inode: number; changeTime: Timespec },
): MemoryNode {
  const { inode, changeTime } = made(original);
  const isDirectory = original.type === 'directory';
  const { attributes } = original;
  const mode = isDirectory ? attributes.mode : attributes.mode & ~0o6000;
  const clone: MemoryNode = {
    ...original,
    inode,
    attributes: { ...attributes, ...(owner ?? {}), mode, changeTime },
    linkCount: 1,
    holders: 0,
    contents: original.contents.slice(),
    extended: new Map([...original.extended].map(([name, value]) => [name, value.slice()])),
    parent: isDirectory ? parent : null,
    entries: new Map(),
  };
  for (const [folded, entry] of original.entries) {
    clone.entries.set(folded, { ...entry, node: cloneOf(entry.node, clone, owner, made) });
  }
  return clone;
}
