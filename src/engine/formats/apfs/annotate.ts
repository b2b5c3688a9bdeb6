import { isZero } from '../../base/bytes.ts';
import type { Annotation } from '../../codec/struct.ts';
import type { Device } from '../../device/device.ts';
import type { BlockAnnotation } from '../survey.ts';
import { BLOCK_SIZE_BYTES, NxSuperblock, OBJECT, ObjectHeader } from './layout.ts';
import { BLOCKS_PER_CHUNK } from './layout-space.ts';
import { explainObject } from './annotate-objects.ts';
import { FieldList, clip, shown } from './annotate-pieces.ts';
import { bitmapFields } from './annotate-space.ts';
import { OwnerIndex } from './owner-index.ts';
import type { Segment } from './owner-index.ts';
import { OWNER } from './view-claims.ts';
import type { Holding, Part } from './view-claims.ts';
import { bytesOfObject } from './view-checkpoints.ts';
import { isIntact } from './view-tree.ts';

/**
 * Every byte of one block explained, with the words of the reference. Never throws: what is damaged is shown as it is.
 * A sector of 512 bytes is explained as the part of its block that it is. Whoever asks about many blocks of one moment
 * makes the index once and hands it in.
 */
export function annotate(
  device: Device,
  block: number,
  index: OwnerIndex = new OwnerIndex(device),
): BlockAnnotation {
  const startBytes = block * device.blockSizeBytes;
  const number = Math.floor(startBytes / BLOCK_SIZE_BYTES);
  const from = startBytes - number * BLOCK_SIZE_BYTES;
  const to = from + device.blockSizeBytes;
  const { container } = index;
  const bytes = container.medium.read(number * BLOCK_SIZE_BYTES, BLOCK_SIZE_BYTES);
  if (container.problem !== '') return annotateUnknown(container.problem, number, bytes, from, to);
  const segment = index.segmentOf(number) ?? {
    first: number,
    end: number + 1,
    role: 'reserved',
    owner: OWNER.outside,
    holders: [],
  };
  const { title, fields } = new Explainer(index, segment, number, bytes, from, to).explain();
  return { role: segment.role, owner: segment.owner, title: shown(title), fields };
}

interface Explanation {
  readonly title: string;
  /** Between `from` and `to`, counted from `from`. */
  readonly fields: Annotation[];
}

/** Explains bytes `from` up to `to` of one block. */
class Explainer {
  readonly #index: OwnerIndex;
  readonly #segment: Segment;
  readonly #block: number;
  readonly #bytes: Uint8Array;
  readonly #from: number;
  readonly #to: number;

  constructor(
    index: OwnerIndex,
    segment: Segment,
    block: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ) {
    this.#index = index;
    this.#segment = segment;
    this.#block = block;
    this.#bytes = bytes;
    this.#from = from;
    this.#to = to;
  }

  explain(): Explanation {
    const [holder] = this.#segment.holders;
    if (holder?.kind === 'structure') return this.#structure(holder.part);
    if (holder?.kind === 'stream') return this.#contents(holder);
    if (holder?.kind === 'queue') {
      const wait = `freed by transaction ${holder.xid}; kept until no checkpoint needs it any more`;
      return this.#left('In the free queue', wait);
    }
    if (holder?.kind === 'reference')
      return this.#plain(
        `Contents of object ${holder.ownerId}`,
        'data',
        'no catalog that can be read says whose',
      );
    if (this.#segment.role === 'free') return this.#left('Free', 'nobody needs this block');
    return this.#left(this.#segment.owner, 'the bitmap says: used; no structure says by whom');
  }

  #cut(title: string, fields: readonly Annotation[]): Explanation {
    return { title, fields: clip(fields, this.#from, this.#to) };
  }

  // ── structures ──

  #structure(part: Part): Explanation {
    switch (part) {
      case 'checkpoint data':
        return this.#ephemeral();
      case 'pool bitmaps':
        return this.#poolBitmap();
      case 'pool':
        return this.#pool();
      case 'keybag':
        return this.#plain('Keybag', 'keybag', 'wrapped keys, encrypted with the UUID of the container');
      case 'driver':
        return this.#plain('EFI driver', 'driver', 'a program for firmware that cannot read the format');
      case 'descriptors':
        return this.#object('of an older checkpoint, or never used');
      case 'object':
        return this.#object('it cannot be read: encrypted or damaged');
    }
  }

  /** `doc` says what it is when it is no object. */
  #object(doc: string): Explanation {
    const object = explainObject(this.#bytes, this.#block);
    if (!object) return this.#plain(this.#segment.owner, 'bytes', doc);
    return this.#cut(`${object.title}${this.#warning(this.#bytes)}${this.#age()}`, object.fields);
  }

  #warning(bytes: Uint8Array): string {
    const isHeaderless = ObjectHeader.peek(bytes).type % 65_536 === OBJECT.none;
    return isHeaderless || isIntact(bytes) ? '' : ' (wrong checksum)';
  }

  /** In the descriptor ring: whether it is the newest checkpoint. */
  #age(): string {
    const { container } = this.#index;
    const { first, count } = container.descriptorRing;
    if (this.#block < first || this.#block >= first + count) return '';
    const { xid } = ObjectHeader.peek(this.#bytes);
    return xid === container.superblock.xid ? ', the newest checkpoint' : ', an older checkpoint';
  }

  /** The space manager may have several blocks: its mapping says where it begins. */
  #ephemeral(): Explanation {
    const { container } = this.#index;
    for (const { objects, xid } of container.checkpoints) {
      for (const { blocks } of objects) {
        const place = blocks.indexOf(this.#block);
        if (place < 0) continue;
        const whole = bytesOfObject(container.read, blocks);
        const object = whole && explainObject(whole, blocks[0] ?? 0);
        if (!whole || !object) continue;
        const part = blocks.length > 1 ? `, block ${place + 1} of ${blocks.length}` : '';
        const at = place * BLOCK_SIZE_BYTES;
        const title = `${object.title}${part}, checkpoint ${xid}${this.#warning(whole)}`;
        return { title, fields: clip(object.fields, at + this.#from, at + this.#to) };
      }
    }
    return this.#left('Checkpoint data, not in use', 'no checkpoint that is still in the ring refers to it');
  }

  #poolBitmap(): Explanation {
    const { space } = this.#index.container;
    if (!space) return this.#plain(OWNER.poolBitmaps, 'bytes', 'the space manager cannot be read');
    const slot = this.#block - space.poolBitmaps.first;
    const parts = Math.min(space.pool.bitmapSizeBlocks, space.poolBitmaps.count);
    for (let part = 0; part < parts; part++) {
      if (space.poolBitmapSlot(part) !== slot) continue;
      const first = space.poolBlocks.first + part * BLOCKS_PER_CHUNK;
      const length = space.poolBlocks.count - part * BLOCKS_PER_CHUNK;
      return this.#cut(`Bitmap of the internal pool, slot ${slot}`, bitmapFields(this.#bytes, first, length));
    }
    const title = `Bitmap of the internal pool, slot ${slot}: an older generation`;
    return this.#plain(
      title,
      'old bitmap',
      'kept for older checkpoints; the space manager refers to another slot',
    );
  }

  #pool(): Explanation {
    const { space } = this.#index.container;
    if (space?.cibBlocks().includes(this.#block) || space?.cabBlocks().includes(this.#block))
      return this.#object('should be a chunk info block');
    const chunk = space?.chunkOfBitmap(this.#block);
    const info = chunk === undefined ? undefined : space?.chunk(chunk);
    if (info) {
      const title = `Bitmap of chunk ${chunk}, blocks ${info.address} to ${info.address + info.blockCount - 1}`;
      return this.#cut(title, bitmapFields(this.#bytes, info.address, info.blockCount));
    }
    return this.#left('Internal pool, not in use', 'room for new copies of bitmaps and chunk info blocks');
  }

  // ── contents ──

  #contents({ view, run, files }: Extract<Holding, { kind: 'stream' }>): Explanation {
    const offset = run.offsetBytes + (this.#block - run.firstBlock) * BLOCK_SIZE_BYTES;
    const [file] = files.filesOf(view, run).files;
    const path = file?.path ?? '';
    const sizeBytes = file && file.sizeBytes >= 0 ? file.sizeBytes : Infinity;
    const list = new FieldList(this.#bytes, this.#from);
    const dataEnd = Math.min(Math.max(sizeBytes - offset, this.#from), this.#to);
    const text = `bytes ${offset + this.#from} to ${offset + dataEnd - 1} of ${path}`;
    list.run(dataEnd, 'data', text, this.#sharing());
    const slack = `${this.#to - dataEnd} bytes of slack behind the end of ${path}`;
    list.run(
      this.#to,
      'slack',
      slack,
      `the contents end after ${sizeBytes} bytes, their last block does not`,
    );
    const number = Math.floor(offset / BLOCK_SIZE_BYTES) + 1;
    const title = `${this.#segment.owner}, block ${this.#block} (number ${number} of the contents)`;
    return { title, fields: clip(list.fields, this.#from, this.#to) };
  }

  #sharing(): string {
    const { role } = this.#segment;
    if (role === 'pinned') return 'only a snapshot still has it: deleting the snapshot frees it';
    return role === 'shared'
      ? 'several files hold this block: whoever writes gets a new one'
      : `contents in block ${this.#block}`;
  }

  // ── without a meaning now ──

  /** What nobody refers to may still hold an old copy: worth reading, for nothing is overwritten in place. */
  #left(title: string, doc: string): Explanation {
    const object = isIntact(this.#bytes) ? explainObject(this.#bytes, this.#block) : null;
    if (!object) return this.#plain(title, this.#segment.role === 'free' ? 'free' : 'bytes', doc);
    const fields = object.fields.map((field) => ({ ...field, doc: `${field.doc} (${doc})` }));
    return this.#cut(`${title}; it still holds: ${object.title}`, fields);
  }

  #plain(title: string, name: string, doc: string): Explanation {
    const list = new FieldList(this.#bytes, this.#from);
    const isEmpty = isZero(this.#bytes.subarray(this.#from, this.#to));
    list.run(this.#to, name, isEmpty ? 'zeros' : 'bytes', doc);
    return { title, fields: clip(list.fields, this.#from, this.#to) };
  }
}

/** Not a container: where the superblock should be is explained all the same, for it tells why. */
function annotateUnknown(
  problem: string,
  number: number,
  bytes: Uint8Array,
  from: number,
  to: number,
): BlockAnnotation {
  const list = new FieldList(bytes);
  if (number === 0) list.struct(NxSuperblock, bytes.length);
  list.rest(bytes.length, 'bytes', 'no APFS container lies here');
  const fields = clip(list.fields, from, to);
  return { role: 'reserved', owner: '', title: `Not an APFS container: ${problem}`, fields };
}
