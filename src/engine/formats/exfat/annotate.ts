import { isZero } from '../../base/bytes.ts';
import type { Annotation } from '../../codec/struct.ts';
import type { Device } from '../../device/device.ts';
import type { BlockAnnotation } from '../survey.ts';
import { BootSector, ENTRY_SIZE_BYTES, FAT_BAD, clusterOffsetBytes } from './layout.ts';
import type { Geometry } from './layout.ts';
import { annotateBoot } from './annotate-boot.ts';
import { annotateEntries } from './annotate-directory.ts';
import { run } from './annotate-pieces.ts';
import type { BlockView, Piece } from './annotate-pieces.ts';
import { annotateBitmap, annotateFat, annotateUpcase } from './annotate-table.ts';
import { OWNER_OF_PLACE, OwnerIndex, placeOf } from './owner-index.ts';
import type { ClusterRun, OwnedFile, Place } from './owner-index.ts';
import { shown } from './fsck-report.ts';
import { LOST } from './regions.ts';

/**
 * Every byte of one block explained, with the words of the specification. Never throws: what is damaged is shown as it
 * is. Whoever asks about many blocks of one moment makes the index once and hands it in.
 */
export function annotate(
  device: Device,
  block: number,
  index: OwnerIndex = new OwnerIndex(device),
): BlockAnnotation {
  const { blockSizeBytes } = device;
  const startBytes = block * blockSizeBytes;
  const view: BlockView = { index, startBytes, bytes: index.medium.read(startBytes, blockSizeBytes) };
  const { geometry } = index;
  if (!geometry) return annotateUnknown(view, block);

  // A block larger than a sector may hold several parts of the volume.
  const pieces: Piece[] = [];
  for (let at = startBytes; at < startBytes + blockSizeBytes;) {
    const place = placeOf(geometry, at, index.medium.sizeBytes);
    const to = Math.min(place.endBytes, startBytes + blockSizeBytes);
    pieces.push(annotatePlace(view, geometry, place, at - startBytes, to - startBytes));
    at = to;
  }
  const [first] = pieces;
  return {
    role: first?.role ?? 'reserved',
    owner: first?.owner ?? '',
    title: [...new Set(pieces.map((piece) => piece.title))].join(' · '),
    fields: pieces.flatMap((piece) => piece.fields),
  };
}

function annotatePlace(view: BlockView, geometry: Geometry, place: Place, from: number, to: number): Piece {
  switch (place.kind) {
    case 'main boot':
    case 'backup boot':
      return annotateBoot(view, place, from, to);
    case 'fat':
      return annotateFat(view, geometry, place, from, to);
    case 'cluster':
      return annotateCluster(view, geometry, place, from, to);
    default:
      return annotateReserved(view, place, from, to);
  }
}

function annotateReserved(view: BlockView, place: Place, from: number, to: number): Piece {
  const owner = OWNER_OF_PLACE[place.kind];
  const doc =
    place.kind === 'tail' || place.kind === 'outside'
      ? 'no cluster covers these sectors'
      : 'so that what follows is aligned';
  return { role: 'reserved', owner, title: owner, fields: [restOf(view, from, to, doc)] };
}

function restOf(view: BlockView, from: number, to: number, doc: string): Annotation {
  const text = isZero(view.bytes.subarray(from, to)) ? 'zeros' : 'bytes without a meaning for the format';
  return run(from, to, 'reserved', text, doc);
}

/** Not an exFAT volume: the boot sector is explained all the same, for it tells why. */
function annotateUnknown(view: BlockView, block: number): BlockAnnotation {
  const { problem } = view.index;
  const fields: Annotation[] = block === 0 ? BootSector.annotate(view.bytes) : [];
  const end = fields.length === 0 ? 0 : BootSector.sizeBytes;
  if (end < view.bytes.length) fields.push(restOf(view, end, view.bytes.length, 'no exFAT volume lies here'));
  return { role: 'reserved', owner: '', title: `Not an exFAT volume: ${problem}`, fields };
}

// ── clusters ────────────────────────────────────────────────────────────────────────────────────────────────────────

function annotateCluster(view: BlockView, geometry: Geometry, place: Place, from: number, to: number): Piece {
  const held = view.index.runOf(place.number);
  const file = held && view.index.files[held.file];
  if (!held || !file) return annotateUnheld(view, place.number, from, to);
  const clusterIndex = held.firstIndex + place.number - held.firstCluster;
  const offset = clusterIndex * geometry.clusterSizeBytes + view.startBytes + from - place.startBytes;
  switch (file.kind) {
    case 'directory':
      return annotateEntries(view, held.file, offset / ENTRY_SIZE_BYTES, from, to);
    case 'bitmap':
      return annotateBitmap(view, geometry, offset, from, to);
    case 'upcase': {
      const startBytes = clusterOffsetBytes(geometry, file.firstCluster);
      return annotateUpcase(view, { startBytes, sizeBytes: file.sizeBytes }, offset, from, to);
    }
    case 'file':
      return annotateData(view, held, file, place.number, offset, from, to);
  }
}

function annotateData(
  view: BlockView,
  held: ClusterRun,
  file: OwnedFile,
  cluster: number,
  offset: number,
  from: number,
  to: number,
): Piece {
  const path = view.index.pathOf(held.file);
  const name = shown(path);
  const endAt = (bytes: number): number => Math.min(Math.max(from, from + bytes - offset), to);
  const validEnd = endAt(file.validBytes);
  const dataEnd = endAt(file.sizeBytes);
  const bytesOf = (start: number, end: number): string =>
    `bytes ${offset + start - from} to ${offset + end - from - 1} of ${name}`;
  const fields: Annotation[] = [];
  if (validEnd > from)
    fields.push(run(from, validEnd, 'data', bytesOf(from, validEnd), `contents in cluster ${cluster}`));
  if (dataEnd > validEnd) {
    const doc = `behind ValidDataLength (${file.validBytes}): whatever stands here, programs read zeros`;
    fields.push(run(validEnd, dataEnd, 'not yet written', bytesOf(validEnd, dataEnd), doc));
  }
  if (dataEnd < to) {
    const text = `${to - dataEnd} bytes of slack behind the end of ${name}`;
    const doc = `the file ends after ${file.sizeBytes} bytes, its last cluster does not`;
    fields.push(run(dataEnd, to, 'slack', text, doc));
  }
  const number = held.firstIndex + cluster - held.firstCluster + 1;
  const title = `${name}, cluster ${cluster} (number ${number} of the file)`;
  return { role: 'data', owner: path, title, fields };
}

function annotateUnheld(view: BlockView, cluster: number, from: number, to: number): Piece {
  const { index } = view;
  const contents = isZero(view.bytes.subarray(from, to)) ? 'zeros' : 'old bytes that nobody holds any more';
  if (!index.isMarked(cluster)) {
    const fields = [run(from, to, 'free', contents, `cluster ${cluster} is free`)];
    return { role: 'free', owner: '', title: `Free, cluster ${cluster}`, fields };
  }
  if (index.fat.get(cluster) === FAT_BAD) {
    const fields = [run(from, to, 'bad', contents, `cluster ${cluster} is marked as bad and not used`)];
    return { role: 'bad', owner: '', title: `Bad, cluster ${cluster}`, fields };
  }
  const fields = [
    run(from, to, 'lost', contents, `cluster ${cluster} is marked as used, but no file holds it`),
  ];
  return { role: 'data', owner: LOST, title: `Lost, cluster ${cluster}`, fields };
}
