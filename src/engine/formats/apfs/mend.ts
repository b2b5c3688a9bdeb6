import type { Device } from '../../device/device.ts';
import { Medium } from '../../device/medium.ts';
import { nothingToMend } from '../../device/mending.ts';
import type { Mending } from '../../device/mending.ts';
import { explainObject } from './annotate-objects.ts';
import { BLOCK_SIZE_BYTES, OBJECT } from './layout.ts';
import { isIntact, seal, typeOf } from './object.ts';
import { OwnerIndex } from './owner-index.ts';

/**
 * The checksum of an object, made right again after an edit. [AFS "obj_phys_t", o_cksum]
 *
 * A block is taken for an object when it was one before the edit: the edit may have made its header unreadable, and
 * contents of files that look like a header must stay what they are.
 */
export function mend(device: Device, block: number, before: Device): Mending {
  const number = Math.floor((block * before.blockSizeBytes) / BLOCK_SIZE_BYTES);
  const index = new OwnerIndex(before);
  if (index.container.problem !== '' && number !== 0) {
    return nothingToMend('no container could be read before the edit, so nobody knows what the block is');
  }
  const blocks = objectAt(index, number);
  if (blocks === null) return nothingToMend('this block carries no checksum: it is no object');
  const medium = new Medium(device);
  const bytes = new Uint8Array(blocks.length * BLOCK_SIZE_BYTES);
  for (const [i, each] of blocks.entries()) {
    bytes.set(medium.read(each * BLOCK_SIZE_BYTES, BLOCK_SIZE_BYTES), i * BLOCK_SIZE_BYTES);
  }
  if (isIntact(bytes)) return nothingToMend('the checksum of the object is right as it is');
  seal(bytes);
  const offsetBytes = (blocks[0] ?? number) * BLOCK_SIZE_BYTES;
  return {
    patches: [{ offsetBytes, bytes: bytes.slice(0, 8) }],
    sentence: `The Fletcher-64 checksum of the object in block ${blocks[0]} of the container fits again`,
  };
}

/** The blocks of the object that block `number` belongs to; null where it belongs to none. */
function objectAt(index: OwnerIndex, number: number): readonly number[] | null {
  const { container } = index;
  if (container.problem === '') {
    for (const { objects } of container.checkpoints) {
      const object = objects.find(({ blocks }) => blocks.includes(number));
      if (object !== undefined) return object.blocks;
    }
    const kind = index.segmentOf(number)?.holders[0]?.kind;
    if (kind === 'stream' || kind === 'reference') return null;
  }
  const bytes = container.medium.read(number * BLOCK_SIZE_BYTES, BLOCK_SIZE_BYTES);
  const isKnown = typeOf(bytes) % 65_536 !== OBJECT.none && explainObject(bytes, number) !== null;
  return isKnown || isIntact(bytes) ? [number] : null;
}
