import type { Device } from '../../device/device.ts';
import type { CheckpointState } from '../../base/checkpoint.ts';
import { BLOCK_SIZE_BYTES, OBJECT, ObjectHeader } from './layout.ts';
import { OMAP_VALUE_FLAG, TREE_DEPTH_MAX } from './layout-tree.ts';
import type { BlockReader, Checkpoint } from './view-checkpoints.ts';
import { ContainerView } from './view-container.ts';
import { NodeReader, WRONG_CHECKSUM, isIntact } from './view-tree.ts';
import type { ViewNode, ViewTree } from './view-tree.ts';
import { OmapView, VolumeView } from './view-volume.ts';

/**
 * Whether what an older checkpoint leads to outside the rings is still there: blocks freed since are used again, and
 * trimmed, one transaction later. Every block that its object maps name has to hold that version of that object, and
 * every tree that is found by blocks has to be whole. Contents of files have no checksum: nothing can be said of them.
 *
 * Cost: all metadata of the checkpoint, or as much of it as is there. What several checkpoints share is read once.
 */
export class CheckpointTrees {
  readonly #read: BlockReader;
  readonly #nodes: NodeReader;
  readonly #objects = new Map<number, FoundObject>();

  constructor(read: BlockReader) {
    this.#read = read;
    this.#nodes = new NodeReader(read);
  }

  /** What is wrong first, as half a sentence; '' when nothing is. */
  faultOf({ xid, superblock, problem }: Pick<Checkpoint, 'xid' | 'superblock' | 'problem'>): string {
    if (problem !== '') return problem;
    const omap = new OmapView(this.#nodes, this.#read, superblock.omapBlock);
    const fault = this.#faultOfOmap(omap, 'the object map of the container', xid);
    if (fault !== '') return fault;
    for (const [slot, oid] of superblock.volumeOids.entries()) {
      if (oid === 0) continue;
      const block = omap.blockOf(oid, xid);
      const bytes = block === undefined ? undefined : this.#read(block);
      if (block === undefined || bytes === undefined) return `volume ${slot} is in no object map`;
      const volume = new VolumeView(this.#nodes, this.#read, slot, oid, block, bytes, xid);
      const inVolume = this.#faultOfVolume(volume, xid);
      if (inVolume !== '') return inVolume;
    }
    return '';
  }

  #faultOfVolume(volume: VolumeView, xid: number): string {
    const { omap, name, superblock, references, snapshotTree } = volume;
    const fault =
      this.#faultOfOmap(omap, `the object map of ${name}`, xid) ||
      this.#faultOfTree(references, `the extent references of ${name}`, xid) ||
      (superblock.snapshotTreeBlock === 0
        ? ''
        : this.#faultOfTree(snapshotTree, `the snapshots of ${name}`, xid));
    if (fault !== '') return fault;
    for (const { name: snapshot, metadata } of volume.snapshots) {
      const { superblockBlock, extentReferenceTreeBlock } = metadata;
      const { type, isWhole } = this.#objectIn(superblockBlock);
      const kept = `snapshot ${snapshot} of ${name}`;
      if (!isWhole || type !== OBJECT.volume) return gone(`the superblock of ${kept}`, superblockBlock);
      if (extentReferenceTreeBlock === 0) continue;
      const tree = volume.referenceTree(extentReferenceTreeBlock);
      const inTree = this.#faultOfTree(tree, `the extent references of ${kept}`, xid);
      if (inTree !== '') return inTree;
    }
    return '';
  }

  /** Its header, its tree, and every object that the tree names. */
  #faultOfOmap(omap: OmapView, name: string, xid: number): string {
    const header = this.#objectIn(omap.block);
    if (!header.isWhole || header.oid !== omap.block || header.xid > xid) return gone(name, omap.block);
    const { snapshotTreeBlock } = omap.header;
    return (
      this.#faultOfTree(omap.tree, name, xid, (leaf) => this.#faultOfMapped(leaf, name)) ||
      (snapshotTreeBlock === 0 ? '' : this.#faultOfTree(omap.snapshotTree, `${name}, snapshots`, xid))
    );
  }

  /** An encrypted object cannot be looked at, one without a header says nothing of itself. */
  #faultOfMapped(leaf: ViewNode, name: string): string {
    for (let record = 0; record < leaf.count; record++) {
      const [key, value] = [leaf.keyAt(record), leaf.valueAt(record)];
      if (key + 16 > leaf.keyEnd(record) || value + 16 > leaf.valueEnd(record)) return `${name} is damaged`;
      if ((leaf.view.getUint32(value, true) & SILENT_FLAGS) !== 0) continue;
      const [oid, xid, block] = [leaf.u64(key), leaf.u64(key + 8), leaf.u64(value + 8)];
      const found = this.#objectIn(block);
      if (!found.isWhole || found.oid !== oid || found.xid !== xid)
        return gone(`object ${oid} of ${name}`, block);
    }
    return '';
  }

  /** A tree whose nodes are found by their blocks. */
  #faultOfTree(
    tree: ViewTree,
    name: string,
    xid: number,
    faultOfLeaf: (leaf: ViewNode) => string = () => '',
  ): string {
    const seen = new Set<number>();
    const waiting = [tree.rootReference];
    for (let block = waiting.pop(); block !== undefined; block = waiting.pop()) {
      if (seen.has(block)) continue;
      seen.add(block);
      const node = tree.node(block);
      const { oid, xid: writtenBy } = this.#objectIn(block);
      if (node.problem === WRONG_CHECKSUM) return `block ${block} of ${name} ${WRONG_CHECKSUM}`;
      if (node.problem !== '' || oid !== block || writtenBy > xid || node.level >= TREE_DEPTH_MAX)
        return gone(name, block);
      if (node.isLeaf) {
        const fault = faultOfLeaf(node);
        if (fault !== '') return fault;
      } else {
        for (let record = 0; record < node.count; record++) waiting.push(tree.referenceBelow(node, record));
      }
    }
    return '';
  }

  /** The object that lies in a block now. */
  #objectIn(block: number): FoundObject {
    const known = this.#objects.get(block);
    if (known) return known;
    const bytes = this.#read(block);
    const found = bytes === undefined ? NO_OBJECT : foundIn(bytes);
    if (this.#objects.size >= OBJECTS_KEPT_MAX) this.#objects.clear();
    this.#objects.set(block, found);
    return found;
  }
}

/** The checkpoints of the ring, newest first, each with what is wrong with it. */
export function checkpointStates(device: Device, countMax: number): CheckpointState[] {
  const container = new ContainerView(device);
  const trees = new CheckpointTrees(container.read);
  return container.checkpoints.slice(0, countMax).map((checkpoint) => ({
    ...{ xid: checkpoint.xid, problem: trees.faultOf(checkpoint) },
    ...{ deviceOffsetBytes: checkpoint.block * BLOCK_SIZE_BYTES, lengthBytes: BLOCK_SIZE_BYTES },
  }));
}

interface FoundObject {
  readonly oid: number;
  readonly xid: number;
  readonly type: number;
  readonly isWhole: boolean;
}

const NO_OBJECT: FoundObject = { oid: 0, xid: 0, type: OBJECT.none, isWhole: false };
const OBJECTS_KEPT_MAX = 65_536;
const SILENT_FLAGS = OMAP_VALUE_FLAG.deleted | OMAP_VALUE_FLAG.encrypted | OMAP_VALUE_FLAG.noHeader;

/** A block that was trimmed is none: the checksum of nothing is right. */
function foundIn(bytes: Uint8Array): FoundObject {
  const { oid, xid, type: word } = ObjectHeader.peek(bytes);
  const type = word % 65_536;
  return { oid, xid, type, isWhole: type !== OBJECT.none && isIntact(bytes) };
}

const gone = (what: string, block: number): string => `${what} is no longer in block ${block}`;
