import type { Label } from '../../base/label.ts';

/** What of this format is exact, policy or simplified, and where it comes from. README.md says the same. */
export const LABELS: readonly Label[] = [
  {
    what: 'Clean after unmounting',
    kind: 'exact',
    source: 'fsck_hfs 540 (fsck.hfsplus -f)',
    sentence:
      "Volumes are clean for `fsck.hfsplus -f` after every unmount, on nodes of 512 to 32,768 and blocks of 512 to 65,536 bytes, ours, mkfs.hfsplus's and macOS's.",
  },
  {
    what: 'Splitting, sharing and freeing of nodes',
    kind: 'exact',
    source: 'Apple hfs, BTreeTreeOps.c; TN1150, "B-Trees"',
    sentence:
      "Trees split to the left, share with the left neighbour before they split, free a node when it is empty, zero it, and collapse at the root, as Apple's do; the key of an index record is the first key of its child at all times.",
  },
  {
    what: 'Names change as a whole',
    kind: 'exact',
    source: 'TN1150, "Journal"',
    sentence:
      'A change of names is one transaction, a rename over an existing file included. What may fail for lack of space fails before anything changes.',
  },
  {
    what: 'Names',
    kind: 'exact',
    source: 'TN1150, "Unicode Subtleties"; xnu vfs_utfconv.c',
    sentence:
      'Names are stored decomposed as of Unicode 3.2 and listed so, 1 to 255 units; `:` is stored as `/`, U+2400 as U+0000, half a surrogate pair as `%ED%A0%BD`. Comparison is FastUnicodeCompare, in the bytes of the nodes.',
  },
  {
    what: 'Compressed files',
    kind: 'exact',
    source: 'xnu decmpfs.h; Apple hfs',
    sentence:
      'Compressed files (decmpfs with zlib or LZVN, in the attribute or the resource fork) are read; writing to one stores it uncompressed. Other codecs are named.',
  },
  {
    what: 'Hard links',
    kind: 'exact',
    source: 'TN1150, "Hard Links"; Apple hfs, hfs_link.c',
    sentence:
      'Hard links are iNode files in the private folder with chained links, 32,767 at most. Hard links to folders are followed and kept; making, moving or removing one is EPERM.',
  },
  {
    what: 'Files without a name',
    kind: 'exact',
    source: 'Apple hfs',
    sentence:
      'A file that loses its last name while held is `temp…` in the private folder, and goes with its last holder, at unmount, or at the next mount.',
  },
  {
    what: 'Hidden files',
    kind: 'exact',
    source: 'Apple hfs, hfs_vnops.c',
    sentence:
      'The private folders and, with a journal, its two files are in no listing and found by no name; making something of their names is EEXIST.',
  },
  {
    what: 'Ids',
    kind: 'exact',
    source: 'TN1150, "Catalog File"',
    sentence:
      'Ids of items are given out in order; behind 2^32 − 1 they begin at 16 again, which attribute bit 12 says.',
  },
  {
    what: 'Private folder',
    kind: 'policy',
    source: '',
    sentence:
      "Made when first needed, with the root's creation date; macOS makes it, and one for links to folders, at the first mount for writing. A volume that nobody links on stays without it.",
  },
  {
    what: 'Room',
    kind: 'policy',
    source: '',
    sentence:
      'Growth of a tree is reserved before an operation begins. Inserts keep a node in hand so that removing works on a volume they have filled. Where blocks wait for a commit to become free, a full volume commits and tries again.',
  },
  {
    what: 'Trims',
    kind: 'policy',
    source: '',
    sentence:
      'Freed blocks are trimmed after the commit that frees them, unless `mount -o nodiscard` says otherwise.',
  },
  {
    what: 'When neighbours share',
    kind: 'policy',
    source: '',
    sentence:
      'Two neighbours share as long as both together would be at most seven eighths full; otherwise a node splits.',
  },
  {
    what: 'Listing',
    kind: 'policy',
    source: '',
    sentence:
      'In the order of keys. A listing goes on behind the entry it stopped at, which may have gone meanwhile.',
  },
  {
    what: 'Stale nodes',
    kind: 'policy',
    source: '',
    sentence:
      'Nodes that nobody holds are forgotten after 1024 others; whoever kept one is led to its successor.',
  },
  {
    what: 'Root of mkfs.hfsplus',
    kind: 'policy',
    source: '',
    sentence:
      'Has no folder count, which fsck complains of on the fresh volume already: it gets one with its first change of folders.',
  },
  {
    what: 'Damage met while mounted',
    kind: 'policy',
    source: '',
    sentence:
      'Every node is checked when it is read: kind, height, offsets, keys; the chain of leaves must ascend. EIO with a sentence, no change.',
  },
  {
    what: 'Zones, hot files, quotas and access lists',
    kind: 'simplified',
    source: '',
    sentence: 'No metadata zone, hot files or defragmentation on open; no quotas, no access control lists.',
  },
  {
    what: 'Access dates',
    kind: 'simplified',
    source: '',
    sentence: 'Access dates change in memory when a file is read, and reach the disk with its next change.',
  },
  {
    what: 'Four composed letters',
    kind: 'simplified',
    source: 'fsck_hfs',
    sentence:
      'A name with U+0308 U+030D or U+0306 U+0307 is stored as macOS stores it; fsck_hfs calls it illegal, since Unicode 2 took other letters apart to these.',
  },
  {
    what: 'Names of nothing',
    kind: 'simplified',
    source: '',
    sentence:
      "A name of nothing but units that comparisons pass over cannot be made on a folding volume (EEXIST): it equals the key of its folder's thread.",
  },
];
