import { zlibSync } from 'fflate';
import { concatBytes, viewOf } from '../base/bytes.ts';
import type { Prng } from '../base/prng.ts';
import { crc32 } from '../codec/crc32.ts';
import type { Device } from './device.ts';
import { gptReservedBlocks } from './gpt.ts';
import { diskRuns, RUN_BYTES, type FilePiece } from './image-pieces.ts';
import { readPartitionMap } from './partition-map.ts';
import {
  CHECKSUM_BYTES,
  CHECKSUM_CRC32,
  CHUNK_ENTRY_BYTES,
  IGNORED,
  RAW,
  SECTOR_BYTES,
  TABLE_HEAD_BYTES,
  TableHead,
  TERMINATOR,
  Trailer,
  TRAILER_BYTES,
  ZLIB,
} from './udif-layout.ts';
import { propertyList, type NamedTable } from './udif-plist.ts';

/**
 * A disk as a disk image of macOS, of the kind that hdiutil calls UDZO: chunks packed with zlib, runs of zeros only
 * named, so that a terabyte of them takes forty bytes. macOS attaches it with a double click, for reading.
 *
 * As in images that hdiutil made: one block table per part of the disk; its checksum is over the unpacked bytes
 * without runs of zeros; the trailer has one over all packed chunks and one over the checksums of the tables.
 */
const LEVEL = 6;
/** hdiutil asks for room for one chunk and a little more, in sectors. */
const BUFFER_SECTORS = RUN_BYTES / SECTOR_BYTES + 8;

interface Part {
  readonly name: string;
  readonly firstBlock: number;
  readonly endBlock: number;
}

export function* udifPieces(device: Device, random: Prng): Generator<FilePiece> {
  const tables: NamedTable[] = [];
  const crcs: Uint8Array[] = [];
  let dataBytes = 0;
  let dataCrc = 0;
  for (const part of partsOf(device)) {
    const table = new TableWriter(part, device.blockSizeBytes / SECTOR_BYTES, tables.length);
    for (const run of diskRuns(device, part.firstBlock, part.endBlock)) {
      if (run.kind === 'zero') {
        table.add(IGNORED, run.lengthBytes, dataBytes, 0);
        continue;
      }
      const packed = zlibSync(run.bytes, { level: LEVEL });
      const isSmaller = packed.length < run.bytes.length;
      const bytes = isSmaller ? packed : run.bytes.slice();
      table.add(isSmaller ? ZLIB : RAW, run.bytes.length, dataBytes, bytes.length);
      table.crc = crc32(run.bytes, table.crc);
      dataCrc = crc32(bytes, dataCrc);
      dataBytes += bytes.length;
      yield { kind: 'data', bytes, sourceBytes: run.bytes.length };
    }
    tables.push({ name: part.name, bytes: table.close(dataBytes) });
    crcs.push(bigEndian(table.crc));
  }
  const plist = propertyList(tables);
  yield { kind: 'data', bytes: plist };
  yield {
    kind: 'data',
    bytes: trailerOf({
      ...{ dataBytes, dataCrc, plistBytes: plist.length },
      masterCrc: crc32(concatBytes(crcs)),
      segmentId: random.bytes(16),
      sectorCount: (device.blockCount * device.blockSizeBytes) / SECTOR_BYTES,
    }),
  };
}

/** The disk in parts, named as hdiutil names them; as one part where there is no map of GPT's regular form. */
function partsOf(device: Device): Part[] {
  const { scheme, partitions, problems } = readPartitionMap(device);
  const whole = [{ name: 'whole disk (unknown partition : 0)', firstBlock: 0, endBlock: device.blockCount }];
  if (scheme !== 'gpt' || problems.length > 0) return whole;
  const parts: Part[] = [];
  const add = (endBlock: number, name: string, kind: string) => {
    const firstBlock = parts.at(-1)?.endBlock ?? 0;
    if (endBlock > firstBlock) {
      parts.push({ name: `${name} (${kind} : ${parts.length})`, firstBlock, endBlock });
    }
  };
  const reserved = gptReservedBlocks(device);
  add(1, 'Protective Master Boot Record', 'MBR');
  add(2, 'GPT Header', 'Primary GPT Header');
  add(1 + reserved, 'GPT Partition Data', 'Primary GPT Table');
  for (const partition of [...partitions].sort((a, b) => a.firstBlock - b.firstBlock)) {
    add(partition.firstBlock, '', 'Apple_Free');
    add(partition.firstBlock + partition.blockCount, partition.name, partition.typeName);
  }
  add(device.blockCount - reserved, '', 'Apple_Free');
  add(device.blockCount - 1, 'GPT Partition Data', 'Backup GPT Table');
  add(device.blockCount, 'GPT Header', 'Backup GPT Header');
  return parts;
}

/** The block table of one part. Offsets count from its first sector. */
class TableWriter {
  crc = 0;
  readonly #firstSector: number;
  readonly #sectorCount: number;
  readonly #index: number;
  #entries = new Uint8Array(64 * CHUNK_ENTRY_BYTES);
  #count = 0;
  #sector = 0;
  #hasData = false;

  constructor(part: Part, sectorsPerBlock: number, index: number) {
    this.#firstSector = part.firstBlock * sectorsPerBlock;
    this.#sectorCount = (part.endBlock - part.firstBlock) * sectorsPerBlock;
    this.#index = index;
  }

  add(kind: number, lengthBytes: number, fileOffsetBytes: number, storedBytes: number): void {
    const at = this.#count * CHUNK_ENTRY_BYTES;
    if (at + CHUNK_ENTRY_BYTES > this.#entries.length) {
      const larger = new Uint8Array(this.#entries.length * 2);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    const view = viewOf(this.#entries);
    const sectors = lengthBytes / SECTOR_BYTES;
    view.setUint32(at, kind);
    for (const [i, value] of [this.#sector, sectors, fileOffsetBytes, storedBytes].entries()) {
      view.setBigUint64(at + 8 + 8 * i, BigInt(value));
    }
    this.#count++;
    this.#sector += sectors;
    if (storedBytes > 0) this.#hasData = true;
  }

  close(fileOffsetBytes: number): Uint8Array {
    this.add(TERMINATOR, 0, fileOffsetBytes, 0);
    const table = new Uint8Array(TABLE_HEAD_BYTES + this.#count * CHUNK_ENTRY_BYTES);
    TableHead.write(table, {
      ...{ signature: 'mish', version: 1, firstSector: this.#firstSector, sectorCount: this.#sectorCount },
      ...{ dataOffset: 0, buffersNeeded: this.#hasData ? BUFFER_SECTORS : 0, descriptorCount: this.#index },
      ...{ checksum: checksum(this.crc), chunkCount: this.#count },
    });
    table.set(this.#entries.subarray(0, this.#count * CHUNK_ENTRY_BYTES), TABLE_HEAD_BYTES);
    return table;
  }
}

interface TrailerFacts {
  readonly dataBytes: number;
  readonly dataCrc: number;
  readonly plistBytes: number;
  readonly masterCrc: number;
  readonly segmentId: Uint8Array;
  readonly sectorCount: number;
}

function trailerOf(facts: TrailerFacts): Uint8Array {
  const block = new Uint8Array(TRAILER_BYTES);
  Trailer.write(block, {
    ...{ signature: 'koly', version: 4, headerSize: TRAILER_BYTES, flags: 1 },
    ...{ runningDataForkOffset: 0, dataForkOffset: 0, dataForkLength: facts.dataBytes },
    ...{ resourceForkOffset: 0, resourceForkLength: 0 },
    ...{ segmentNumber: 1, segmentCount: 1, segmentId: facts.segmentId },
    dataChecksum: checksum(facts.dataCrc),
    ...{ plistOffset: facts.dataBytes, plistLength: facts.plistBytes },
    masterChecksum: checksum(facts.masterCrc),
    ...{ imageVariant: 1, sectorCount: facts.sectorCount },
  });
  return block;
}

function checksum(crc: number): Uint8Array {
  const bytes = new Uint8Array(CHECKSUM_BYTES);
  bytes.set(bigEndian(CHECKSUM_CRC32));
  bytes.set(bigEndian(32), 4);
  bytes.set(bigEndian(crc), 8);
  return bytes;
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value);
  return bytes;
}
