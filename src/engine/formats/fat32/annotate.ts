import { isZero } from '../../base/bytes.ts';
import type { Role } from '../../base/role.ts';
import type { Annotation } from '../../codec/struct.ts';
import type { Device } from '../../device/device.ts';
import type { BlockAnnotation } from '../survey.ts';
import { BOOT_SIGNATURE, BootSector16, BootSector32, FsInfo } from './layout.ts';
import type { Geometry } from './layout.ts';
import { annotateSlots } from './annotate-directory.ts';
import { run } from './annotate-pieces.ts';
import type { BlockView, Piece } from './annotate-pieces.ts';
import { annotateTable } from './annotate-table.ts';
import { OWNER_OF_PLACE, OwnerIndex, placeOf } from './owner-index.ts';
import type { Place } from './owner-index.ts';
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
  const owner = OWNER_OF_PLACE[place.kind];
  switch (place.kind) {
    case 'boot':
    case 'backup boot':
      return annotateBoot(view, geometry, place, from, to);
    case 'fsinfo':
    case 'backup fsinfo':
      return withRest(
        view,
        place,
        from,
        to,
        'header',
        owner,
        FsInfo.annotate(sectorStart(view, place, from)),
      );
    case 'table':
      return annotateTable(view, geometry, place, from, to);
    case 'root':
      return annotateSlots(view, 0, (view.startBytes + from - place.startBytes) / 32, from, to);
    case 'cluster':
      return annotateCluster(view, geometry, place, from, to);
    default:
      return annotateReserved(view, place.kind === 'reserved' ? place : null, owner, from, to);
  }
}

// ── headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The structure at the start of the sector, or nothing when the block begins further back in it. */
const sectorStart = (view: BlockView, place: Place, from: number): Uint8Array =>
  place.startBytes === view.startBytes + from ? view.bytes.subarray(from, from + 512) : new Uint8Array(0);

function annotateBoot(view: BlockView, geometry: Geometry, place: Place, from: number, to: number): Piece {
  const struct = geometry.type === 32 ? BootSector32 : BootSector16;
  const owner = OWNER_OF_PLACE[place.kind];
  return withRest(view, place, from, to, 'header', owner, struct.annotate(sectorStart(view, place, from)));
}

/** A structure of 512 bytes, and what is left of a larger sector. */
function withRest(
  view: BlockView,
  place: Place,
  from: number,
  to: number,
  role: Role,
  owner: string,
  fields: readonly Annotation[],
): Piece {
  const moved = fields.map((field) => ({ ...field, offsetBytes: field.offsetBytes + from }));
  const end = moved.length === 0 ? from : from + 512;
  if (end < to) moved.push(restOf(view, end, to, `rest of the sector of ${owner}`));
  const sector = `sector ${Math.floor(place.startBytes / (place.endBytes - place.startBytes))}`;
  return { role, owner, title: `${owner}, ${sector}`, fields: moved };
}

function restOf(view: BlockView, from: number, to: number, doc: string): Annotation {
  const text = isZero(view.bytes.subarray(from, to)) ? 'zeros' : 'bytes without a meaning for the format';
  return run(from, to, 'reserved', text, doc);
}

function annotateReserved(
  view: BlockView,
  place: Place | null,
  owner: string,
  from: number,
  to: number,
): Piece {
  const hasSignature =
    place !== null &&
    view.startBytes + from === place.startBytes &&
    to - from >= 512 &&
    ((view.bytes[from + 510] ?? 0) | ((view.bytes[from + 511] ?? 0) << 8)) === BOOT_SIGNATURE;
  const doc = hasSignature
    ? 'third sector of boot code, ends in 55 AA'
    : place
      ? 'set aside before the first FAT'
      : 'no cluster covers these sectors';
  return { role: 'reserved', owner, title: owner, fields: [restOf(view, from, to, doc)] };
}

/** Not a FAT volume: the boot sector is explained all the same, for it tells why. */
function annotateUnknown(view: BlockView, block: number): BlockAnnotation {
  const { problem } = view.index;
  const fields: Annotation[] = block === 0 ? BootSector32.annotate(view.bytes) : [];
  const end = fields.length === 0 ? 0 : 512;
  if (end < view.bytes.length) fields.push(restOf(view, end, view.bytes.length, 'no FAT volume lies here'));
  return { role: 'reserved', owner: '', title: `Not a FAT volume: ${problem}`, fields };
}

// ── clusters ────────────────────────────────────────────────────────────────────────────────────────────────────────

function annotateCluster(view: BlockView, geometry: Geometry, place: Place, from: number, to: number): Piece {
  const { index } = view;
  const cluster = place.number;
  const held = index.runOf(cluster);
  if (!held) return annotateUnheld(view, cluster, from, to);
  const file = index.files[held.file];
  const clusterIndex = held.firstIndex + cluster - held.firstCluster;
  const offsetInFile = clusterIndex * geometry.clusterSizeBytes + view.startBytes + from - place.startBytes;
  if (file?.isDirectory) return annotateSlots(view, held.file, offsetInFile / 32, from, to);

  const path = index.pathOf(held.file);
  const sizeBytes = file?.sizeBytes ?? 0;
  const dataEnd = Math.min(Math.max(from, from + sizeBytes - offsetInFile), to);
  const fields: Annotation[] = [];
  if (dataEnd > from) {
    const text = `bytes ${offsetInFile} to ${offsetInFile + dataEnd - from - 1} of ${shown(path)}`;
    fields.push(run(from, dataEnd, 'data', text, `contents in cluster ${cluster}`));
  }
  if (dataEnd < to) {
    const text = `${to - dataEnd} bytes of slack behind the end of ${shown(path)}`;
    fields.push(
      run(dataEnd, to, 'slack', text, `the file ends after ${sizeBytes} bytes, its last cluster does not`),
    );
  }
  const title = `${shown(path)}, cluster ${cluster} (number ${clusterIndex + 1} of its chain)`;
  return { role: 'data', owner: path, title, fields };
}

function annotateUnheld(view: BlockView, cluster: number, from: number, to: number): Piece {
  const { table } = view.index;
  const value = table.get(cluster);
  const contents = isZero(view.bytes.subarray(from, to)) ? 'zeros' : 'old bytes that nobody holds any more';
  if (value === 0) {
    const fields = [run(from, to, 'free', contents, `cluster ${cluster} is free`)];
    return { role: 'free', owner: '', title: `Free, cluster ${cluster}`, fields };
  }
  if (value === table.marks.bad) {
    const fields = [run(from, to, 'bad', contents, `cluster ${cluster} is marked as bad and not used`)];
    return { role: 'bad', owner: '', title: `Bad, cluster ${cluster}`, fields };
  }
  const fields = [
    run(from, to, 'lost', contents, `cluster ${cluster} is marked as used, but no file holds it`),
  ];
  return { role: 'data', owner: LOST, title: `Lost, cluster ${cluster}`, fields };
}
