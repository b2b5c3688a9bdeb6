import type { Label } from '../../base/label.ts';

/** What of this format is exact, policy or simplified, and where it comes from. README.md says the same. */
export const LABELS: readonly Label[] = [
  {
    what: 'Bytes of a new volume',
    kind: 'exact',
    source: 'mkfs.fat (dosfstools 4.2)',
    sentence:
      "A new volume is mkfs.fat's byte for byte (`oem=mkfs.fat`, table `mkfs.fat`), but for the boot code, which is our own.",
  },
  {
    what: 'Clean after unmounting',
    kind: 'exact',
    source: 'fsck.vfat, mtools, Linux 6.12 fs/fat',
    sentence: 'Volumes are clean for `fsck.vfat` after every unmount, and readable by mtools and Linux.',
  },
  {
    what: 'Dirty flag',
    kind: 'exact',
    source: 'FATGEN 1.03, "FAT Data Structure"',
    sentence:
      'The dirty flag is kept in both places (entry 1 of the FAT as macOS, the boot sector as Linux; Windows has both), set before the first change and cleared at unmount unless somebody else had left it.',
  },
  {
    what: 'Stand-ins in names',
    kind: 'exact',
    source: 'msdosfs-788, msdosfs_conv.c',
    sentence:
      "Characters that FAT forbids, trailing dots and spaces: macOS's stand-ins U+F001 to U+F029. Names are stored composed.",
  },
  {
    what: 'Modes, owners and flags',
    kind: 'exact',
    source: 'msdosfs-788, msdosfs_vnops.c',
    sentence:
      'chmod and chown are ignored; `uchg` and `schg` are the read-only bit, `hidden` and `arch` theirs; other flags EINVAL.',
  },
  {
    what: 'Symlinks and largest file',
    kind: 'exact',
    source: 'msdosfs-788, msdosfs_vnops.c',
    sentence:
      'Symlinks are XSym files of 1067 bytes; files end at 4 GiB less one byte (EFBIG, nothing written).',
  },
  {
    what: 'Growing a file',
    kind: 'exact',
    source: 'FATGEN 1.03, "FAT Data Structure"',
    sentence: 'Growing a file writes zeros: FAT has no holes.',
  },
  {
    what: 'Order of writes',
    kind: 'policy',
    source: '',
    sentence:
      '`commit.ts` writes in six waves with barriers between; a power cut leaves lost clusters, stray name parts, or for a moment two names of one chain. FATGEN asks for no order; macOS and Linux keep less.',
  },
  {
    what: 'Choice of free clusters',
    kind: 'policy',
    source: 'FATGEN 1.03, "FAT32 FSInfo Sector Structure"',
    sentence:
      "Right behind the file's end, else from FSInfo's hint on (FAT12/16: from the start, as they have no hint). Clusters and slots set free are not taken again before the entry that used them is gone from the device.",
  },
  {
    what: 'Choice of free slots',
    kind: 'policy',
    source: '',
    sentence: 'The first run that is long enough, as DOS did.',
  },
  {
    what: 'Short names',
    kind: 'policy',
    source: 'FATGEN 1.03, "FAT Long Directory Entries"',
    sentence: "Windows' way: `~1` to `~4`, then two characters and a hash. The hash is our own.",
  },
  {
    what: 'Inode numbers',
    kind: 'policy',
    source: 'msdosfs-788',
    sentence:
      'The first cluster, as macOS; a file that had none when it was made or found keeps a number from 2^28 on until the next mount (macOS gives all of them 999999999).',
  },
  {
    what: 'Times of directories',
    kind: 'policy',
    source: '',
    sentence:
      "Follow their entries' coming and going, in the entry that names the directory; the root has no entry and keeps its time while mounted.",
  },
  {
    what: 'FSInfo',
    kind: 'policy',
    source: 'FATGEN 1.03, "FAT32 FSInfo Sector Structure"',
    sentence:
      'Is written with every commit. It is believed at mount when the volume was clean, else the FAT is counted, once, passing over what was never written.',
  },
  {
    what: 'Comparing names',
    kind: 'policy',
    source: '',
    sentence: "Unicode's simple upper case per UTF-16 unit; what is not ASCII never equals ASCII.",
  },
  {
    what: 'Checking and repairing',
    kind: 'policy',
    source: 'fsck_msdos, fsck.vfat',
    sentence:
      "Words and order are fsck_msdos's. Clusters nobody holds are freed, as on macOS (fsck.vfat makes FSCK0000.REC of them); of two files with one cluster the second ends before it; a chain that leads to a free cluster keeps it, as on macOS; a directory without `.` and `..` gets them, as by fsck.vfat, unless what is in it cannot be entries (then it becomes a file with all its bytes; macOS makes any such directory one). Beyond both tools: dates, FSInfo's hint and copy, reserved bits, long names with another's checksum are repaired too, and a lost boot sector comes back from its backup. Where FATs and root directory are not where the boot sector says, nothing is touched. A directory beyond 65,536 entries is told and left as it is.",
  },
  {
    what: 'Names in listings',
    kind: 'simplified',
    source: '',
    sentence: 'Listings show names as stored (composed); macOS shows them decomposed.',
  },
  {
    what: 'Preallocation',
    kind: 'simplified',
    source: '',
    sentence:
      "No preallocation: reserved clusters would lie behind the file's size, which fsck.vfat repairs.",
  },
  {
    what: 'Access dates',
    kind: 'simplified',
    source: '',
    sentence: 'Access dates change with writing only, not with reading.',
  },
  {
    what: 'Code page of short names',
    kind: 'simplified',
    source: '',
    sentence: 'Code page 437 for short names with bytes above 7F, whatever wrote them.',
  },
  {
    what: 'Failed writes of metadata',
    kind: 'simplified',
    source: '',
    sentence:
      'After a failed write of metadata the change stays in memory and is tried again with the next commit.',
  },
];
