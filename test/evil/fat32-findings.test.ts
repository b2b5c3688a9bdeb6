import { beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/engine/device/store.ts';
import { fsck } from '../../src/engine/formats/fat32/fsck.ts';
import { explore } from './explore.ts';
import { Patient } from './patient.ts';
import { FLOPPY, LONG_NAME, SMALL_16, SMALL_32, makeVolume, vfatVerdict } from './volumes.ts';
import type { Recipe } from './volumes.ts';

/**
 * Goal: fsck names every kind of damage and repairs it so that fsck.vfat has nothing left to say.
 * Method: a volume made by mkfs.vfat and mcopy, one thing spoilt by hand; the finding must come, nothing may throw, and
 * after the repair both checkers are silent.
 */
interface Case {
  readonly kind: string;
  readonly what: string;
  readonly spoil: (patient: Patient) => void;
  /** Words the message must hold. */
  readonly says?: RegExp;
  /** What must be true after the repair, beside both checkers' silence. */
  readonly then?: (patient: Patient) => void;
  /** Types it can happen on; all by default. */
  readonly types?: readonly Recipe['type'][];
}

const FAT32 = [32] as const;

const CHAINS: Case[] = [
  {
    kind: 'chain-to-free',
    what: 'a chain that leads to a free cluster',
    spoil: (p) => p.setFat(p.chain(p.find('notes.txt').firstCluster)[1] ?? 0, p.freeCluster()),
    says: /\/notes\.txt: Cluster chain starting at \d+ ends with cluster marked free/,
  },
  {
    kind: 'chain-to-free',
    what: 'a cluster in the middle of a chain that is marked free',
    spoil: (p) => p.setFat(p.chain(p.find('photos/b.jpg').firstCluster)[1] ?? 0, 0),
    says: /\/photos\/b\.jpg/,
  },
  {
    kind: 'chain-to-bad',
    what: 'a chain that leads to a bad cluster',
    spoil: (p) => {
      p.setFat(500, p.bad).setFat(p.chain(p.find('notes.txt').firstCluster)[1] ?? 0, 500);
    },
    then: (p) => expect(p.fat(500), 'a bad cluster stays out of use').toBe(p.bad),
  },
  {
    kind: 'chain-to-bad',
    what: 'a chain that ends with the bad mark',
    spoil: (p) => p.setFat(p.chain(p.find('notes.txt').firstCluster).at(-1) ?? 0, p.bad),
  },
  {
    kind: 'chain-to-reserved',
    what: 'a chain that ends with a reserved value',
    spoil: (p) => p.setFat(p.chain(p.find('notes.txt').firstCluster).at(-1) ?? 0, p.bad - 3),
  },
  {
    kind: 'chain-out-of-range',
    what: 'a chain that leads out of the volume',
    spoil: (p) => p.setFat(p.chain(p.find('notes.txt').firstCluster)[0] ?? 0, p.geometry.clusterCount + 2),
    says: /continues with cluster out of range \(\d+\)/,
  },
  {
    kind: 'chain-out-of-range',
    what: 'a chain that leads to cluster 1',
    spoil: (p) => p.setFat(p.chain(p.find('notes.txt').firstCluster)[0] ?? 0, 1),
  },
  {
    kind: 'circular-chain',
    what: 'a chain that leads back to its own beginning',
    spoil: (p) => {
      const chain = p.chain(p.find('notes.txt').firstCluster);
      p.setFat(chain.at(-1) ?? 0, chain[0] ?? 0);
    },
    says: /is circular: cluster \d+ leads back to cluster \d+/,
  },
  {
    kind: 'circular-chain',
    what: 'a cluster that follows itself',
    spoil: (p) => p.setFat(p.find('notes.txt').firstCluster, p.find('notes.txt').firstCluster),
  },
  {
    kind: 'cross-link',
    what: 'a chain that leads into another file',
    spoil: (p) =>
      p.setFat(
        p.chain(p.find('photos/b.jpg').firstCluster)[0] ?? 0,
        p.chain(p.find('notes.txt').firstCluster)[1] ?? 0,
      ),
    says: /\/photos\/b\.jpg: .* cross-linked at cluster \d+ with \/notes\.txt/,
  },
  {
    kind: 'cross-link',
    what: 'two files with the same first cluster',
    spoil: (p) => p.setFirstCluster('photos/b.jpg', p.find('notes.txt').firstCluster),
    says: /\/photos\/b\.jpg starts with cross-linked cluster \(\d+\), which belongs to \/notes\.txt/,
  },
  {
    kind: 'cross-link',
    what: 'a file in the clusters of a directory',
    spoil: (p) => p.setFirstCluster('notes.txt', p.find('photos').firstCluster),
  },
  {
    kind: 'start-out-of-range',
    what: 'a file that starts outside the volume',
    spoil: (p) => p.setFirstCluster('notes.txt', p.geometry.clusterCount + 5),
    says: /\/notes\.txt starts with cluster out of range/,
  },
  {
    kind: 'start-out-of-range',
    what: 'a directory that starts at cluster 1',
    spoil: (p) => p.setFirstCluster('photos', 1),
  },
  {
    kind: 'start-free',
    what: 'a file that starts with a free cluster',
    spoil: (p) => p.setFirstCluster('notes.txt', p.freeCluster()),
    says: /\/notes\.txt starts with free cluster/,
  },
  {
    kind: 'start-bad',
    what: 'a file that starts with a bad cluster',
    spoil: (p) => {
      const cluster = p.freeCluster();
      p.setFat(cluster, p.bad).setFirstCluster('notes.txt', cluster);
    },
  },
  {
    kind: 'no-clusters',
    what: 'a size without clusters',
    spoil: (p) => p.setSize('empty.txt', 77),
    says: /\/empty\.txt has no clusters/,
  },
  {
    kind: 'no-clusters',
    what: 'a directory without clusters',
    spoil: (p) => p.setFirstCluster('photos', 0),
    says: /\/photos has no clusters/,
  },
  {
    kind: 'size-beyond-chain',
    what: 'a size beyond the chain',
    spoil: (p) => p.setSize('notes.txt', 1_000_000),
    says: /size of \/notes\.txt is 1000000, should at most be/,
  },
  {
    kind: 'chain-beyond-size',
    what: 'a chain beyond the size',
    spoil: (p) => p.setSize('photos/b.jpg', 100),
    says: /\/photos\/b\.jpg has too many clusters allocated \(logical=100, physical=\d+\)/,
  },
  {
    kind: 'chain-beyond-size',
    what: 'clusters of an empty file',
    spoil: (p) => p.setSize('notes.txt', 0),
  },
  {
    kind: 'lost-clusters',
    what: 'a chain that no entry names',
    spoil: (p) => {
      const first = p.freeCluster();
      p.setFat(first, first + 1).setFat(first + 1, p.endOfChain);
    },
    says: /Orphan chain of 2 clusters: \d+ … \d+/,
  },
  {
    kind: 'lost-clusters',
    what: 'a ring of clusters that no entry names',
    spoil: (p) => {
      const first = p.freeCluster();
      p.setFat(first, first + 1).setFat(first + 1, first);
    },
  },
  {
    kind: 'root-start',
    what: 'a root directory that starts with a free cluster',
    spoil: (p) => p.setFat(p.geometry.rootCluster, 0),
    types: FAT32,
  },
];

const TABLES: Case[] = [
  {
    kind: 'fats-differ',
    what: 'FATs that differ',
    spoil: (p) => p.setFat(p.find('notes.txt').firstCluster, p.endOfChain, [1]),
    says: /FAT 1 and FAT 2 differ in 1 entry .* using FAT 1/,
  },
  {
    kind: 'fats-differ',
    what: 'four bits behind the last entry of a FAT12, which fsck.vfat compares too',
    spoil: (p) => {
      expect(p.geometry.clusterCount % 2).toBe(1);
      const at = p.fatOffset(1) + Math.floor(((p.geometry.clusterCount + 2) * 3) / 2);
      p.put(at, [(p.bytes(at, 1)[0] ?? 0) | 0x50]);
    },
    types: [12],
  },
  {
    kind: 'fats-differ',
    what: 'a first FAT that does not begin as one',
    spoil: (p) => p.put(p.fatOffset(0), new Uint8Array(512)),
    says: /using FAT 2/,
  },
  {
    kind: 'fat0',
    what: 'a media byte in FAT[0] that is not the boot sector’s',
    spoil: (p) => p.setFat(0, p.fat(0) ^ 1),
  },
  {
    kind: 'fat1',
    what: 'an entry 1 that is no end mark',
    spoil: (p) => p.setFat(1, p.fat(1) & ~0x3f0),
  },
  {
    kind: 'reserved-bits',
    what: 'upper bits of a FAT32 entry',
    spoil: (p) => p.put(p.fatOffset(0) + 4 * 50 + 3, [0xa0]).put(p.fatOffset(1) + 4 * 50 + 3, [0xa0]),
    types: FAT32,
  },
  {
    kind: 'dirty',
    what: 'the dirty flag of FAT[1]',
    spoil: (p) => p.setFat(1, p.fat(1) & (p.geometry.type === 32 ? ~0x0800_0000 : ~0x8000)),
    types: [16, 32],
  },
  {
    kind: 'dirty',
    what: 'the dirty flag of the boot sector',
    spoil: (p) => p.put(p.geometry.type === 32 ? 65 : 37, [1]),
  },
  {
    kind: 'disk-error',
    what: 'the error flag of FAT[1]',
    spoil: (p) => p.setFat(1, p.fat(1) & (p.geometry.type === 32 ? ~0x0400_0000 : ~0x4000)),
    types: [16, 32],
  },
];

const BOOT: Case[] = [
  {
    kind: 'fsinfo-free-count',
    what: 'a wrong free count in FSInfo',
    spoil: (p) => p.putU32(512 + 488, 7),
    types: FAT32,
  },
  {
    kind: 'fsinfo-free-count',
    what: 'an unknown free count in FSInfo',
    spoil: (p) => p.putU32(512 + 488, 0xffff_ffff),
    says: /unset \(should be \d+\)/,
    types: FAT32,
  },
  {
    kind: 'fsinfo-next-free',
    what: 'a next-free hint out of range',
    spoil: (p) => p.putU32(512 + 492, 0x0900_0000),
    types: FAT32,
  },
  {
    kind: 'fsinfo-signature',
    what: 'a damaged FSInfo',
    spoil: (p) => p.put(512 + 484, [1, 2]),
    types: FAT32,
  },
  {
    kind: 'backup-fsinfo',
    what: 'a damaged copy of FSInfo',
    spoil: (p) => p.put(7 * 512, [1, 2]),
    types: FAT32,
  },
  {
    kind: 'backup-boot',
    what: 'a boot sector that differs from its backup',
    spoil: (p) => p.put(3, [0x41]),
    says: /differences between boot sector and its backup: 3:41\/6d/,
    types: FAT32,
  },
  { kind: 'no-backup-boot', what: 'no backup boot sector', spoil: (p) => p.putU16(50, 0), types: FAT32 },
  {
    kind: 'no-fsinfo',
    what: 'no FSInfo',
    spoil: (p) => p.putU16(48, 0).putU16(6 * 512 + 48, 0),
    types: FAT32,
  },
  {
    kind: 'no-fsinfo',
    what: 'an FSInfo far outside the reserved sectors',
    spoil: (p) => p.putU16(48, 0xffff).putU16(6 * 512 + 48, 0xffff),
    types: FAT32,
  },
  {
    kind: 'boot-sector',
    what: 'a boot sector of zeros over a good backup',
    spoil: (p) => p.put(0, new Uint8Array(512)),
    types: FAT32,
  },
  {
    kind: 'boot-sector',
    what: 'a boot sector with another count of reserved sectors than its backup',
    spoil: (p) => p.putU16(14, 48),
    types: FAT32,
  },
  { kind: 'boot-jump', what: 'a short jump without its NOP', spoil: (p) => p.put(2, [0]) },
  { kind: 'boot-jump', what: 'a boot sector without a jump', spoil: (p) => p.put(0, [0, 0, 0]) },
  { kind: 'media', what: 'an impossible media byte', spoil: (p) => p.put(21, [0x11]) },
  { kind: 'version', what: 'a version nobody knows', spoil: (p) => p.putU16(42, 0x0100), types: FAT32 },
  {
    kind: 'boot-label',
    what: 'another label in the boot sector than in the root directory',
    spoil: (p) => p.put(p.geometry.type === 32 ? 71 : 43, [0x5a]),
    says: /Volume label "\w+" in the root directory and label "Z\w+" in the boot block differ/,
  },
  {
    kind: 'boot-label',
    what: 'a label in the boot sector only',
    spoil: (p) => p.put(p.slots('')[0] ?? 0, [0xe5]),
    says: /but there is no volume label in the root directory/,
  },
  {
    kind: 'boot-label',
    what: 'a boot sector without room for a label',
    spoil: (p) => p.put(p.geometry.type === 32 ? 66 : 38, [0]),
  },
];

const NAMES: Case[] = [
  {
    kind: 'lfn-checksum',
    what: 'a long name with the checksum of another',
    spoil: (p) => spoilParts(p, 13, 0x77),
  },
  {
    kind: 'lfn-order',
    what: 'parts of a long name out of order',
    spoil: (p) => p.put(p.find(LONG_NAME).parts[1] ?? 0, [1]),
    says: /Invalid long filename entry for .* part 1 where part 4 must be/,
  },
  {
    kind: 'lfn-order',
    what: 'one part of a long name with the checksum of another name',
    spoil: (p) => p.put((p.find(LONG_NAME).parts[2] ?? 0) + 13, [0x77]),
    says: /part 3 carries another checksum/,
  },
  {
    kind: 'lfn-order',
    what: 'a long name without its first part',
    spoil: (p) => p.put(p.find(LONG_NAME).parts[0] ?? 0, [0xe5]),
  },
  {
    kind: 'lfn-orphan',
    what: 'parts of a long name behind the last entry',
    spoil: (p) => {
      const parts = p.find(LONG_NAME).parts;
      p.freeSlots('', parts.length).forEach((offset, i) => p.put(offset, p.bytes(parts[i] ?? 0, 32)));
    },
    says: /Invalid long filename entry at end of directory \//,
  },
  {
    kind: 'lfn-orphan',
    what: 'a long name whose entry is deleted',
    spoil: (p) => {
      const { offset, firstCluster } = p.find(LONG_NAME);
      for (const cluster of p.chain(firstCluster)) p.setFat(cluster, 0);
      p.put(offset, [0xe5]);
    },
  },
  {
    kind: 'lfn-field',
    what: 'a cluster number in a part of a long name',
    spoil: (p) => spoilParts(p, 26, 9),
  },
  { kind: 'lfn-field', what: 'a type in a part of a long name', spoil: (p) => spoilParts(p, 12, 1) },
  {
    kind: 'lfn-field',
    what: 'a reserved attribute of a part of a long name',
    spoil: (p) => spoilParts(p, 11, 0x4f),
  },
  {
    kind: 'bad-long-name',
    what: 'a colon in a long name',
    spoil: (p) => p.put((p.find(LONG_NAME).parts.at(-1) ?? 0) + 3, [0x3a]),
    says: /it has a forbidden character/,
  },
  {
    kind: 'bad-short-name',
    what: 'a star in a short name',
    spoil: (p) => p.put(p.find('notes.txt').offset + 2, [0x2a]),
  },
  {
    kind: 'bad-short-name',
    what: 'an escape sequence in a short name, shown escaped',
    spoil: (p) => p.put(p.find('notes.txt').offset + 1, [0x1b, 0x5b]),
    says: /\\u001b\[/,
  },
  {
    kind: 'bad-short-name',
    what: 'a short name in lower case',
    spoil: (p) => p.put(p.find('notes.txt').offset, [0x6e]),
  },
  {
    kind: 'bad-short-name',
    what: 'a short name that begins with a space',
    spoil: (p) => p.put(p.find('notes.txt').offset, [0x20]),
  },
  {
    kind: 'duplicate-name',
    what: 'two files with one short name',
    spoil: (p) => void p.addEntry('', 'NOTES   TXT', 0x20),
    says: /Duplicate directory entry \(NOTES\.TXT\)/,
  },
  {
    kind: 'duplicate-name',
    what: 'two files with one long name',
    spoil: (p) => copyWithShortName(p, LONG_NAME, 'OTHER   TXT'),
    says: /Duplicate directory entry \/A file/,
  },
  {
    kind: 'attributes',
    what: 'attribute bits without meaning',
    spoil: (p) => p.put(p.find('notes.txt').offset + 11, [0xa0]),
  },
  {
    kind: 'bad-date',
    what: 'the 31st of a 15th month',
    spoil: (p) => p.putU16(p.find('notes.txt').offset + 24, 0xffff),
    says: /\/notes\.txt: no calendar has its modification date/,
  },
  { kind: 'bad-date', what: 'an hour 31', spoil: (p) => p.putU16(p.find('notes.txt').offset + 22, 0xffff) },
  {
    kind: 'bad-date',
    what: 'a creation time beyond two seconds',
    spoil: (p) => p.put(p.find('notes.txt').offset + 13, [250]),
  },
  {
    kind: 'bad-date',
    what: 'a 30th of February',
    spoil: (p) => p.putU16(p.find('notes.txt').offset + 18, (46 << 9) | (2 << 5) | 30),
  },
];

const DIRECTORIES: Case[] = [
  {
    kind: 'directory-size',
    what: 'a directory with a size',
    spoil: (p) => p.setSize('photos', 512),
    says: /Directory \/photos has size != 0/,
  },
  {
    kind: 'dot-entry',
    what: 'a "." that names another cluster',
    spoil: (p) => p.putU16((p.slots('photos')[0] ?? 0) + 26, 99),
  },
  {
    kind: 'dot-entry',
    what: 'a "." that is a file',
    spoil: (p) => p.put((p.slots('photos')[0] ?? 0) + 11, [0x20]),
  },
  {
    kind: 'dotdot-entry',
    what: 'a ".." that names another directory',
    spoil: (p) => p.putU16((p.slots('photos')[1] ?? 0) + 26, p.find('many').firstCluster),
    says: /`\.\.' entry in \/photos has non-zero start cluster/,
  },
  {
    kind: 'dotdot-entry',
    what: 'a ".." of a deeper directory that names another one',
    spoil: (p) =>
      p.putU16((p.slots('photos/summer holidays 2026')[1] ?? 0) + 26, p.find('many').firstCluster),
    says: /`\.\.' entry in \/photos\/summer holidays 2026 has incorrect start cluster \(\d+, not \d+\)/,
  },
  {
    kind: 'dotdot-entry',
    what: 'a ".." that names the root directory by its number',
    spoil: (p) => p.putU16((p.slots('photos')[1] ?? 0) + 26, p.geometry.rootCluster),
    says: /has non-zero start cluster \(2\), its parent being the root directory/,
    types: FAT32,
  },
  {
    kind: 'no-dot',
    what: 'a directory whose "." is gone',
    spoil: (p) => p.put(p.slots('photos')[0] ?? 0, [0xe5]),
  },
  {
    kind: 'no-dotdot',
    what: 'a directory whose ".." is gone',
    spoil: (p) => p.put(p.slots('photos')[1] ?? 0, [0xe5]),
  },
  {
    kind: 'no-dot',
    what: 'files where the dot entries belong',
    spoil: (p) => {
      const [first = 0, second = 0] = p.slots('photos');
      p.put(first, entryNamed('ONE     TXT')).put(second, entryNamed('TWO     TXT'));
    },
    says: /Expected a valid '\.' entry in the first slot/,
  },
  {
    kind: 'no-dot',
    what: 'files where the dot entries belong, and old entries behind the end',
    spoil: (p) => {
      const [first = 0, second = 0] = p.slots('photos');
      p.put(first, entryNamed('ONE     TXT')).put(second, entryNamed('TWO     TXT'));
      const [, , stale = 0] = p.freeSlots('photos', 3);
      p.put(stale, entryNamed('STALE   TXT'));
    },
    then: (p) => {
      expect(p.find('photos/ONE.TXT').sizeBytes + p.find('photos/TWO.TXT').sizeBytes).toBe(0);
      expect(() => p.find('photos/STALE.TXT'), 'what lay behind the end stays dead').toThrow();
    },
  },
  {
    kind: 'dot-misplaced',
    what: 'a "." in the root directory',
    spoil: (p) => void p.addEntry('', '.          ', 0x10),
  },
  {
    kind: 'dot-misplaced',
    what: 'a ".." in the middle of a directory',
    spoil: (p) => void p.addEntry('photos', '..         ', 0x10),
  },
  {
    kind: 'directory-loop',
    what: 'a directory that contains itself',
    spoil: (p) => p.setFirstCluster('photos/summer holidays 2026', p.find('photos').firstCluster),
    says: /Directory \/photos\/summer holidays 2026 leads back to \/photos, which contains it/,
  },
  {
    kind: 'directory-loop',
    what: 'the root directory inside itself',
    spoil: (p) => p.setFirstCluster('photos', p.geometry.rootCluster),
    types: FAT32,
  },
  {
    kind: 'directory-twice',
    what: 'two names for one directory',
    spoil: (p) => void p.addEntry('many', 'ALIAS      ', 0x10, p.find('photos').firstCluster),
    says: /is the same as/,
  },
  {
    kind: 'not-a-directory',
    what: 'a text that calls itself a directory',
    spoil: (p) => p.put(p.find('notes.txt').offset + 11, [0x10]),
    says: /Item \/notes\.txt does not appear to be a subdirectory/,
  },
  {
    kind: 'entries-after-end',
    what: 'entries behind the end of a directory',
    spoil: (p) => {
      const [, , third = 0] = p.freeSlots('', 3);
      p.put(third, entryNamed('STALE   TXT'));
    },
    says: /\/ has entries after end of directory \(1 slot/,
  },
  { kind: 'extra-label', what: 'two volume labels', spoil: (p) => void p.addEntry('', 'SECOND     ', 0x08) },
  {
    kind: 'label-in-subdirectory',
    what: 'a volume label in a subdirectory',
    spoil: (p) => void p.addEntry('photos', 'INSIDE     ', 0x08),
  },
  {
    kind: 'label-clusters',
    what: 'a volume label with clusters',
    spoil: (p) => p.putU16((p.slots('')[0] ?? 0) + 26, p.freeCluster()),
  },
  {
    kind: 'label-clusters',
    what: 'a volume label that is a directory',
    spoil: (p) => p.put((p.slots('')[0] ?? 0) + 11, [0x18]),
  },
  {
    kind: 'bad-label',
    what: 'a volume label with a star',
    spoil: (p) => p.put((p.slots('')[0] ?? 0) + 1, [0x2a]),
  },
];

function spoilParts(patient: Patient, at: number, value: number): void {
  for (const part of patient.find(LONG_NAME).parts) patient.put(part + at, [value]);
}

function entryNamed(short: string): Uint8Array {
  const slot = new Uint8Array(32);
  for (let i = 0; i < 11; i++) slot[i] = short.charCodeAt(i);
  slot[11] = 0x20;
  slot[24] = 0x21;
  return slot;
}

function copyWithShortName(patient: Patient, path: string, short: string): void {
  const { parts } = patient.find(path);
  let sum = 0;
  for (const character of short) sum = (((sum & 1) << 7) + (sum >> 1) + character.charCodeAt(0)) & 0xff;
  patient.freeSlots('', parts.length).forEach((offset, i) => {
    const part = patient.bytes(parts[i] ?? 0, 32);
    part[13] = sum;
    patient.put(offset, part);
  });
  patient.addEntry('', short, 0x20);
}

describe.each([FLOPPY, SMALL_16, SMALL_32])('FAT$type', (recipe) => {
  let healthy: Store | null = null;
  beforeAll(() => {
    healthy = makeVolume(recipe);
  });

  const cases = [...CHAINS, ...TABLES, ...BOOT, ...NAMES, ...DIRECTORIES].filter(
    ({ types }) => types === undefined || types.includes(recipe.type),
  );

  test.each(cases.map((one) => [one.what, one.kind, one] as const))(
    '%s is found as %s and repaired',
    (_, kind, one) => {
      const { spoil, says, then } = one;
      if (!healthy) return;
      const store = healthy.fork();
      spoil(new Patient(store));

      explore(store.fork());

      const before = store.version();
      const report = fsck(store, { repair: false });
      expect(report.isReadable).toBe(true);
      expect(store.version(), 'a check writes nothing').toBe(before);
      const finding = report.findings.find((one) => one.kind === kind);
      expect(finding, report.lines.join('\n')).toBeDefined();
      if (says) expect(finding?.message).toMatch(says);
      expect(report.findings.every((one) => !one.isRepaired)).toBe(true);

      const repair = fsck(store, { repair: true });
      expect(
        repair.findings.every((one) => one.isRepaired),
        repair.lines.join('\n'),
      ).toBe(true);
      expect(repair.lines.at(-1)).toBe('***** FILE SYSTEM WAS MODIFIED *****');
      expect(fsck(store, { repair: false }).findings).toEqual([]);
      expect(vfatVerdict(store)).toBe('');
      then?.(new Patient(store));
    },
  );
});
