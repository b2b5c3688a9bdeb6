import { viewOf } from '../../base/bytes.ts';
import type { Annotation } from '../../codec/struct.ts';
import {
  BLOCK_SIZE_BYTES,
  CheckpointMap,
  CheckpointMapping,
  EFI_JUMPSTART_EXTENTS_AT,
  EfiJumpstart,
  MAPPINGS_PER_BLOCK,
  NxSuperblock,
  OBJECT,
  ObjectHeader,
  Reaper,
  typeName,
} from './layout.ts';
import { ChunkInfoBlock, CibAddressBlock } from './layout-space.ts';
import { NODE_FLAG, OmapPhys } from './layout-tree.ts';
import { VolumeSuperblock } from './layout-volume.ts';
import { TREE_TITLE, nodeFields, nodeTitle } from './annotate-node.ts';
import { FieldList, count } from './annotate-pieces.ts';
import { chunkAddressFields, chunkInfoFields, spaceManagerFields } from './annotate-space.ts';
import { ViewNode } from './view-tree.ts';

/** An object by what its own header says it is. */
export interface ObjectExplained {
  /** 'Catalog: leaf, 12 records' */
  readonly title: string;
  /** They cover the object. */
  readonly fields: Annotation[];
}

/** Null for bytes that are no object of a known type. `bytes`: the whole object. */
export function explainObject(bytes: Uint8Array, block: number): ObjectExplained | null {
  const header = ObjectHeader.peek(bytes);
  const type = header.type % 65_536;
  const version = `object ${header.oid}, transaction ${header.xid}`;
  switch (type) {
    case OBJECT.containerSuperblock:
      return explained(`Container superblock of transaction ${header.xid}`, structured(bytes, NxSuperblock));
    case OBJECT.checkpointMap:
      return explained(`Checkpoint map of transaction ${header.xid}`, mapFields(bytes));
    case OBJECT.spaceManager:
      return explained(`Space manager, ${version}`, spaceManagerFields(bytes));
    case OBJECT.chunkInfo: {
      const { index, count: chunks } = ChunkInfoBlock.peek(bytes);
      return explained(`Chunk info block ${index}, ${count(chunks, 'chunk')}`, chunkInfoFields(bytes));
    }
    case OBJECT.chunkInfoAddresses:
      return explained(
        `Addresses of chunk info blocks, part ${CibAddressBlock.peek(bytes).index}`,
        chunkAddressFields(bytes),
      );
    case OBJECT.objectMap:
      return explained(`Object map, transaction ${header.xid}`, structured(bytes, OmapPhys));
    case OBJECT.volume: {
      const { name } = VolumeSuperblock.peek(bytes);
      return explained(
        `Volume superblock of ${JSON.stringify(name)}, ${version}`,
        structured(bytes, VolumeSuperblock),
      );
    }
    case OBJECT.btreeRoot:
    case OBJECT.btreeNode: {
      const node = new ViewNode(bytes, block, header.subtype, '');
      const tree = TREE_TITLE[header.subtype] ?? typeName(header.subtype);
      return explained(`${tree}: ${nodeTitle(node)}, ${version}`, nodeFields(node));
    }
    case OBJECT.reaper:
      return explained(`Reaper, ${version}`, reaperFields(bytes));
    case OBJECT.efiJumpstart:
      return explained('EFI jumpstart', jumpstartFields(bytes));
    case OBJECT.none:
      return explainSealedNode(bytes, block);
    default:
      return OTHER_TYPES.has(type)
        ? explained(`${typeName(type)}, ${version}`, structured(bytes, ObjectHeader))
        : null;
  }
}

const OTHER_TYPES: ReadonlySet<number> = new Set([
  OBJECT.reapList,
  OBJECT.encryptionRolling,
  OBJECT.snapshotMetadataExtension,
  OBJECT.integrityMetadata,
]);

const explained = (title: string, fields: Annotation[]): ObjectExplained => ({ title, fields });

interface Described {
  readonly name: string;
  readonly sizeBytes: number;
  annotate(bytes: Uint8Array, at?: number): Annotation[];
}

/** One structure and what is left of its block. */
function structured(bytes: Uint8Array, struct: Described): Annotation[] {
  const list = new FieldList(bytes);
  list.struct(struct, bytes.length);
  list.rest(bytes.length, 'rest', 'of the block');
  return list.fields;
}

/** Nodes of a sealed catalog have no header: 32 zeros stand in its place, and a flag says so. */
function explainSealedNode(bytes: Uint8Array, block: number): ObjectExplained | null {
  const flags = viewOf(bytes).getUint16(0x20, true);
  const sealed = NODE_FLAG.noHeader | NODE_FLAG.hashed;
  if ((flags & sealed) !== sealed || flags > 0x1f) return null;
  const node = new ViewNode(bytes, block, OBJECT.catalog, '');
  return explained(`Catalog, sealed: ${nodeTitle(node)}`, nodeFields(node));
}

function mapFields(bytes: Uint8Array): Annotation[] {
  const list = new FieldList(bytes);
  list.struct(CheckpointMap, bytes.length);
  const { count: mappings } = CheckpointMap.peek(bytes);
  for (let i = 0; i < Math.min(mappings, MAPPINGS_PER_BLOCK); i++) {
    list.prefix = `mapping ${i}: `;
    list.struct(CheckpointMapping, bytes.length);
  }
  list.prefix = '';
  list.rest(bytes.length, 'unused', 'room for more mappings');
  return list.fields;
}

function reaperFields(bytes: Uint8Array): Annotation[] {
  const list = new FieldList(bytes);
  list.struct(Reaper, bytes.length);
  list.rest(bytes.length, 'state', 'nr_state_buffer: how far the work under way has come');
  return list.fields;
}

function jumpstartFields(bytes: Uint8Array): Annotation[] {
  const list = new FieldList(bytes);
  list.struct(EfiJumpstart, bytes.length);
  const { extentCount } = EfiJumpstart.peek(bytes);
  const view = viewOf(bytes);
  const room = Math.floor((BLOCK_SIZE_BYTES - EFI_JUMPSTART_EXTENTS_AT) / 16);
  for (let i = 0; i < Math.min(extentCount, room); i++) {
    const first = view.getUint32(list.at + 4, true) * 2 ** 32 + view.getUint32(list.at, true);
    const text = `${count(view.getUint32(list.at + 8, true), 'block')} from block ${first}`;
    list.run(list.at + 16, `extent[${i}]`, text, 'nej_rec_extents: where the driver lies');
  }
  list.rest(bytes.length, 'unused', 'behind the last extent');
  return list.fields;
}
