import { isZero, viewOf } from '../../base/bytes.ts';
import type { Annotation } from '../../codec/struct.ts';
import {
  BootSector,
  CHECKSUM_SECTOR,
  EXTENDED_BOOT_FIRST_SECTOR,
  EXTENDED_BOOT_SECTORS,
  EXTENDED_BOOT_SIGNATURE,
  OEM_PARAMETERS_COUNT,
  OEM_PARAMETERS_SECTOR,
  OemParameters,
} from './layout.ts';
import { SPEC, run } from './annotate-pieces.ts';
import type { BlockView, Piece } from './annotate-pieces.ts';
import { OWNER_OF_PLACE } from './owner-index.ts';
import type { Place } from './owner-index.ts';

/** The twelve sectors of a boot region, each as the specification divides it. */
export function annotateBoot(view: BlockView, place: Place, from: number, to: number): Piece {
  const owner = OWNER_OF_PLACE[place.kind];
  // A block may begin further back in a larger sector: what is before it is cut off.
  const skipped = view.startBytes + from - place.startBytes;
  const sector = view.index.medium.read(place.startBytes, place.endBytes - place.startBytes);
  const fields = fieldsOf(sector, place.number)
    .filter(
      (field) => field.offsetBytes + field.lengthBytes > skipped && field.offsetBytes < skipped + to - from,
    )
    .map((field) => within(field, skipped, to - from))
    .map((field) => ({ ...field, offsetBytes: field.offsetBytes + from }));
  return {
    role: 'header',
    owner,
    title: `${owner}, sector ${place.number}: ${nameOfSector(place.number)}`,
    fields,
  };
}

/** The part of a field that lies in `length` bytes from `start` on, counted from there. */
function within(field: Annotation, start: number, length: number): Annotation {
  const first = Math.max(field.offsetBytes, start);
  const end = Math.min(field.offsetBytes + field.lengthBytes, start + length);
  return { ...field, offsetBytes: first - start, lengthBytes: end - first };
}

/** 'boot sector', 'extended boot sector 3', 'checksum' … */
export function nameOfSector(number: number): string {
  if (number === 0) return 'boot sector';
  if (number < EXTENDED_BOOT_FIRST_SECTOR + EXTENDED_BOOT_SECTORS) return `extended boot sector ${number}`;
  if (number === OEM_PARAMETERS_SECTOR) return 'OEM parameters';
  return number === CHECKSUM_SECTOR ? 'checksum' : 'reserved';
}

function fieldsOf(sector: Uint8Array, number: number): Annotation[] {
  const size = sector.length;
  if (number === 0) return withRest(sector, BootSector.annotate(sector), 'ExcessSpace', '3.1.19');
  if (number < EXTENDED_BOOT_FIRST_SECTOR + EXTENDED_BOOT_SECTORS) {
    const signature = viewOf(sector).getUint32(size - 4, true);
    const text = `0x${signature.toString(16)}${signature === EXTENDED_BOOT_SIGNATURE ? '' : ', should be 0xaa550000'}`;
    return [
      run(
        0,
        size - 4,
        'ExtendedBootCode',
        contentOf(sector.subarray(0, size - 4)),
        'more boot code',
        `${SPEC}, 3.2`,
      ),
      run(size - 4, size, 'ExtendedBootSignature', text, '00 00 55 AA', `${SPEC}, 3.2`),
    ];
  }
  if (number === OEM_PARAMETERS_SECTOR) {
    const records = Array.from({ length: OEM_PARAMETERS_COUNT }, (_, i) =>
      OemParameters.annotate(sector, i * OemParameters.sizeBytes).map((field) => ({
        ...field,
        name: field.name.replace('OemParameters', `OemParameters[${i}]`),
      })),
    );
    return withRest(sector, records.flat(), 'Reserved', '3.3');
  }
  if (number === CHECKSUM_SECTOR) return [annotateChecksum(sector)];
  return [run(0, size, 'Reserved', contentOf(sector), 'set aside', `${SPEC}, 3`)];
}

const contentOf = (bytes: Uint8Array): string => (isZero(bytes) ? 'zeros' : `${bytes.length} bytes`);

function withRest(sector: Uint8Array, fields: Annotation[], name: string, section: string): Annotation[] {
  const last = fields.at(-1);
  const end = last ? last.offsetBytes + last.lengthBytes : 0;
  if (end < sector.length) {
    const text = contentOf(sector.subarray(end));
    fields.push(run(end, sector.length, name, text, 'behind the structure', `${SPEC}, ${section}`));
  }
  return fields;
}

function annotateChecksum(sector: Uint8Array): Annotation {
  const view = viewOf(sector);
  const sum = view.getUint32(0, true);
  let isSame = true;
  for (let at = 4; at < sector.length; at += 4) isSame &&= view.getUint32(at, true) === sum;
  const text = isSame
    ? `0x${sum.toString(16)}, ${sector.length / 4} times`
    : `0x${sum.toString(16)}, and others: damaged`;
  const doc =
    'checksum of the eleven sectors before, without VolumeFlags and PercentInUse, over the whole sector';
  return run(0, sector.length, 'BootChecksum', text, doc, `${SPEC}, 3.4`);
}
