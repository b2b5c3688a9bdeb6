import { isZero, viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { typeOfRecord } from './attributes.ts';
import { CatalogFile, FILE_TYPE } from './layout-catalog.ts';

/**
 * com.apple.FinderInfo: 32 bytes that stand in the catalog record itself, userInfo and finderInfo.
 *
 * Three numbers in the second half belong to the system (document id, date added, write count) and a symlink's type
 * and creator make it one: neither is shown, and neither can be set. What remains is no attribute when it is all
 * zeros. Source: apple-oss-distributions/hfs, core/hfs_xattr.c hfs_zero_hidden_fields, hfs_vnop_getxattr,
 * hfs_vnop_setxattr, hfs_vnop_removexattr.
 */
export const FINDER_INFO_NAME = 'com.apple.FinderInfo';
const FINDER_INFO_SIZE_BYTES = 32;

const INFO_AT = CatalogFile.fields.fileType.at;
const TYPE_AND_CREATOR_BYTES = 8;
/** Where in the 32 bytes the system's numbers stand: document_id, date_added, write_gen_counter. */
const HIDDEN_AT = [16, 20, 28] as const;
const HIDDEN_SIZE_BYTES = 4;

/** undefined when there is none. */
export function finderInfoOf(record: Uint8Array): Uint8Array | undefined {
  const info = record.slice(INFO_AT, INFO_AT + FINDER_INFO_SIZE_BYTES);
  for (const at of HIDDEN_AT) info.fill(0, at, at + HIDDEN_SIZE_BYTES);
  if (typeOfRecord(record) === 'symlink') info.fill(0, 0, TYPE_AND_CREATOR_BYTES);
  return isZero(info) ? undefined : info;
}

/** ERANGE unless it is 32 bytes, EPERM for the type that would make a file a hard link. All zeros: none any more. */
export function setFinderInfo(record: Uint8Array, value: Uint8Array): void {
  if (value.length !== FINDER_INFO_SIZE_BYTES) {
    throw new FsError('ERANGE', '', '', `${FINDER_INFO_NAME} has exactly ${FINDER_INFO_SIZE_BYTES} bytes`);
  }
  const isSymlink = typeOfRecord(record) === 'symlink';
  if (!isSymlink && viewOf(value).getUint32(0) === FILE_TYPE.hardLink) {
    throw new FsError('EPERM', '', '', 'the type hlnk marks hard links; link(2) makes them');
  }
  putInfo(record, value, isSymlink);
}

/** ENOATTR when there is none. */
export function removeFinderInfo(record: Uint8Array): void {
  if (finderInfoOf(record) === undefined) throw new FsError('ENOATTR', '', '');
  // UF_HIDDEN goes with the invisible bit.
  putInfo(record, new Uint8Array(FINDER_INFO_SIZE_BYTES), typeOfRecord(record) === 'symlink');
}

function putInfo(record: Uint8Array, value: Uint8Array, isSymlink: boolean): void {
  const hidden = HIDDEN_AT.map((at) => record.slice(INFO_AT + at, INFO_AT + at + HIDDEN_SIZE_BYTES));
  const from = isSymlink ? TYPE_AND_CREATOR_BYTES : 0;
  record.set(value.subarray(from), INFO_AT + from);
  HIDDEN_AT.forEach((at, i) => record.set(hidden[i] ?? new Uint8Array(0), INFO_AT + at));
}
