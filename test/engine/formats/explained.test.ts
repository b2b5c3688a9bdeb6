import { describe, expect, test } from 'vitest';
import { DISK_SIZES } from '../session/disk-sizes.ts';
import { bench } from '../session/bench.ts';

/**
 * Goal: no byte of a structure is without an explanation, and no explanation is without its source.
 * Method: every block of volumes of every format that is not contents of a file or free: each byte is covered by one
 * field, and each field has a name, a sentence on what it is for, and the section of the specification that says so.
 */

interface Subject {
  readonly format: string;
  readonly settings?: Record<string, string>;
  readonly sizeBytes?: number;
  readonly scheme?: 'gpt' | 'mbr';
  readonly lines?: readonly string[];
}

const FILES = [
  'mkdir photos "a directory with a long name"; echo hello > "A rather long name.text"; mkfile 40k film.mov',
  'for i in 1 2 3 4 5 6 7 8 9; do echo $i > photos/$i.jpg; done; rm photos/3.jpg; mv photos/4.jpg moved',
];
const LINKS = ['ln film.mov photos/link; ln -s film.mov soft; xattr -w org.example.mood calm film.mov'];
const SHARING = [
  'cp -c film.mov copy.mov; scope snapshot create one; printf X | dd of=copy.mov seek=5 conv=notrunc 2>/dev/null',
  'scope snapshot create two; rm film.mov; cp -c copy.mov again.mov',
];

const SUBJECTS: Readonly<Record<string, Subject>> = {
  FAT12: { format: 'fat32', settings: { type: 'fat12' }, sizeBytes: 1_440 * 1024 },
  FAT16: { format: 'fat32', settings: { type: 'fat16' }, sizeBytes: 2 ** 24 },
  FAT32: { format: 'fat32', settings: { type: 'fat32' }, sizeBytes: 2 ** 26 },
  'FAT32 in a partition': { format: 'fat32', sizeBytes: 2 ** 26, scheme: 'mbr' },
  'FAT32 with files': { format: 'fat32', lines: FILES },
  exFAT: { format: 'exfat' },
  'exFAT with files': { format: 'exfat', lines: FILES },
  'HFS+': { format: 'hfsplus' },
  'HFS+ without journal': { format: 'hfsplus', settings: { journal: 'off' } },
  'HFS+ with files': { format: 'hfsplus', lines: [...FILES, ...LINKS] },
  HFSX: { format: 'hfsx', scheme: 'gpt' },
  'HFSX with files': { format: 'hfsx', lines: [...FILES, ...LINKS] },
  APFS: { format: 'apfs', scheme: 'gpt' },
  'APFS with files': { format: 'apfs', lines: [...FILES, ...LINKS] },
  'APFS with clones and snapshots': { format: 'apfs', lines: [...FILES, ...LINKS, ...SHARING] },
};

/** Contents of files, and what nobody needs: no specification says anything about these bytes. */
const WITHOUT_STRUCTURE: ReadonlySet<string> = new Set(['data', 'free', 'shared', 'pinned']);
/** Of a long stretch of the same kind, such as an empty journal, so many blocks at both ends. */
const EDGE_BLOCKS = 64;

function* structureBlocks({ session }: ReturnType<typeof bench>): Generator<number> {
  const { regions } = session.views.regions({ offset: 0, countMax: 100_000 });
  for (const { firstBlock, blockCount, role } of regions) {
    if (WITHOUT_STRUCTURE.has(role)) continue;
    for (let i = 0; i < blockCount; i++) {
      if (i < EDGE_BLOCKS || i >= blockCount - EDGE_BLOCKS) yield firstBlock + i;
      else i = blockCount - EDGE_BLOCKS - 1;
    }
  }
}

describe.each(Object.entries(SUBJECTS))(
  '%s',
  (_, { format, settings = {}, sizeBytes, scheme, lines = [] }) => {
    const machine = bench({
      ...{ format, diskSettings: settings, sizeBytes: sizeBytes ?? DISK_SIZES[format] ?? 2 ** 24 },
      ...(scheme === undefined ? {} : { scheme }),
    });
    for (const line of lines) machine.run(line);

    test('no byte of a structure is unexplained, and each explanation says what for and from where', () => {
      const faults = new Map<string, number>();
      let explained = 0;
      const fault = (what: string, bytes: number) => faults.set(what, (faults.get(what) ?? 0) + bytes);
      for (const block of structureBlocks(machine)) {
        const { bytes, annotation, section } = machine.session.views.block(block);
        const { title, role } = annotation;
        const about = `${role}: ${title.replace(/\d+/g, 'N')}`;
        if (WITHOUT_STRUCTURE.has(role)) continue;
        if (section === '') fault(`no section of the block: ${about}`, bytes.length);
        const covered = new Uint8Array(bytes.length);
        for (const field of annotation.fields) {
          const { offsetBytes, lengthBytes } = field;
          for (let i = Math.max(0, offsetBytes); i < Math.min(bytes.length, offsetBytes + lengthBytes); i++)
            covered[i]!++;
          const which = `${field.name.replace(/\d+/g, 'N')} (${about})`;
          if (field.name.trim() === '') fault(`no name: ${which}`, lengthBytes);
          if (field.doc.trim() === '') fault(`no sentence: ${which}`, lengthBytes);
          if (field.section.trim() === '') fault(`no section: ${which}`, lengthBytes);
        }
        for (const times of covered) {
          if (times === 1) explained++;
          else fault(`${times === 0 ? 'unexplained' : 'explained twice'}: ${about}`, 1);
        }
      }
      expect(Object.fromEntries(faults)).toEqual({});
      expect(explained).toBeGreaterThan(2000);
    });
  },
);
