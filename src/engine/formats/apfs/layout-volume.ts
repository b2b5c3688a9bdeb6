import type { Timespec } from '../../base/clock.ts';
import { textOf, utf8 } from '../../base/bytes.ts';
import { assert } from '../../base/assert.ts';
import { bytes, hex, struct, u16, u32, u64 } from '../../codec/struct.ts';
import type { Field, Value } from '../../codec/struct.ts';
import {
  bitNames,
  blockAddress,
  blockCount64,
  HEADER_FIELDS,
  named,
  objectId,
  plural,
  putTime,
  time,
  timeOf,
  transactionId,
  typeWord,
  uuid,
} from './layout.ts';

/** The volume superblock, of a volume and of each of its snapshots. Source: "Apple File System Reference" [AFS]. */

/** 'APSB' as the bytes lie on disk. */
export const VOLUME_MAGIC = 0x4253_5041;
export const VOLUME_SUPERBLOCK_SIZE_BYTES = 0x458;
export const VOLUME_NAME_BYTES = 256;
export const MODIFIED_BY_MAX = 8;
/** First identifier of a file of the user's. */
export const FIRST_USER_INODE = 16;

export const VOLUME_FEATURE = {
  defragmentationPrerelease: 1,
  hardLinkMapRecords: 2,
  defragmentation: 4,
  strictAccessTimes: 8,
  volumeGroupSystemInodes: 0x10,
} as const;

export const VOLUME_INCOMPATIBLE = {
  caseInsensitive: 1,
  datalessSnapshots: 2,
  encryptionRolled: 4,
  normalizationInsensitive: 8,
  incompleteRestore: 0x10,
  sealed: 0x20,
  perFileKeys: 0x40,
  preallocationFlag: 0x80,
  secondaryRoot: 0x100,
} as const;

export const VOLUME_FLAG = {
  unencrypted: 1,
  effaceable: 2,
  oneKey: 8,
  spilledOver: 0x10,
  runSpilloverCleaner: 0x20,
  alwaysCheckExtentReferences: 0x40,
  previouslySealed: 0x80,
  perFileKeys: 0x100,
} as const;

/** One of them, never several. [AFS "Volume Roles"] */
export const VOLUME_ROLE = {
  none: 0,
  system: 1,
  user: 2,
  recovery: 4,
  vm: 8,
  preboot: 0x10,
  installer: 0x20,
  data: 0x40,
  baseband: 0x80,
  update: 0xc0,
  xart: 0x100,
  hardware: 0x140,
  backup: 0x180,
  enterprise: 0x240,
  prelogin: 0x2c0,
} as const;

export const ROLE_NAMES: Readonly<Record<number, string>> = {
  0: '',
  1: 'System',
  2: 'User',
  4: 'Recovery',
  8: 'VM',
  0x10: 'Preboot',
  0x20: 'Installer',
  0x40: 'Data',
  0x80: 'Baseband',
  0xc0: 'Update',
  0x100: 'xART',
  0x140: 'Hardware',
  0x180: 'Backup',
  0x240: 'Enterprise',
  0x2c0: 'Prelogin',
};

/** UTF-8 up to the first NUL; malformed bytes read as U+FFFD. What is written must leave room for the NUL. */
export const textField = (at: number, lengthBytes: number, doc: string): Field<string> => ({
  at,
  doc,
  lengthBytes,
  show: (value) => JSON.stringify(value),
  get: (view, at) => {
    const field = new Uint8Array(view.buffer, view.byteOffset + at, lengthBytes);
    const end = field.indexOf(0);
    return textOf(end < 0 ? field : field.subarray(0, end));
  },
  set: (view, at, value) => {
    const text = utf8(value);
    assert(text.length < lengthBytes, `'${value}' and a NUL fit in ${lengthBytes} bytes`);
    const field = new Uint8Array(view.buffer, view.byteOffset + at, lengthBytes);
    field.fill(0);
    field.set(text);
  },
});

// ── who wrote it ────────────────────────────────────────────────────────────────────────────────────────────────────

export const MODIFIED_BY_SIZE_BYTES = 48;
const MODIFIER_NAME_BYTES = 32;
const word = u64(0, '');

/** Software that formatted or changed the volume. [AFS "apfs_modified_by_t"] */
export interface ModifiedBy {
  /** At most 31 bytes of UTF-8: 'apfs_kext (945.250.134)'. */
  readonly name: string;
  readonly time: Timespec;
  readonly lastXid: number;
}

const modifierName = textField(0, MODIFIER_NAME_BYTES, '');

const showModifier = (by: ModifiedBy) =>
  by.name === '' && by.lastXid === 0 ? 'nobody' : `${JSON.stringify(by.name)}, transaction ${by.lastXid}`;

export const modifiedBy = (at: number, doc: string): Field<ModifiedBy> => ({
  at,
  doc,
  lengthBytes: MODIFIED_BY_SIZE_BYTES,
  show: showModifier,
  get: (view, at) => ({
    name: modifierName.get(view, at, true),
    time: timeOf(view, at + 32),
    lastXid: word.get(view, at + 40, true),
  }),
  set: (view, at, value) => {
    modifierName.set(view, at, value.name, true);
    putTime(view, at + 32, value.time);
    word.set(view, at + 40, value.lastXid, true);
  },
});

/** The used ones of eight, newest first; what remains becomes zero. */
const modifiers = (at: number, doc: string): Field<readonly ModifiedBy[]> => {
  const one = modifiedBy(0, doc);
  const nobody: ModifiedBy = { name: '', time: { seconds: 0, nanoseconds: 0 }, lastXid: 0 };
  return {
    at,
    doc,
    lengthBytes: MODIFIED_BY_MAX * MODIFIED_BY_SIZE_BYTES,
    show: (list) => (list.length === 0 ? 'nobody' : list.map(showModifier).join('; ')),
    get: (view, at) => {
      const list: ModifiedBy[] = [];
      for (let i = 0; i < MODIFIED_BY_MAX; i++) {
        const by = one.get(view, at + i * MODIFIED_BY_SIZE_BYTES, true);
        if (by.name === '' && by.lastXid === 0) break;
        list.push(by);
      }
      return list;
    },
    set: (view, at, list) => {
      for (let i = 0; i < MODIFIED_BY_MAX; i++) {
        one.set(view, at + i * MODIFIED_BY_SIZE_BYTES, list[i] ?? nobody, true);
      }
    },
  };
};

// ── superblock ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Protection class of the volume's metadata: F, no key bound to files. */
export const META_CRYPTO_CLASS = 6;

/** [AFS "apfs_superblock_t"] */
export const VolumeSuperblock = struct('Volume', 0x458, 'little', 'AFS, "apfs_superblock_t"', {
  ...HEADER_FIELDS,
  magic: u32(0x20, "apfs_magic: 'APSB'", {
    magic: VOLUME_MAGIC,
    show: (value) => (value === VOLUME_MAGIC ? "'APSB'" : hex(value)),
  }),
  index: u32(0x24, "apfs_fs_index: place in the container's table of volumes"),
  features: u64(0x28, 'apfs_features: optional features', {
    show: bitNames({
      0: 'defragmentation (prerelease)',
      1: 'hard link map records',
      2: 'defragmentation',
      3: 'strict access times',
      4: 'inode numbers of a volume group',
    }),
  }),
  readOnlyCompatibleFeatures: u64(0x30, 'apfs_readonly_compatible_features', { show: hex }),
  incompatibleFeatures: u64(0x38, 'apfs_incompatible_features: who does not know them keeps away', {
    show: bitNames({
      0: 'case-insensitive',
      1: 'dataless snapshots',
      2: 'encryption rolled',
      3: 'normalization-insensitive',
      4: 'incomplete restore',
      5: 'sealed',
      6: 'per-file keys',
      7: 'preallocation flag',
      8: 'secondary root',
    }),
  }),
  unmountTime: time(0x40, 'apfs_unmount_time: last clean unmount'),
  reserveBlocks: blockCount64(0x48, 'apfs_fs_reserve_block_count: set aside for this volume'),
  quotaBlocks: u64(0x50, 'apfs_fs_quota_block_count: most it may use', {
    show: (value) => (value === 0 ? 'no quota' : plural('block')(value)),
  }),
  allocatedBlocks: blockCount64(0x58, 'apfs_fs_alloc_count: blocks it uses, snapshots included'),
  cryptoMajorVersion: u16(0x60, 'apfs_meta_crypto.major_version: 5'),
  cryptoMinorVersion: u16(0x62, 'apfs_meta_crypto.minor_version: 0'),
  cryptoFlags: u32(0x64, 'apfs_meta_crypto.cpflags', { show: hex }),
  cryptoClass: u32(0x68, 'apfs_meta_crypto.persistent_class: 6 is class F'),
  cryptoSystemVersion: u32(0x6c, 'apfs_meta_crypto.key_os_version', { show: hex }),
  cryptoKeyRevision: u16(0x70, 'apfs_meta_crypto.key_revision'),
  cryptoUnused: u16(0x72, 'apfs_meta_crypto.unused'),
  catalogType: typeWord(0x74, 'apfs_root_tree_type'),
  referencesType: typeWord(0x78, 'apfs_extentref_tree_type'),
  snapshotTreeType: typeWord(0x7c, 'apfs_snap_meta_tree_type'),
  omapBlock: blockAddress(0x80, 'apfs_omap_oid: object map of the volume, physical'),
  catalogOid: objectId(0x88, 'apfs_root_tree_oid: root of the catalog, virtual'),
  referencesBlock: blockAddress(0x90, 'apfs_extentref_tree_oid: root of the extent references, physical'),
  snapshotTreeBlock: blockAddress(0x98, 'apfs_snap_meta_tree_oid: root of the snapshot metadata, physical'),
  revertToXid: transactionId(0xa0, 'apfs_revert_to_xid: snapshot to return to at the next mount'),
  revertToBlock: blockAddress(0xa8, 'apfs_revert_to_sblock_oid: superblock to return to'),
  nextObjectId: u64(0xb0, 'apfs_next_obj_id: next number of a file, stream or name'),
  fileCount: u64(0xb8, 'apfs_num_files', { show: plural('file') }),
  directoryCount: u64(0xc0, 'apfs_num_directories: without the root', { show: (value) => String(value) }),
  symlinkCount: u64(0xc8, 'apfs_num_symlinks'),
  otherCount: u64(0xd0, 'apfs_num_other_fsobjects: devices, sockets, FIFOs'),
  snapshotCount: u64(0xd8, 'apfs_num_snapshots', { show: plural('snapshot') }),
  totalBlocksAllocated: blockCount64(0xe0, 'apfs_total_blocks_alloced: since it was made'),
  totalBlocksFreed: blockCount64(0xe8, 'apfs_total_blocks_freed: since it was made'),
  uuid: uuid(0xf0, 'apfs_vol_uuid'),
  modifyTime: time(0x100, 'apfs_last_mod_time'),
  flags: u64(0x108, 'apfs_fs_flags', {
    show: bitNames({
      0: 'unencrypted',
      1: 'effaceable',
      3: 'one key',
      4: 'spilled over',
      5: 'run spillover cleaner',
      6: 'always check extent references',
      7: 'previously sealed',
      8: 'per-file keys',
    }),
  }),
  formattedBy: modifiedBy(0x110, 'apfs_formatted_by'),
  modifiedBy: modifiers(0x140, 'apfs_modified_by: who mounted it to write, newest first'),
  name: textField(0x2c0, VOLUME_NAME_BYTES, 'apfs_volname'),
  nextDocumentId: u32(0x3c0, 'apfs_next_doc_id: next document identifier'),
  role: u16(0x3c4, 'apfs_role', { show: named({ ...ROLE_NAMES, 0: 'none' }) }),
  reserved: u16(0x3c6, 'reserved'),
  rootToXid: transactionId(0x3c8, 'apfs_root_to_xid: snapshot to mount as root, none: the live volume'),
  encryptionRollingOid: objectId(0x3d0, 'apfs_er_state_oid'),
  cloneInfoIdEpoch: u64(0x3d8, 'apfs_cloneinfo_id_epoch: files from it on have true clone flags'),
  cloneInfoXid: transactionId(0x3e0, 'apfs_cloneinfo_xid: last transaction that kept clone flags true'),
  snapshotExtensionOid: objectId(0x3e8, 'apfs_snap_meta_ext_oid: UUID of the snapshot, virtual'),
  volumeGroupUuid: uuid(0x3f0, 'apfs_volume_group_id'),
  integrityOid: objectId(0x400, 'apfs_integrity_meta_oid: seal, virtual'),
  fileExtentTreeBlock: blockAddress(0x408, 'apfs_fext_tree_oid: file extents of a sealed volume, physical'),
  fileExtentTreeType: u32(0x410, 'apfs_fext_tree_type', { show: hex }),
  reservedType: u32(0x414, 'reserved_type'),
  reservedOid: u64(0x418, 'reserved_oid'),
  documentIndexXid: transactionId(0x420, 'apfs_doc_id_index_xid'),
  documentIndexFlags: u32(0x428, 'apfs_doc_id_index_flags', { show: hex }),
  documentTreeType: u32(0x42c, 'apfs_doc_id_tree_type', { show: hex }),
  documentTreeOid: objectId(0x430, 'apfs_doc_id_tree_oid'),
  previousDocumentTreeOid: objectId(0x438, 'apfs_prev_doc_id_tree_oid'),
  documentFixupCursor: u64(0x440, 'apfs_doc_id_fixup_cursor'),
  secondaryRootOid: objectId(0x448, 'apfs_sec_root_tree_oid'),
  secondaryRootType: u32(0x450, 'apfs_sec_root_tree_type', { show: hex }),
  padding: bytes(0x454, 4, 'end of the structure', { show: () => '' }),
});
export type VolumeSuperblock = Value<typeof VolumeSuperblock>;
