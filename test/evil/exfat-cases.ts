import { expect } from 'vitest';
import { ENTRY_TYPE, FAT_END } from '../../src/engine/formats/exfat/layout.ts';
import type { ExfatPatient } from './exfat-patient.ts';
import { LONG_NAME, NAME_255 } from './exfat-volumes.ts';

/** Damage to an exFAT volume, one thing at a time. */
export interface ExfatCase {
  readonly kind: string;
  readonly what: string;
  readonly spoil: (patient: ExfatPatient) => void;
  readonly says?: RegExp;
  /** fsck.exfat cannot see it; absent: it must. */
  readonly isBlind?: true;
  /** What must be so after the repair. */
  readonly then?: (patient: ExfatPatient, before: ExfatPatient) => void;
}

const keeps =
  (...paths: string[]) =>
  (after: ExfatPatient, before: ExfatPatient): void => {
    for (const path of paths) expect(after.contentsOf(path), path).toEqual(before.contentsOf(path));
  };

const isGone =
  (path: string) =>
  (after: ExfatPatient): void => {
    expect(() => after.find(path)).toThrow(/^no /);
  };

export const BOOT: ExfatCase[] = [
  {
    kind: 'boot-checksum',
    what: 'a wrong checksum of the main boot region and no backup',
    spoil: (p) => p.put(200, [0x77]).put(12 * 512 + 11 * 512, [1, 2, 3]),
    says: /checksum of the main boot region is 0x[0-9a-f]+, should be 0x[0-9a-f]+/,
  },
  {
    kind: 'boot-sector',
    what: 'a byte of boot code that the checksum does not know',
    spoil: (p) => p.put(200, [0x77]),
    then: (p) => expect(p.bytes(200, 1)[0]).not.toBe(0x77),
  },
  { kind: 'boot-sector', what: 'a main boot sector of zeros', spoil: (p) => p.put(0, new Uint8Array(512)) },
  { kind: 'boot-sector', what: 'a sector size of 2^40', spoil: (p) => p.put(108, [40]) },
  { kind: 'boot-sector', what: 'parameters of FAT where zeros must be', spoil: (p) => p.put(20, [1]) },
  { kind: 'boot-sector', what: 'a root cluster elsewhere', spoil: (p) => p.putU32(96, 300) },
  {
    kind: 'backup-boot',
    what: 'a backup boot region with another label of boot code',
    spoil: (p) => p.put(12 * 512 + 130, [1]),
    says: /alternate boot region is damaged \(first in sector 12, byte 130\)/,
    isBlind: true,
  },
  {
    kind: 'backup-boot',
    what: 'a backup with a serial number of its own and the right checksum',
    spoil: (p) => p.putU32(12 * 512 + 100, 7).sumBoot(12),
    says: /differs from the main one/,
    isBlind: true,
  },
  { kind: 'boot-jump', what: 'another jump', spoil: (p) => p.put(0, [0xe9]).sumBoot(), isBlind: true },
  {
    kind: 'boot-extended',
    what: 'an unsigned extended boot sector',
    spoil: (p) => p.put(3 * 512 + 510, [0, 0]).sumBoot(),
    isBlind: true,
  },
  { kind: 'revision', what: 'revision 1.1', spoil: (p) => p.put(104, [1]).sumBoot() },
  { kind: 'dirty', what: 'the dirty flag', spoil: (p) => p.put(106, [2]), isBlind: true },
  { kind: 'disk-error', what: 'the media failure flag', spoil: (p) => p.put(106, [4]), isBlind: true },
  {
    kind: 'active-fat',
    what: 'a second FAT that is not there',
    spoil: (p) => p.put(106, [1]),
    isBlind: true,
  },
  {
    kind: 'percent-in-use',
    what: 'a percentage that cannot be',
    spoil: (p) => p.put(112, [0x70]),
    says: /PercentInUse is 112, should be \d/,
    isBlind: true,
  },
];

export const TABLES: ExfatCase[] = [
  { kind: 'fat-media', what: 'another media byte', spoil: (p) => p.setFat(0, 0xffff_fff0), isBlind: true },
  {
    kind: 'used-marked-free',
    what: 'a cluster of a file that the bitmap calls free',
    spoil: (p) => p.setUsed(p.find('notes.txt').firstCluster + 1, false),
    says: /\/notes\.txt: cluster \d+ is marked as free/,
    then: keeps('notes.txt'),
  },
  {
    kind: 'lost-clusters',
    what: 'clusters nobody holds',
    spoil: (p) => [700, 701, 702].forEach((cluster) => p.setUsed(cluster, true)),
    says: /3 clusters marked as used, held by nobody: clusters 700 to 702/,
    then: (p) => expect(p.isUsed(701)).toBe(false),
  },
  {
    kind: 'bitmap-tail',
    what: 'bits behind the last cluster',
    spoil: (p) => {
      const count = p.geometry.clusterCount;
      const at = p.bitmapOffset + Math.ceil(count / 8) - 1;
      p.put(at, [(p.bytes(at, 1)[0] ?? 0) | 0x80]);
    },
    isBlind: true,
  },
  {
    kind: 'bitmap-size',
    what: 'a bitmap one byte too long by its entry',
    spoil: (p) => p.putU64(p.systemEntry(ENTRY_TYPE.bitmap) + 24, Math.ceil(p.geometry.clusterCount / 8) + 1),
    isBlind: true,
  },
  {
    kind: 'bitmap-size',
    what: 'a bitmap too short by its entry',
    spoil: (p) => p.putU64(p.systemEntry(ENTRY_TYPE.bitmap) + 24, 3),
  },
  {
    kind: 'no-bitmap',
    what: 'no entry of the bitmap',
    spoil: (p) => p.put(p.systemEntry(ENTRY_TYPE.bitmap), [0x01]),
    then: keeps('notes.txt', 'photos/b.jpg'),
  },
  {
    kind: 'no-bitmap',
    what: 'a bitmap outside the volume',
    spoil: (p) => p.putU32(p.systemEntry(ENTRY_TYPE.bitmap) + 20, 0xfff_ffff),
  },
  {
    kind: 'duplicate-bitmap',
    what: 'two entries of the bitmap',
    spoil: (p) => p.put(p.freeEntries('', 1)[0] ?? 0, p.bytes(p.systemEntry(ENTRY_TYPE.bitmap), 32)),
    isBlind: true,
  },
  {
    kind: 'system-chain',
    what: 'a chain of the up-case table that breaks',
    spoil: (p) => p.setFat(p.u32(p.systemEntry(ENTRY_TYPE.upcase) + 20), 0),
    isBlind: true,
  },
  {
    kind: 'upcase',
    what: 'an up-case table with a byte too many',
    spoil: (p) => p.put(p.clusterOffset(p.u32(p.systemEntry(ENTRY_TYPE.upcase) + 20)) + 0x61 * 2, [0x7a]),
    says: /its checksum is 0x/,
  },
  {
    kind: 'upcase',
    what: 'an up-case table cut short',
    spoil: (p) => p.putU64(p.systemEntry(ENTRY_TYPE.upcase) + 24, 100),
  },
  {
    kind: 'upcase',
    what: 'an up-case table cut short, with the right checksum',
    spoil: (p) => {
      const entry = p.systemEntry(ENTRY_TYPE.upcase);
      const table = p.bytes(p.clusterOffset(p.u32(entry + 20)), 256);
      const sum = table.reduce((sum, byte) => (((sum >>> 1) | (sum << 31)) + byte) >>> 0, 0);
      p.putU64(entry + 24, 256).putU32(entry + 4, sum);
    },
    says: /cut short after 128 of 65536 units/,
    isBlind: true,
  },
  {
    kind: 'upcase',
    what: 'no entry of the up-case table',
    spoil: (p) => p.put(p.systemEntry(ENTRY_TYPE.upcase), [0x02]),
  },
  {
    kind: 'upcase',
    what: 'an up-case table of 2^40 bytes',
    spoil: (p) => p.putU64(p.systemEntry(ENTRY_TYPE.upcase) + 24, 2 ** 40),
  },
  {
    kind: 'duplicate-upcase',
    what: 'two entries of the up-case table',
    spoil: (p) => p.put(p.freeEntries('', 1)[0] ?? 0, p.bytes(p.systemEntry(ENTRY_TYPE.upcase), 32)),
    isBlind: true,
  },
  {
    kind: 'label',
    what: 'a label of 200 characters',
    spoil: (p) => p.put(p.systemEntry(ENTRY_TYPE.label) + 1, [200]),
    isBlind: true,
  },
  {
    kind: 'duplicate-label',
    what: 'two labels',
    spoil: (p) => p.put(p.freeEntries('', 1)[0] ?? 0, p.bytes(p.systemEntry(ENTRY_TYPE.label), 32)),
    isBlind: true,
  },
  {
    kind: 'guid',
    what: 'a volume GUID with a wrong checksum',
    spoil: (p) => p.put(p.freeEntries('', 1)[0] ?? 0, [0xa0, 0, 1, 1, 0, 0, 9, 9, 9, 9]),
    isBlind: true,
  },
  {
    kind: 'root-chain',
    what: 'a root directory whose chain leads back',
    spoil: (p) => p.setFat(p.clustersOf('').at(-1) ?? 0, p.geometry.rootCluster),
    says: /leads back to cluster/,
  },
  {
    kind: 'root-chain',
    what: 'a root directory whose chain leads nowhere',
    spoil: (p) => p.setFat(p.clustersOf('').at(-1) ?? 0, 0),
  },
];

export const CHAINS: ExfatCase[] = [
  {
    kind: 'size-beyond-chain',
    what: 'a chain shorter than its file',
    spoil: (p) => p.setFat(p.find('chained.bin').firstCluster, FAT_END),
    then: (p) => expect(p.find('chained.bin').sizeBytes).toBe(p.geometry.clusterSizeBytes),
  },
  {
    kind: 'chain-beyond-size',
    what: 'a chain longer than its file',
    spoil: (p) =>
      p.change('chained.bin', ({ stream }) => p.putU64(stream + 24, 4000).putU64(stream + 8, 4000)),
    then: (p) => expect(p.find('chained.bin').sizeBytes, 'the size stays').toBe(4000),
  },
  {
    kind: 'circular-chain',
    what: 'a chain that leads back to its start',
    spoil: (p) => {
      const chain = p.clustersOf('chained.bin');
      p.setFat(chain.at(-1) ?? 0, chain[0] ?? 0);
    },
    then: keeps('notes.txt'),
  },
  {
    kind: 'chain-out-of-range',
    what: 'a chain that leaves the volume',
    spoil: (p) => p.setFat(p.find('chained.bin').firstCluster, 0x1234_5678),
  },
  {
    kind: 'chain-to-bad',
    what: 'a chain into a bad cluster',
    spoil: (p) => p.setFat(p.find('chained.bin').firstCluster, 0xffff_fff7),
  },
  {
    kind: 'cross-link',
    what: 'a chain that runs into another file',
    spoil: (p) => p.setFat(p.find('chained.bin').firstCluster, p.find('notes.txt').firstCluster),
    says: /\/chained\.bin: cluster \d+ is already allocated for \/notes\.txt/,
    then: keeps('notes.txt'),
  },
  {
    kind: 'cross-link',
    what: 'two names for the same clusters',
    spoil: (p) => void p.addSet('', 'second.txt', { ...p.find('notes.txt') }),
    then: keeps('notes.txt'),
  },
  {
    kind: 'chain-out-of-range',
    what: 'a contiguous file beyond the end of the volume',
    spoil: (p) => p.change('notes.txt', ({ stream }) => p.putU64(stream + 24, 2 ** 40)),
    says: /reach beyond the last of the volume|already allocated/,
  },
  {
    kind: 'start-out-of-range',
    what: 'a file that begins outside the volume',
    spoil: (p) => p.change('chained.bin', ({ stream }) => p.putU32(stream + 20, 0xfff_ffff)),
  },
  {
    kind: 'start-out-of-range',
    what: 'a file with a size and no cluster',
    spoil: (p) => p.change('notes.txt', ({ stream }) => p.putU32(stream + 20, 0)),
  },
  {
    kind: 'empty-with-cluster',
    what: 'an empty file with a cluster',
    spoil: (p) => p.change('empty.txt', ({ stream }) => p.putU32(stream + 20, 600)),
  },
  {
    kind: 'empty-contiguous',
    what: 'an empty file without a chain by its flags',
    spoil: (p) => p.change('empty.txt', ({ stream }) => p.put(stream + 1, [3])),
  },
  {
    kind: 'valid-beyond-size',
    what: 'more valid data than data',
    spoil: (p) => p.change('notes.txt', ({ stream }) => p.putU64(stream + 8, 10_001)),
    then: keeps('notes.txt'),
  },
  {
    kind: 'stream-flags',
    what: 'a stream whose flags forbid allocation',
    spoil: (p) => p.change('notes.txt', ({ stream }) => p.put(stream + 1, [2])),
    isBlind: true,
  },
  {
    kind: 'directory-size',
    what: 'a directory of half a cluster',
    spoil: (p) =>
      p.change('photos', ({ stream, sizeBytes }) =>
        p.putU64(stream + 24, sizeBytes - 32).putU64(stream + 8, sizeBytes - 32),
      ),
    then: keeps('photos/a.jpg'),
  },
  {
    kind: 'directory-valid-length',
    what: 'a directory that is valid in part',
    spoil: (p) => p.change('photos', ({ stream }) => p.putU64(stream + 8, 32)),
    isBlind: true,
    then: keeps('photos/a.jpg'),
  },
  {
    kind: 'directory-twice',
    what: 'one directory under two names',
    spoil: (p) => void p.addSet('', 'pictures', { ...p.find('photos'), isDirectory: true }),
    then: keeps('photos/a.jpg'),
  },
  {
    kind: 'directory-loop',
    what: 'a directory that contains itself',
    spoil: (p) =>
      void p.addSet('photos/summer holidays', 'again', { ...p.find('photos'), isDirectory: true }),
    says: /leads back to \/photos, which contains it/,
    then: keeps('photos/summer holidays/beach.jpg'),
  },
];

export const NAMES: ExfatCase[] = [
  {
    kind: 'set-checksum',
    what: 'a set with a wrong checksum',
    spoil: (p) => p.putU16(p.find('notes.txt').at + 2, 0x1234),
    says: /^\/notes\.txt: the checksum 0x1234/,
    then: keeps('notes.txt'),
  },
  {
    kind: 'name-hash',
    what: 'a wrong hash of a name',
    spoil: (p) => p.change(LONG_NAME, ({ stream }) => p.putU16(stream + 4, 0x4321)),
    then: keeps(LONG_NAME),
  },
  {
    kind: 'name-length',
    what: 'a name said to be longer than it is',
    spoil: (p) => p.change('notes.txt', ({ stream }) => p.put(stream + 3, [12])),
    then: keeps('notes.txt'),
  },
  {
    kind: 'name-length',
    what: 'a name said to be 200 units long',
    spoil: (p) => p.change('notes.txt', ({ stream }) => p.put(stream + 3, [200])),
    then: keeps('notes.txt'),
  },
  {
    kind: 'name-padding',
    what: 'something behind the zero that ends a name',
    spoil: (p) => p.change('notes.txt', ({ offsets }) => p.putU16((offsets[2] ?? 0) + 28, 0x41)),
    isBlind: true,
    then: keeps('notes.txt'),
  },
  {
    kind: 'name-flags',
    what: 'flags of a part of a name',
    spoil: (p) => p.change('notes.txt', ({ offsets }) => p.put((offsets[2] ?? 0) + 1, [1])),
    isBlind: true,
  },
  {
    kind: 'secondary-count',
    what: 'one entry too many in the count',
    spoil: (p) => p.put(p.find(LONG_NAME).at + 1, [9]),
    then: keeps(LONG_NAME),
  },
  {
    kind: 'torn-set',
    what: 'a file entry without its stream',
    spoil: (p) => p.put(p.find('notes.txt').stream, [0x40]),
    then: isGone('notes.txt'),
  },
  {
    kind: 'torn-set',
    what: 'a name of which one part is missing',
    spoil: (p) => p.put(p.find(NAME_255).offsets[5] ?? 0, [0x41]),
    then: isGone(NAME_255),
  },
  {
    kind: 'orphan-entry',
    what: 'a stream and a name without a file entry',
    spoil: (p) => p.put(p.find('notes.txt').at, [0x05]),
  },
  {
    kind: 'unknown-entry',
    what: 'an entry of a type that nobody knows',
    spoil: (p) => p.put(p.freeEntries('', 1)[0] ?? 0, [0x9f, 1, 2, 3]),
    says: /unknown entry type 0x9f/,
  },
  {
    kind: 'unknown-entry',
    what: 'an entry of the bitmap outside the root directory',
    spoil: (p) => p.put(p.freeEntries('photos', 1)[0] ?? 0, p.bytes(p.systemEntry(ENTRY_TYPE.bitmap), 32)),
  },
  {
    kind: 'bad-name',
    what: 'a name with an escape sequence, shown escaped',
    spoil: (p) => void p.addSet('', 'a\u001b[31m', {}),
    says: /\\u001b\[31m/,
  },
  { kind: 'bad-name', what: 'a name with a slash', spoil: (p) => void p.addSet('', 'a/b', {}) },
  { kind: 'bad-name', what: 'a name with a zero in it', spoil: (p) => void p.addSet('', 'a\0b', {}) },
  { kind: 'bad-name', what: 'the name ".."', spoil: (p) => void p.addSet('photos', '..', {}) },
  {
    kind: 'duplicate-name',
    what: 'two names that differ in case',
    spoil: (p) => void p.addSet('', 'NOTES.TXT', {}),
    says: /Duplicate name \/NOTES\.TXT/,
    isBlind: true,
    then: (p) => expect(p.find('NOTES~1.TXT').sizeBytes).toBe(0),
  },
  {
    kind: 'duplicate-name',
    what: 'two names in every letter the same',
    spoil: (p) => void p.addSet('', 'notes.txt', {}),
    then: keeps('notes.txt'),
  },
  {
    kind: 'duplicate-name',
    what: 'two names of 255 units',
    spoil: (p) => void p.addSet('', NAME_255.toUpperCase(), {}),
    isBlind: true,
  },
  {
    kind: 'attributes',
    what: 'attribute bits without meaning',
    spoil: (p) => p.change('notes.txt', ({ at }) => p.putU16(at + 4, 0x8028)),
    isBlind: true,
  },
  {
    kind: 'bad-date',
    what: 'a 30th of February',
    spoil: (p) => p.change('notes.txt', ({ at }) => p.putU32(at + 12, (46 << 25) | (2 << 21) | (30 << 16))),
    says: /\/notes\.txt: no calendar has its modification time/,
    isBlind: true,
  },
  {
    kind: 'bad-date',
    what: '250 hundredths of two seconds',
    spoil: (p) => p.change('notes.txt', ({ at }) => p.put(at + 20, [250])),
    isBlind: true,
  },
  {
    kind: 'utc-offset',
    what: 'a time zone 15 hours and three quarters east',
    spoil: (p) => p.change('notes.txt', ({ at }) => p.put(at + 22, [0x80 | 63])),
    isBlind: true,
  },
  {
    kind: 'entries-after-end',
    what: 'files behind the end of their directory',
    spoil: (p) => p.put(p.find('photos/a.jpg').at, new Uint8Array(96)),
    says: /whole files among them/,
    then: keeps('photos/b.jpg', 'photos/summer holidays/beach.jpg'),
  },
  {
    kind: 'entries-after-end',
    what: 'parts of names behind the end of a directory',
    spoil: (p) => p.put(p.freeEntries('photos', 3)[2] ?? 0, [0xc1, 0, 0x41, 0]),
    isBlind: true,
  },
];
