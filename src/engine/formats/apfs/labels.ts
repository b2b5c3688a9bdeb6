import type { Label } from '../../base/label.ts';

/** What of this format is exact, policy or simplified, and where it comes from. README.md says the same. */
export const LABELS: readonly Label[] = [
  {
    what: 'Clean after every operation',
    kind: 'exact',
    source: 'apfsck -cuw',
    sentence:
      'A container is clean for `apfsck -cuw` after every unmount, and for `apfsck -uw` after every single operation and every power cut.',
  },
  {
    what: 'One operation, one transaction',
    kind: 'exact',
    source: 'xnu: renamex_np(2), clonefile(2)',
    sentence:
      'An operation on names is one transaction: a rename over an existing name, a swap, the clone of a whole directory. What may fail for lack of space fails before anything changes; a full volume can always be emptied.',
  },
  {
    what: 'Names and their hashes',
    kind: 'exact',
    source: 'AFS, "j_drec_hashed_key_t"',
    sentence:
      'Names are stored as given, 1 to 255 bytes of UTF-8, and found by a hash of 22 bits of their folded decomposition (Unicode 9); names of one hash stand beside each other.',
  },
  {
    what: 'Hard links',
    kind: 'exact',
    source: 'AFS, "j_sibling_val_t"',
    sentence:
      'A file gets hard-link records with its second name, the first name too; the lowest id is the primary name, whose parent and spelling the inode repeats. The last record stays when one name is left.',
  },
  {
    what: 'Files without a name',
    kind: 'exact',
    source: 'AFS, "Reaper"; xnu',
    sentence:
      'A file without a name is held in the private directory as `0x…-dead`; large ones lose their contents over several transactions, and the next mount goes on where a power cut stopped.',
  },
  {
    what: 'Truncation in steps',
    kind: 'exact',
    source: 'AFS, "INODE_BEING_TRUNCATED", "INO_EXT_TYPE_PREV_FSIZE"',
    sentence:
      'A truncation of more than 64 records goes in steps, from the end, with INODE_BEING_TRUNCATED and the previous size (PREV_FSIZE) from the first transaction to the last. After a power cut the next mount goes on, whoever began; what others left in a container that was unmounted since is finished with the next change of the size of the file.',
  },
  {
    what: 'Resizing',
    kind: 'exact',
    source: 'apfsck; Linux driver; diskutil',
    sentence:
      'A container gets another size in one transaction, with volumes at work. Where the number of chunks changes, the internal pool moves as a whole: ring, bitmaps, chunk info and address blocks in one free run. What lies behind the new end is moved in front of it before, in transactions of their own: contents with all streams that hold them, nodes, also those that snapshots show.',
  },
  {
    what: 'Attributes',
    kind: 'exact',
    source: 'AFS, "j_xattr_val_t"',
    sentence:
      'Attributes of up to 3,804 bytes stand in their record, longer ones and every resource fork in a stream. Flags of the inode follow them.',
  },
  {
    what: 'Clones',
    kind: 'exact',
    source: 'AFS, "j_dstream_id_val_t"; clonefile(2)',
    sentence:
      'A clone costs a few records, whatever the size; the first of the two that changes gets a stream of its own. Where that has more than 64 records it is made over several transactions, in a file without a name that the next mount gives up if the power fails before the last of them.',
  },
  {
    what: 'Inodes of others',
    kind: 'exact',
    source: 'AFS, "Extended Fields"',
    sentence:
      'Inodes that macOS wrote are written back byte for byte; extended fields nobody here knows are kept in their place.',
  },
  {
    what: 'Repair',
    kind: 'exact',
    source: 'apfsck',
    sentence:
      'Hard links follow from directory records; extent references, of snapshots from the oldest on and of the live volume, from the file extents of each. A repair is one new checkpoint, judged before it is written.',
  },
  {
    what: 'Compressed files',
    kind: 'exact',
    source: 'xnu decmpfs.h',
    sentence: 'Compressed files (decmpfs with zlib or LZVN) are read; writing to one stores it uncompressed.',
  },
  {
    what: 'Overwriting',
    kind: 'policy',
    source: '',
    sentence:
      'Overwritten blocks get new places always, also those that nobody else holds (as the Linux driver does); `mount -o inplace`, or the choice on the page, writes unshared ones where they lie.',
  },
  {
    what: 'Choice of free blocks',
    kind: 'policy',
    source: '',
    sentence:
      "Metadata takes the lowest free block; contents go on behind the file's last piece, else into the lowest run that holds the whole wish. What is chosen depends on the disk and the running transaction only.",
  },
  {
    what: 'When freed blocks are used again',
    kind: 'policy',
    source: 'AFS, "spaceman_free_queue_t"',
    sentence:
      'Blocks freed in a transaction are used again one transaction later: one older checkpoint can always be opened (`mount -u -o checkpoint=N`). Then they are trimmed, unless `mount -o nodiscard` says otherwise.',
  },
  {
    what: 'Forms of the space manager',
    kind: 'policy',
    source: 'AFS, "Space Manager"',
    sentence:
      "newfs writes the versioned space manager and both queue trees, as macOS's containers have them once they hold a volume; `-o space-manager=plain` and `-o free-queues=lazy` are the other forms that are found.",
  },
  {
    what: 'How far a container shrinks',
    kind: 'policy',
    source: 'diskutil: error -69521',
    sentence:
      'A container shrinks as far as what it holds has room, with the headroom free and some blocks for the records of what is moved in pieces, and no further than snapshots reach: their contents, trees and superblocks stay where they are, as with macOS, until they are deleted; `resizeContainer limits` says where that is. Its checkpoint areas stay as large as they were made, and block 0 shows the new size with the next unmount.',
  },
  {
    what: 'Large holes',
    kind: 'policy',
    source: 'AFS, "J_FILE_EXTENT_LEN_MASK"',
    sentence: 'A hole of more than 2^55 bytes is several records: one can say 2^56 − 1.',
  },
  {
    what: 'Quotas and UUIDs of snapshots',
    kind: 'policy',
    source: '',
    sentence:
      "A quota that is full answers ENOSPC. A snapshot's UUID is made of the volume's and the transaction.",
  },
  {
    what: 'Access times',
    kind: 'simplified',
    source: '',
    sentence: 'Access times follow only `utimes`: reading changes nothing on disk.',
  },
  {
    what: 'Limits of truncating and shrinking',
    kind: 'simplified',
    source: '',
    sentence:
      'Nothing is moved out of the end of a container with an EFI driver, or with volumes that cannot be opened or flag preallocated extents. Truncations, and first changes of clones, on volumes that flag preallocated extents are one transaction.',
  },
  {
    what: 'Encrypted, sealed and Fusion containers',
    kind: 'simplified',
    source: '',
    sentence:
      'Encrypted and sealed volumes are listed, not mounted. Fusion drives and blocks other than 4,096 bytes are refused in a sentence.',
  },
  {
    what: 'Directory statistics',
    kind: 'simplified',
    source: 'AFS, "j_dir_stats_val_t"',
    sentence:
      'Directories that count their descendants (fast directory sizing) are not made, and such counts of other writers are not carried on.',
  },
  {
    what: 'UF_COMPRESSED',
    kind: 'simplified',
    source: '',
    sentence: 'UF_COMPRESSED comes and goes with `com.apple.decmpfs`; chflags(2) leaves it alone.',
  },
  {
    what: 'Sizes and ids',
    kind: 'simplified',
    source: '',
    sentence:
      'Ids are exact up to 2^53; a volume with ids beyond is refused. Sizes and places in files are exact up to 2^53, and whole blocks up to 2^63 − 4,096; what would have to be rounded is EFBIG. A stored size beyond 2^53 that is no whole block is shown as the end of its last block, and written back as it was unless the size is changed.',
  },
];
