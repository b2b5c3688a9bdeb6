import { viewOf } from '../../base/bytes.ts';
import { CatalogFile, RECORD_FLAG } from './layout-catalog.ts';

/** Where a file keeps its access control list. */
const SECURITY_NAME = 'com.apple.system.Security';
const FLAGS_AT = CatalogFile.fields.flags.at;

/**
 * The two bits of a catalog record that say whether the attributes tree holds anything for it, and whether an access
 * control list is among that: true after attribute `name` came (`isThere`) or went. fsck_hfs counts both.
 */
export function setAttributeFlag(record: Uint8Array, name: string, isThere: boolean, hasAny: boolean): void {
  const view = viewOf(record);
  let flags = view.getUint16(FLAGS_AT);
  flags = hasAny ? flags | RECORD_FLAG.hasAttributes : flags & ~RECORD_FLAG.hasAttributes;
  if (name === SECURITY_NAME) {
    flags = isThere ? flags | RECORD_FLAG.hasSecurity : flags & ~RECORD_FLAG.hasSecurity;
  }
  view.setUint16(FLAGS_AT, flags);
}
