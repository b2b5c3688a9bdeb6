import { gunzipSync } from 'node:zlib';
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/engine/base/prng.ts';
import { GPT_TYPES } from '../../../src/engine/device/gpt.ts';
import { readPartitionMap } from '../../../src/engine/device/partition-map.ts';
import { Store } from '../../../src/engine/device/store.ts';
import { openUdif } from '../../../src/engine/device/udif.ts';
import { CONTAINERS, prepareExport, type ExportRequest } from '../../../src/engine/session/export.ts';
import { createDisk } from '../../../src/engine/session/new-disk.ts';
import { Session } from '../../../src/engine/session/session.ts';
import { DEFAULT_SETTINGS } from '../../../src/engine/session/settings.ts';
import { UnpackedImage } from '../../../src/engine/session/unpacked-image.ts';
import {
  findChecker,
  fsckApfs,
  fsckApfsAfterPowerCut,
  fsckExfat,
  fsckHfsplus,
  fsckVfat,
  runChecker,
  temporaryFolder,
} from '../../support/checkers.ts';
import { Stopwatch } from '../../support/stopwatch.ts';

/**
 * Goal: what leaves the page is a volume that other people's programs like, at every moment and in every kind of file.
 * Method: a history with branches on a small disk of each format; each file is unpacked by other people's programs
 * (zlib, 7-Zip, dmg2img where they are there) and judged by the reference checker.
 */
const MIB = 2 ** 20;

function sessionOf(format: string, sizeBytes = 24 * MIB, scheme: 'none' | 'gpt' = 'none'): Session {
  const settings: Record<string, string> = format === 'fat32' ? { type: 'fat16' } : {};
  const { store } = createDisk({ format, sizeBytes, label: 'TEST', scheme, settings, seed: 1 });
  return Session.open(store, 'test.img', DEFAULT_SETTINGS, () => {});
}

function run(session: Session, line: string): void {
  const running = session.run(line);
  while (running.next().done !== true);
}

const prepare = (session: Session, request: Partial<ExportRequest>) =>
  prepareExport(
    { ...partsOf(session), label: 'TEST' },
    { container: 'raw', state: 'rest', isWrapped: false, ...request },
  );
const partsOf = ({ shownStore, restingStore, now }: Session) => ({ shownStore, restingStore, now });

/** The file as it would lie on a host: holes for zeros. */
function written(session: Session, request: Partial<ExportRequest>): string {
  const { view, pieces } = prepare(session, request);
  const path = join(temporaryFolder(), view.fileName);
  const file = openSync(path, 'w');
  let at = 0;
  for (const piece of pieces()) {
    if (piece.kind === 'data') writeSync(file, piece.bytes, 0, piece.bytes.length, at);
    at += piece.kind === 'data' ? piece.bytes.length : piece.lengthBytes;
  }
  ftruncateSync(file, at);
  closeSync(file);
  expect(at, 'the size told before').toBeLessThanOrEqual(view.fileBytesMax);
  if (!view.isPacked) expect(at).toBe(view.fileBytesMax);
  return path;
}

/** The disk inside a file. */
function diskIn(path: string): Buffer {
  const bytes = readFileSync(path);
  if (path.endsWith('.gz')) return gunzipSync(bytes);
  if (path.endsWith('.vhd')) return bytes.subarray(0, -512);
  if (!path.endsWith('.dmg')) return bytes;
  const backing = {
    sizeBytes: bytes.length,
    read: (at: number, into: Uint8Array) => void bytes.copy(into, 0, at, at + into.length),
  };
  const inside = openUdif(backing, path);
  if (inside === null) throw new Error('it is no UDIF image');
  const disk = Buffer.alloc(inside.sizeBytes);
  inside.read(0, disk);
  return disk;
}

/** A volume as a file of its own, cut out of its partition. */
function volumeIn(path: string): string {
  const disk = diskIn(path);
  const store = new Store(
    { blockSizeBytes: 512, blockCount: disk.length / 512 },
    {
      sizeBytes: disk.length,
      read: (at, into) => void disk.copy(into, 0, at, at + into.length),
    },
  );
  const { scheme, partitions, problems } = readPartitionMap(store);
  expect(problems).toEqual([]);
  const [part] = partitions;
  const at = scheme === 'none' ? 0 : part!.firstBlock * 512;
  const end = scheme === 'none' ? disk.length : at + part!.blockCount * 512;
  const cut = join(temporaryFolder(), 'volume.img');
  writeFileSync(cut, disk.subarray(at, end));
  return cut;
}

const FORMATS = [
  { format: 'fat32', judge: fsckVfat, type: GPT_TYPES['Microsoft Basic Data'] },
  { format: 'exfat', judge: fsckExfat, type: GPT_TYPES['Microsoft Basic Data'] },
  { format: 'hfsplus', judge: fsckHfsplus, type: GPT_TYPES.Apple_HFS },
  { format: 'hfsx', judge: fsckHfsplus, type: GPT_TYPES.Apple_HFS },
  { format: 'apfs', judge: fsckApfs, type: GPT_TYPES.Apple_APFS },
];

describe.each(FORMATS)('$format', ({ format, judge, type }) => {
  test('every kind of file, at three moments of a history with branches, holds a clean volume', () => {
    const session = sessionOf(format, 12 * MIB);
    run(session, 'mkdir d; seq 1 3000 > d/numbers; mkfile 2m zeros');
    run(session, 'cp d/numbers e; rm zeros; mkfile 300k f');
    const newest = session.now;
    session.seek({ step: 1 });
    run(session, 'mv d moved; echo branch > b');
    const branch = session.now;
    for (const moment of [{ step: 0 }, newest, branch]) {
      session.seek(moment);
      const raw = readFileSync(written(session, {}));
      for (const container of CONTAINERS) {
        const isWrapped = container !== 'raw';
        const volume = volumeIn(written(session, { container, isWrapped }));
        expect(readFileSync(volume).equals(raw), `${container} holds the bytes of the raw image`).toBe(true);
      }
      const alone = join(temporaryFolder(), 'volume.img');
      writeFileSync(alone, raw);
      expect(judge(alone)).toBe('');
    }
  });

  test('the partition around it has the type of its format, in both copies of the map', () => {
    const disk = diskIn(written(sessionOf(format), { isWrapped: true }));
    for (const damaged of [null, 512, disk.length - 512]) {
      const bytes = Buffer.from(disk);
      if (damaged !== null) bytes.fill(0, damaged, damaged + 512);
      const backing = {
        sizeBytes: bytes.length,
        read: (at: number, into: Uint8Array) => void bytes.copy(into, 0, at, at + into.length),
      };
      const store = new Store({ blockSizeBytes: 512, blockCount: bytes.length / 512 }, backing);
      const { partitions } = readPartitionMap(store);
      expect(partitions).toMatchObject([{ type, name: 'TEST', firstBlock: 2048, isUsable: true }]);
    }
    expect(disk.length % MIB).toBe(0);
  });

  test('other people’s programs unpack the disk image of macOS to the same disk', () => {
    const session = sessionOf(format);
    run(session, 'seq 1 30000 > numbers; mkfile 1m zeros');
    const image = written(session, { container: 'dmg', isWrapped: true });
    const disk = diskIn(image);
    const sevenZip = findChecker('7zz');
    if (sevenZip !== null) {
      const { exitCode, output } = runChecker(sevenZip, ['t', image]);
      expect([exitCode, output.includes('Everything is Ok')], output).toEqual([0, true]);
      const bytes = readFileSync(image);
      bytes[bytes.length >> 3]! ^= 1;
      writeFileSync(image.replace('.dmg', '-bad.dmg'), bytes);
      expect(runChecker(sevenZip, ['t', image.replace('.dmg', '-bad.dmg')]).exitCode).not.toBe(0);
    }
    const dmg2img = findChecker('dmg2img');
    if (dmg2img !== null) {
      const raw = join(temporaryFolder(), 'raw.img');
      expect(runChecker(dmg2img, ['-i', image, '-o', raw]).exitCode).toBe(0);
      expect(readFileSync(raw).equals(disk)).toBe(true);
    }
  });
});

describe('a moment', () => {
  test('gives the same file however one came there, and whatever happened elsewhere', () => {
    const session = sessionOf('hfsplus');
    run(session, 'seq 1 3000 > a');
    const once = CONTAINERS.map((container) =>
      readFileSync(written(session, { container, isWrapped: true })),
    );
    run(session, 'rm a; mkfile 3m b');
    session.undo();
    const again = sessionOf('hfsplus');
    run(again, 'seq 1 3000 > a');
    for (const other of [session, again]) {
      CONTAINERS.forEach((container, i) => {
        expect(readFileSync(written(other, { container, isWrapped: true })).equals(once[i]!), container).toBe(
          true,
        );
      });
    }
    expect(once[1]!.subarray(4, 8)).toEqual(Buffer.alloc(4)); // MTIME of gzip
  });

  test('inside a step can only be had as a power cut leaves it, and says so', () => {
    const session = sessionOf('apfs');
    run(session, 'mkdir d; seq 1 100 > d/a');
    session.seek({ step: 1, write: 3 });
    const { view } = prepare(session, { state: 'rest' });
    expect(view.states).toEqual(['cut']);
    expect(view.stateSentence).toContain('inside step 1, right after its access 4: as a power cut');
    expect(fsckApfsAfterPowerCut(written(session, { state: 'rest' }))).toBe('');
  });

  test('as it lies is the disk with its volumes in use; at rest they are not', () => {
    const session = sessionOf('fat32');
    run(session, 'echo hi > a');
    const [cut, rest] = (['cut', 'rest'] as const).map((state) => readFileSync(written(session, { state })));
    expect([cut![37]! & 1, rest![37]! & 1]).toEqual([1, 0]); // BS_Reserved1 of FAT16
    expect(prepare(session, { state: 'cut' }).view.advice[1]!.notes.join()).toContain('not unmounted');
  });

  test('is not changed by what runs while its pieces are taken', () => {
    const session = sessionOf('exfat');
    run(session, 'seq 1 30000 > a');
    const before = diskIn(written(session, { state: 'cut' }));
    const pieces = prepare(session, { state: 'cut' }).pieces();
    const parts: Uint8Array[] = [];
    for (const piece of pieces) {
      parts.push(piece.kind === 'data' ? piece.bytes : new Uint8Array(piece.lengthBytes));
      run(session, 'rm -f a; mkfile 1m b; seq 1 9 > c');
    }
    expect(Buffer.concat(parts).equals(before)).toBe(true);
  });
});

describe('a terabyte with little on it', () => {
  test('is packed in bounded time and memory, as any kind of file', () => {
    const session = sessionOf('apfs', 2 ** 40);
    run(session, 'seq 1 3000 > a');
    const watch = new Stopwatch();
    for (const container of CONTAINERS) {
      const { view, pieces } = prepare(session, { container, isWrapped: true });
      let held = 0;
      let sizeBytes = 0;
      for (const piece of pieces()) {
        held += piece.kind === 'data' ? piece.bytes.length : 0;
        sizeBytes += piece.kind === 'data' ? piece.bytes.length : piece.lengthBytes;
      }
      expect(held, container).toBeLessThan(64 * MIB);
      expect(sizeBytes).toBeLessThanOrEqual(view.fileBytesMax);
      if (container === 'dmg') expect(sizeBytes).toBeLessThan(MIB);
      if (container === 'gzip') expect(sizeBytes).toBeLessThan(2 ** 40 / 1000);
    }
    expect(watch.milliseconds).toBeLessThan(20_000);
  });

  test('does not fit a VHD beyond 2040 GiB, nor a map around 16 TiB: a sentence says so', () => {
    const large = sessionOf('exfat', 2 ** 41);
    const { view, pieces } = prepare(large, { container: 'vhd' });
    expect(view.refusal).toContain('at most 1.99 TiB');
    expect(() => pieces()).toThrow('choose another kind of file');
    const largest = prepare(sessionOf('exfat', 2 ** 44), { isWrapped: true });
    expect(largest.view).toMatchObject({
      refusal: expect.stringContaining('leave the map out'),
      isBare: true,
    });
  });
});

test('a disk that has a map keeps it, and one with noise on it goes out as it is', () => {
  const { view } = prepare(sessionOf('apfs', 24 * MIB, 'gpt'), { container: 'dmg', isWrapped: true });
  expect([view.isBare, view.diskBytes]).toEqual([false, 24 * MIB]);
  const noise = new Store({ blockSizeBytes: 512, blockCount: 4096 });
  const bytes = new Prng(9).bytes(2 * MIB);
  noise.write(0, bytes, { role: 'data', owner: '', reason: 'noise' });
  for (const container of CONTAINERS) {
    const session = Session.open(noise, 'noise.img', DEFAULT_SETTINGS, () => {});
    expect(diskIn(written(session, { container, isWrapped: true })).equals(bytes), container).toBe(true);
  }
});

test('names from disks cannot break commands', () => {
  const session = sessionOf('exfat');
  const { view } = prepareExport(
    { ...partsOf(session), label: '$(rm -rf /); "x"\n' },
    { container: 'raw', state: 'rest', isWrapped: false },
  );
  expect(view.fileName).toMatch(/^rm[a-z-]*-exfat\.img$/);
  expect(view.advice[1]!.steps.map(({ command }) => command).join()).toContain(view.fileName);
});

describe('an image that comes as a stream', () => {
  const bytes = new Prng(3).bytes(50_000);
  const content = Buffer.concat([bytes, Buffer.alloc(3 * MIB), bytes, Buffer.from('end')]);

  test('is the same disk in pieces of any size, and zeros are not kept', () => {
    for (const step of [1000, 4096, 65_537, content.length]) {
      const image = new UnpackedImage('a.img.gz', { contentBytes: 120_000, sizeBytes: 2 ** 30 });
      for (let at = 0; at < content.length; at += step) image.append(content.subarray(at, at + step));
      image.finish();
      expect(image.sizeBytes).toBe(content.length);
      const back = Buffer.alloc(content.length);
      image.read(0, back);
      expect(back.equals(content)).toBe(true);
      expect(image.nextData(60_000)).toBeGreaterThan(3 * MIB);
      expect(image.nextData(content.length)).toBe(content.length);
    }
  });

  test('that never ends is refused with a sentence, whether it holds something or zeros', () => {
    const limits = { contentBytes: MIB, sizeBytes: 64 * MIB };
    const endless = (piece: Uint8Array) => {
      const image = new UnpackedImage('bomb.img.gz', limits);
      for (;;) image.append(piece);
    };
    expect(() => endless(new Uint8Array(MIB).fill(65))).toThrow('unpack it with gunzip');
    expect(() => endless(new Uint8Array(MIB))).toThrow('unpacked it is larger than 64 MiB');
  });
});
