import type { Page, StructureNode, StructurePage } from '../survey.ts';
import { EMPTY, paged, slice } from '../structure-page.ts';
import { typeName } from './layout.ts';
import { explainObject } from './annotate-objects.ts';
import { count, rangeOf } from './annotate-pieces.ts';
import type { OwnerIndex } from './owner-index.ts';
import { branch, fieldNodes, whereBlocks, whereInObject } from './structures-pieces.ts';
import { bytesOfObject } from './view-checkpoints.ts';
import type { Checkpoint, EphemeralObject } from './view-checkpoints.ts';

/** Checkpoints of the ring, each with its superblock, its maps and the objects that they lead to. */

export function checkpointsNode(index: OwnerIndex): StructureNode {
  const { container } = index;
  const { first, count: blocks } = container.descriptorRing;
  const whole = container.checkpoints.filter(({ problem }) => problem === '').length;
  const text = `${whole} of ${count(container.checkpoints.length, 'superblock')} in the ring are whole; one transaction back everything still is`;
  return branch('checkpoints', 'Checkpoints', text, whereBlocks(index, first, blocks));
}

/** The newest first. */
export function checkpointList(index: OwnerIndex, page: Page): StructurePage {
  const { checkpoints, current } = index.container;
  return paged(checkpoints.length, page, (i) => {
    const checkpoint = checkpoints[i] ?? current;
    return checkpointNode(index, checkpoint, checkpoint === current);
  });
}

function checkpointNode(index: OwnerIndex, checkpoint: Checkpoint, isCurrent: boolean): StructureNode {
  const { xid, block, problem, objects, place } = checkpoint;
  const state =
    problem === ''
      ? `whole in its rings, ${count(objects.length, 'object')} in the data ring`
      : `cannot be used: ${problem}`;
  const text = `${isCurrent ? 'the current one, ' : ''}${state}; place ${place} of the ring`;
  return branch(`checkpoint:${block}`, `Transaction ${xid}`, text, whereBlocks(index, block));
}

const checkpointIn = ({ container }: OwnerIndex, block: number): Checkpoint | undefined =>
  container.checkpoints.find((one) => one.block === block);

export function checkpointChildren(index: OwnerIndex, block: number, page: Page): StructurePage {
  const checkpoint = checkpointIn(index, block);
  if (!checkpoint) return EMPTY;
  const nodes = [objectNode(index, block, 'Superblock')];
  for (const map of checkpoint.maps) nodes.push(objectNode(index, map.block, 'Checkpoint map'));
  for (const object of checkpoint.objects) nodes.push(ephemeralNode(index, block, object));
  return slice(nodes, page);
}

function ephemeralNode(index: OwnerIndex, block: number, object: EphemeralObject): StructureNode {
  const { oid, type, subtype, blocks } = object;
  const [first = 0] = blocks;
  const kind = typeName(type);
  const title = subtype === 0 ? kind : `${kind} (${typeName(subtype)})`;
  const text = `object ${oid}, ${rangeOf('block', first, blocks.length)}`;
  return branch(`ephemeral:${block}:${oid}`, title, text, whereBlocks(index, first, blocks.length));
}

/** Fields of an object that lies in the data ring. */
export function ephemeralChildren(index: OwnerIndex, block: number, oid: number, page: Page): StructurePage {
  const object = checkpointIn(index, block)?.objects.find((one) => one.oid === oid);
  return object ? fieldsOfObject(index, object.blocks, page) : EMPTY;
}

function fieldsOfObject({ container }: OwnerIndex, blocks: readonly number[], page: Page): StructurePage {
  const bytes = bytesOfObject(container.read, blocks);
  const object = bytes && explainObject(bytes, blocks[0] ?? 0);
  return object ? slice(fieldNodes(object.fields, whereInObject(blocks)), page) : EMPTY;
}

/** An object of one block: its children are its fields. */
export function objectNode(index: OwnerIndex, block: number, title: string, text?: string): StructureNode {
  const bytes = index.container.read(block);
  const object = bytes && explainObject(bytes, block);
  const about = text ?? object?.title ?? 'no object: damaged or encrypted';
  return branch(`object:${block}`, title, about, whereBlocks(index, block));
}

export const objectChildren = (index: OwnerIndex, block: number, page: Page): StructurePage =>
  fieldsOfObject(index, [block], page);
