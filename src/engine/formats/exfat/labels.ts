import type { Label } from '../../base/label.ts';

/** What of this format is exact, policy or simplified, and where it comes from. README.md says the same. */
export const LABELS: readonly Label[] = [
  {
    what: 'Bytes of a new volume',
    kind: 'exact',
    source: 'mkfs.exfat (exfatprogs 1.2), newfs_exfat of macOS',
    sentence:
      "A new volume with `table=mkfs.exfat` is mkfs.exfat's byte for byte, but for serial number, boot code and PercentInUse (it writes 0 whatever is used). 512 KiB with `table=macos` lie as macOS laid them.",
  },
  {
    what: 'Clean after every operation',
    kind: 'exact',
    source: 'fsck.exfat, Linux 6.12 fs/exfat',
    sentence:
      'Volumes are clean for `fsck.exfat` after every operation (`-n`, and `-y -s` changes nothing), and readable by Linux.',
  },
  {
    what: 'VolumeDirty and PercentInUse',
    kind: 'exact',
    source: 'exFAT specification, 3.1.13 and 3.1.18',
    sentence:
      'VolumeDirty is set before the first change and cleared at unmount unless somebody else had left it. PercentInUse follows every commit; neither counts for the checksum of the boot region.',
  },
  {
    what: 'Entry sets',
    kind: 'exact',
    source: 'exFAT specification, 6.3, 7.6 and 7.7',
    sentence:
      'Set checksum, name hash, both lengths, zeros behind names; NoFatChain is clear where nothing is allocated.',
  },
  {
    what: 'Times',
    kind: 'exact',
    source: 'exFAT specification, 7.4',
    sentence:
      "Times with 10 ms and the offset from UTC of the host's zone; what others wrote with another offset reads right.",
  },
  {
    what: 'Names',
    kind: 'exact',
    source: 'exFAT specification, 7.2 and 7.7',
    sentence:
      "Names are stored composed, with macOS's stand-ins U+F001 to U+F029 for what exFAT forbids. They are compared through the volume's own table.",
  },
  {
    what: 'Symlinks, links, flags and the largest directory',
    kind: 'exact',
    source: 'exFAT specification, 7.4; msdosfs-788',
    sentence:
      'Symlinks are XSym files of 1067 bytes; hard links are ENOTSUP; chmod and chown are ignored; `uchg` and `schg` are the read-only bit, `hidden` and `arch` theirs, other flags EINVAL. A directory of 256 MiB is full (ENOSPC).',
  },
  {
    what: 'Valid length',
    kind: 'exact',
    source: 'exFAT specification, 7.6.5',
    sentence:
      'Growing a file writes nothing: bytes from the valid length on read as zeros, and a write beyond it zeroes the gap.',
  },
  {
    what: 'Entries of others',
    kind: 'exact',
    source: 'exFAT specification, 7.8 and 7.9',
    sentence:
      'Volume GUIDs, vendor entries and whatever entry is not known stay as they are; vendor allocations go with their file.',
  },
  {
    what: 'Order of writes',
    kind: 'policy',
    source: 'exFAT specification, 8.1',
    sentence:
      '`commit.ts` writes in six waves with barriers between; a power cut leaves leaked clusters, chains longer than their files, stray ends of names, or for a moment two names of one file. The specification asks for this order; drivers keep less of it.',
  },
  {
    what: 'Where a set goes',
    kind: 'policy',
    source: '',
    sentence:
      'Into the first place where it lies within one sector: one write makes it, one write changes it, and no power cut tears it. Names of more than 210 units need two sectors; then at least what changes is in one. Slots passed over are unused entries; other drivers waste none and may tear a set, which costs the file.',
  },
  {
    what: 'NoFatChain',
    kind: 'policy',
    source: 'exFAT specification, 6.3.4.2',
    sentence:
      'Is kept as long as a file is one run. When it stops being one the whole chain is written, before the entry says so. A file never goes back, unless it is emptied.',
  },
  {
    what: 'Choice of free clusters',
    kind: 'policy',
    source: '',
    sentence:
      "Right behind the file's end, else the lowest. The disk keeps no hint, so the same script makes the same disk. Clusters and slots set free are not taken again before the entry that used them is gone from the device.",
  },
  {
    what: 'Inode numbers',
    kind: 'policy',
    source: '',
    sentence:
      'The first cluster; a file that had none when it was made or found keeps a number from 2^32 on until the next mount.',
  },
  {
    what: 'Times of directories',
    kind: 'policy',
    source: '',
    sentence:
      "Follow their entries' coming and going, in the set that names the directory; the root has none and keeps its time while mounted.",
  },
  {
    what: 'Boundaries',
    kind: 'policy',
    source: '',
    sentence:
      'Of FAT and heap: 1 MiB, less on disks of less than 8 MiB. What macOS and Windows choose for other sizes than those seen is assumed.',
  },
  {
    what: 'Damage met while mounted',
    kind: 'policy',
    source: '',
    sentence:
      'A set with a wrong checksum is not seen, and its slots stay until fsck has looked. A boot region with a wrong checksum is not mounted: fsck has a copy. With a damaged up-case table the recommended one compares names.',
  },
  {
    what: 'Checking and repairing',
    kind: 'policy',
    source: 'fsck_exfat, fsck.exfat',
    sentence:
      "Prints in the order of macOS's fsck_exfat. The first owner of a cluster keeps it, the second ends before it; clusters nobody holds are freed. More is kept than by fsck.exfat: a set with a wrong checksum whose parts fit together stays, sizes stay where the clusters allow, whole sets behind an end marker come back, a lost bitmap or up-case table is made anew. Either boot region is put right from the other. A torn set goes. Bitmap and up-case table are read contiguously, as every driver does. PercentInUse is judged only of a volume that is not dirty. TexFAT is not checked, a directory beyond 256 MiB is told and left as it is.",
  },
  {
    what: 'TexFAT',
    kind: 'simplified',
    source: '',
    sentence: 'TexFAT volumes (two FATs) are mounted for reading only.',
  },
  {
    what: 'Preallocation',
    kind: 'simplified',
    source: '',
    sentence: 'No preallocation: room behind the end of a file must show in its length.',
  },
  {
    what: 'Access dates',
    kind: 'simplified',
    source: '',
    sentence: 'Access dates change with writing only, not with reading.',
  },
  {
    what: 'Names in listings',
    kind: 'simplified',
    source: '',
    sentence: 'Listings show names as stored (composed); macOS shows them decomposed.',
  },
  {
    what: 'Sets that straddle sectors',
    kind: 'simplified',
    source: '',
    sentence:
      'A set of another driver that begins in the last slot of a sector is updated where it stands, in two writes.',
  },
  {
    what: 'Failed writes of metadata',
    kind: 'simplified',
    source: '',
    sentence:
      'After a failed write of metadata the change stays in memory and is tried again with the next commit.',
  },
];
