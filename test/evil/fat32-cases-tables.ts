import { expect } from 'vitest';
import type { Patient } from './patient.ts';
import type { Recipe } from './volumes.ts';

/** Damage to boot sectors, FATs and chains, one at a time. */
export interface Case {
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

export const FAT32 = [32] as const;

export const CHAINS: Case[] = [
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

export const TABLES: Case[] = [
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

export const BOOT: Case[] = [
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
