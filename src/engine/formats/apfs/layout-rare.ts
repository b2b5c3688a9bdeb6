import { bytes, hex, struct, u16, u32, u64, u8 } from '../../codec/struct.ts';
import type { Value } from '../../codec/struct.ts';
import { KEY_HEADER, REFERENCE } from './layout-catalog.ts';
import { plural } from './layout.ts';

/**
 * Records of the catalog that few volumes have: sums over directories, keys of encrypted files, hashes of sealed ones.
 * Little-endian. Source: Apple File System Reference, "Directory Records", "Encryption", "Sealed Volumes".
 */

/** Sums over a directory and all below it. */
export type DirectoryStatistics = Value<typeof DirectoryStatistics>;
export const DirectoryStatistics = struct(
  'DirectoryStatistics',
  32,
  'little',
  `${REFERENCE}, "j_dir_stats_val_t"`,
  {
    childCount: u64(0, 'num_children: files and directories below it'),
    totalSizeBytes: u64(8, 'total_size: bytes of all files below it', { show: plural('byte') }),
    chainedKey: u64(16, 'chained_key: statistics of the directory above'),
    generation: u64(24, 'gen_count'),
  },
);

/** A wrapped key of files; the key follows. Only on encrypted volumes. */
export type CryptoStateValue = Value<typeof CryptoStateValue>;
export const CryptoStateValue = struct('CryptoStateValue', 24, 'little', `${REFERENCE}, "j_crypto_val_t"`, {
  referenceCount: u32(0, 'refcnt: streams and extents that name it'),
  majorVersion: u16(4, 'major_version: 5'),
  minorVersion: u16(6, 'minor_version: 0'),
  cpFlags: u32(8, 'cpflags', { show: hex }),
  persistentClass: u32(12, 'persistent_class: protection class'),
  keyOsVersion: u32(16, 'key_os_version', { show: hex }),
  keyRevision: u16(20, 'key_revision'),
  keyLengthBytes: u16(22, 'key_len: bytes of the key that follows', { show: plural('byte') }),
});

/** Hash of a piece of a file on a sealed volume. */
export type FileInfoValue = Value<typeof FileInfoValue>;
export const FileInfoValue = struct('FileInfoValue', 35, 'little', `${REFERENCE}, "j_file_data_hash_val_t"`, {
  hashedBlocks: u16(0, 'hashed_len: blocks the hash covers'),
  hashSizeBytes: u8(2, 'hash_size', { show: plural('byte') }),
  hash: bytes(3, 32, 'hash: of the contents, SHA-256 on sealed volumes'),
});

/** Key of a file info record (sealed volumes: hashes of contents). */
export type FileInfoKey = Value<typeof FileInfoKey>;
export const FileInfoKey = struct('FileInfoKey', 16, 'little', `${REFERENCE}, "j_file_info_key_t"`, {
  ...KEY_HEADER,
  blockLow: u32(8, 'info_and_lba, low half: which piece of the file'),
  typeAndBlockHigh: u32(12, 'info_and_lba, high half: kind of information in the upper eight bits', {
    show: hex,
  }),
});
