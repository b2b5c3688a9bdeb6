import type { StructureId, StructureNode } from '../survey.ts';
import { NODE_KIND } from './layout-tree.ts';
import { CatalogFile, CatalogFolder, RECORD_TYPE } from './layout-catalog.ts';
import { count } from './annotate-pieces.ts';
import { describeRecord, recordTypeAt } from './annotate-records.ts';
import { branch, whereIn } from './structures-pieces.ts';
import type { VolumeView, Where } from './structures-pieces.ts';
import type { Place, ViewNode } from './view-tree.ts';

/** Records of B-trees as nodes of the structures. */

export const whereInNode =
  (node: ViewNode) =>
  (offset: number, length: number): Where =>
    whereIn(node.tree.fork, node.number * node.tree.nodeSizeBytes + offset, length);

const recordId = ({ node, record }: Place): StructureId =>
  `record:${node.tree.name}:${node.number}:${record}`;

export function whereRecord({ node, record }: Place): Where {
  const { from, to } = node.span(record);
  return whereInNode(node)(from, to - from);
}

export function recordNode(volume: VolumeView, place: Place, title?: string): StructureNode {
  const { node, record } = place;
  const about = describeRecord(volume.index, node, record);
  const text = node.kind === NODE_KIND.index ? `→ node ${node.childOf(record)}` : summaryOf(place);
  return branch(
    recordId(place),
    title ?? `record ${record}: ${about}`,
    title ? about : text,
    whereRecord(place),
  );
}

/** 'id 17, 6 bytes' of a file; 'id 16, 3 items' of a folder; nothing of others. */
export function summaryOf({ node, record }: Place): string {
  if (node.tree.name !== 'catalog') return '';
  const dataAt = node.keyEnd(record);
  const bytes = node.bytes.subarray(0, node.span(record).to);
  switch (recordTypeAt(bytes, dataAt)) {
    case RECORD_TYPE.folder: {
      const { folderId, valence } = CatalogFolder.peek(bytes, dataAt);
      return `id ${folderId}, ${count(valence, 'item')}`;
    }
    case RECORD_TYPE.file: {
      const { fileId, dataFork, resourceFork } = CatalogFile.peek(bytes, dataAt);
      const resource =
        resourceFork.totalBlocks > 0
          ? `, resource fork of ${count(resourceFork.logicalSizeBytes, 'byte')}`
          : '';
      return `id ${fileId}, ${count(dataFork.logicalSizeBytes, 'byte')}${resource}`;
    }
    default:
      return '';
  }
}
