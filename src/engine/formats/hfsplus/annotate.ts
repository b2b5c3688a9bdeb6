import { isZero } from '../../base/bytes.ts';
import type { Device } from '../../device/device.ts';
import type { BlockAnnotation } from '../survey.ts';
import { VOLUME_HEADER_OFFSET_BYTES, VOLUME_HEADER_SIZE_BYTES, VolumeHeader } from './layout.ts';
import { annotateBitmap, bitmapTitle } from './annotate-bitmap.ts';
import { annotateInfoBlock, annotateJournal } from './annotate-journal.ts';
import type { CopyExplainer } from './annotate-journal.ts';
import { TREE_TITLE, nodeFields, nodeTitle } from './annotate-node.ts';
import { FieldList, clip, run, shown } from './annotate-pieces.ts';
import type { Piece } from './annotate-pieces.ts';
import { OwnerIndex } from './owner-index.ts';
import type { FileRun } from './view-files.ts';
import { OWNER_OF, ROLE_OF, fixedPlaces, placeOf } from './view-places.ts';
import type { FixedPlace, Place } from './view-places.ts';
import type { TreeName } from './view-tree.ts';

/**
 * Every byte of one block explained, with the words of the specification. Never throws: what is damaged is shown as it
 * is. Whoever asks about many blocks of one moment makes the index once and hands it in.
 */
export function annotate(
  device: Device,
  block: number,
  index: OwnerIndex = new OwnerIndex(device),
): BlockAnnotation {
  const startBytes = block * device.blockSizeBytes;
  const bytes = index.medium.read(startBytes, device.blockSizeBytes);
  if (!index.geometry) return annotateUnknown(index, startBytes, bytes);
  const pieces = new Explainer(index).explain(startBytes, bytes);
  const [first] = pieces;
  return {
    role: first?.role ?? 'reserved',
    owner: first?.owner ?? '',
    title: [...new Set(pieces.map((piece) => piece.title))].join(' · '),
    fields: pieces.flatMap((piece) => piece.fields),
  };
}

/** Not worth a word beside the structure itself. */
const SURROUNDINGS: ReadonlySet<string> = new Set([
  OWNER_OF.boot,
  OWNER_OF['behind header'],
  OWNER_OF['last bytes'],
]);

/** Explains bytes by where they lie, or, those of the journal, by where they belong. */
export class Explainer implements CopyExplainer {
  readonly #index: OwnerIndex;
  readonly #fixed: readonly FixedPlace[];

  constructor(index: OwnerIndex) {
    this.#index = index;
    this.#fixed = fixedPlaces(index);
  }

  /** Pieces cover the bytes without gaps; their fields count from the first byte given. */
  explain(startBytes: number, bytes: Uint8Array, isCopy = false): Piece[] {
    const pieces: Piece[] = [];
    const endBytes = startBytes + bytes.length;
    for (let at = startBytes; at < endBytes;) {
      const place = placeOf(this.#index, this.#fixed, at);
      const to = Math.max(at + 1, Math.min(place.endBytes, endBytes));
      pieces.push(...this.#ofPlace(place, startBytes, bytes, at - startBytes, to - startBytes, isCopy));
      at = to;
    }
    return pieces;
  }

  /** As a copy in the journal: one inside the journal itself is not followed. */
  explainCopy(startBytes: number, bytes: Uint8Array): Piece[] {
    return this.explain(startBytes, bytes, true);
  }

  titleOf(startBytes: number, bytes: Uint8Array): string {
    const titles = new Set<string>();
    const endBytes = startBytes + bytes.length;
    for (let at = startBytes; at < endBytes;) {
      const place = placeOf(this.#index, this.#fixed, at);
      const to = Math.max(at + 1, Math.min(place.endBytes, endBytes));
      for (const title of this.#titles(place, at, bytes.subarray(at - startBytes, to - startBytes)))
        titles.add(title);
      at = to;
    }
    // A logged block may carry what surrounds the structure that it was logged for.
    const telling = [...titles].filter((title) => !SURROUNDINGS.has(title));
    return (telling.length > 0 ? telling : [...titles]).join(' · ');
  }

  #titles(place: Place, at: number, bytes: Uint8Array): string[] {
    if (place.kind === 'file') return [shown(this.#index.nameOf(place.run.owner))];
    if (place.kind === 'allocation') return [bitmapTitle(this.#index, offsetIn(place, at), bytes.length)];
    if (place.kind !== 'catalog' && place.kind !== 'extents' && place.kind !== 'attributes') {
      return [place.kind === 'free' ? 'blocks that are free now' : OWNER_OF[place.kind]];
    }
    const tree = this.#index.tree(place.kind);
    const { nodeSizeBytes } = tree;
    const offset = offsetIn(place, at);
    const titles: string[] = [];
    for (
      let number = Math.floor(offset / nodeSizeBytes);
      number * nodeSizeBytes < offset + bytes.length;
      number++
    ) {
      if (!tree.has(number)) continue;
      const within = Math.max(offset - number * nodeSizeBytes, 0);
      const from = number * nodeSizeBytes + within - offset;
      const part = bytes.subarray(from, from + nodeSizeBytes - within);
      titles.push(nodeTitle(tree.nodeOf(number, this.#nodeBytes(place.kind, number, within, part))));
    }
    return titles.length > 0 ? titles : [OWNER_OF[place.kind]];
  }

  #ofPlace(
    place: Place,
    startBytes: number,
    bytes: Uint8Array,
    from: number,
    to: number,
    isCopy: boolean,
  ): Piece[] {
    switch (place.kind) {
      case 'header':
      case 'alternate':
        return [headerPiece(place, startBytes, bytes, from, to)];
      case 'allocation': {
        const offset = offsetIn(place, startBytes + from);
        return [annotateBitmap(this.#index, bytes, offset, from, to)];
      }
      case 'catalog':
      case 'extents':
      case 'attributes':
        return this.#nodes(place, place.kind, startBytes, bytes, from, to);
      case 'journal info':
        return [annotateInfoBlock(bytes, from, to, offsetIn(place, startBytes + from))];
      case 'journal':
        return [this.#journal(place, startBytes, bytes, from, to, isCopy)];
      case 'file':
        return [this.#file(place.run, startBytes, bytes, from, to)];
      default:
        return [plain(place, bytes, from, to)];
    }
  }

  /** One piece for each node, or part of one, that lies between `from` and `to`. */
  #nodes(
    place: FixedPlace,
    name: TreeName,
    startBytes: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): Piece[] {
    const tree = this.#index.tree(name);
    const { nodeSizeBytes } = tree;
    const owner = OWNER_OF[name];
    const pieces: Piece[] = [];
    for (let at = from; at < to;) {
      const offset = offsetIn(place, startBytes + at);
      const number = Math.floor(offset / nodeSizeBytes);
      const within = offset - number * nodeSizeBytes;
      const end = Math.min(at + nodeSizeBytes - within, to);
      if (tree.has(number)) {
        const nodeBytes = this.#nodeBytes(name, number, within, bytes.subarray(at, end));
        const node = tree.nodeOf(number, nodeBytes);
        const fields = clip(
          nodeFields(this.#index, node, within, within + end - at),
          within,
          within + end - at,
        );
        const moved = fields.map((field) => ({ ...field, offsetBytes: field.offsetBytes + at }));
        pieces.push({ role: 'tree', owner, title: nodeTitle(node), fields: moved });
        at = end;
      } else {
        const list = new FieldList(bytes, at);
        const why = tree.problem === '' ? 'behind the last whole node' : `the header node ${tree.problem}`;
        list.rest(to, 'no node', why);
        pieces.push({ role: 'tree', owner, title: `${TREE_TITLE[name]}: ${why}`, fields: list.fields });
        at = to;
      }
    }
    return pieces;
  }

  /** The whole node, of which a part is what is to be explained. */
  #nodeBytes(name: TreeName, number: number, within: number, part: Uint8Array): Uint8Array {
    const { nodeSizeBytes, fork } = this.#index.tree(name);
    if (part.length === nodeSizeBytes) return part;
    const whole = fork.read(number * nodeSizeBytes, nodeSizeBytes).slice();
    whole.set(part, within);
    return whole;
  }

  #journal(
    place: FixedPlace,
    startBytes: number,
    bytes: Uint8Array,
    from: number,
    to: number,
    isCopy: boolean,
  ): Piece {
    const { journal } = this.#index;
    if (isCopy || journal === null || typeof journal === 'string') return plain(place, bytes, from, to);
    const offset = offsetIn(place, startBytes + from);
    return annotateJournal(journal, bytes, from, to, offset, this);
  }

  #file(
    { owner, startBlock, forkBlock }: FileRun,
    startBytes: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): Piece {
    const { volumeOffsetBytes, blockSizeBytes } = this.#index.known;
    const name = this.#index.nameOf(owner);
    const list = new FieldList(bytes, from);
    const blockNumber = Math.floor((startBytes + from - volumeOffsetBytes) / blockSizeBytes);
    if (owner.kind === 'bad') {
      list.rest(to, 'bad', `block ${blockNumber} is marked as bad and not used`);
      return { role: 'bad', owner: name, title: `Bad, block ${blockNumber}`, fields: list.fields };
    }
    const inVolume = startBytes + from - volumeOffsetBytes;
    const offset = forkBlock * blockSizeBytes + inVolume - startBlock * blockSizeBytes;
    const sizeBytes = this.#sizeOf(owner);
    const dataEnd = Math.min(Math.max(from, from + sizeBytes - offset), to);
    const path = shown(name);
    const text = `bytes ${offset} to ${offset + dataEnd - from - 1} of ${path}`;
    list.run(dataEnd, 'data', text, `contents in block ${blockNumber}`);
    const slack = `${to - dataEnd} bytes of slack behind the end of ${path}`;
    list.run(to, 'slack', slack, `the fork ends after ${sizeBytes} bytes, its last block does not`);
    const title = `${path}, block ${blockNumber} (number ${Math.floor(offset / blockSizeBytes) + 1} of its fork)`;
    return { role: 'data', owner: name, title, fields: list.fields };
  }

  /** Of extents beyond the first eight the size is looked up where the fork itself stands. */
  #sizeOf(owner: FileRun['owner']): number {
    return owner.sizeBytes >= 0 ? owner.sizeBytes : this.#index.sizeOfFork(owner);
  }
}

const offsetIn = (place: FixedPlace, byte: number): number => place.offsetBytes + byte - place.startBytes;

function headerPiece(
  place: FixedPlace,
  startBytes: number,
  bytes: Uint8Array,
  from: number,
  to: number,
): Piece {
  const owner = OWNER_OF[place.kind];
  const list = new FieldList(bytes, from);
  const isWhole = startBytes + from === place.startBytes && to - from === VOLUME_HEADER_SIZE_BYTES;
  if (isWhole) list.struct(VolumeHeader, to);
  list.rest(to, 'part of the header', 'the header begins in another block');
  return { role: 'header', owner, title: owner, fields: list.fields };
}

const DOC_OF: Partial<Record<Place['kind'], string>> = {
  boot: 'the first 1024 bytes are left to whoever boots from the volume',
  'behind header': 'the volume header fills 512 bytes, its allocation block belongs to it',
  'last bytes': 'set aside by the format; Apple used them in the factory',
  tail: 'too little for a whole allocation block',
  wrapper: 'an HFS volume that does nothing but surround this one',
  outside: 'the volume ends before the device',
  free: 'the bitmap says: free',
  lost: 'the bitmap says: in use; but no file has this block',
  reserved: 'newfs marks the blocks around both headers as used',
  startup: 'for computers without built-in support',
  journal: 'the journal does not say what this is',
};

/** Bytes without a structure. */
function plain(place: Place, bytes: Uint8Array, from: number, to: number): Piece {
  const { kind } = place;
  if (kind === 'file') throw new RangeError('a file is explained with its name');
  const list = new FieldList(bytes, from);
  const isEmpty = isZero(bytes.subarray(from, to));
  const contents = isEmpty ? 'zeros' : kind === 'free' ? 'old bytes that nobody has any more' : 'bytes';
  list.run(to, kind === 'free' || kind === 'lost' ? kind : 'reserved', contents, DOC_OF[kind] ?? '');
  const owner = OWNER_OF[kind];
  return { role: ROLE_OF[kind], owner, title: kind === 'free' ? 'Free' : owner, fields: list.fields };
}

/** Not an HFS+ volume: where the header should be is explained all the same, for it tells why. */
function annotateUnknown(index: OwnerIndex, startBytes: number, bytes: Uint8Array): BlockAnnotation {
  const list = new FieldList(bytes, 0);
  const headerAt = VOLUME_HEADER_OFFSET_BYTES - startBytes;
  if (headerAt >= 0 && headerAt + VOLUME_HEADER_SIZE_BYTES <= bytes.length) {
    list.rest(headerAt, 'boot blocks', 'before the volume header');
    list.struct(VolumeHeader, bytes.length);
  }
  const isEmpty = isZero(bytes.subarray(list.at));
  if (list.at < bytes.length) {
    list.fields.push(
      run(list.at, bytes.length, 'reserved', isEmpty ? 'zeros' : 'bytes', 'no HFS+ volume lies here'),
    );
  }
  return { role: 'reserved', owner: '', title: `Not an HFS+ volume: ${index.problem}`, fields: list.fields };
}
