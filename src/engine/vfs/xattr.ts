import { FsError } from '../base/errno.ts';
import type { Entry } from './namei.ts';
import type { Caller } from './naming.ts';

export function readAttribute(_caller: Caller, _entry: Entry, _name: string, path: string): Uint8Array {
  throw new FsError('ENOATTR', '', path);
}
export function listAttributes(_caller: Caller, _entry: Entry, _path: string): string[] {
  return [];
}
export function removeAttribute(_caller: Caller, _entry: Entry, _name: string, path: string): void {
  throw new FsError('ENOATTR', '', path);
}
export function writeAttribute(
  _caller: Caller,
  _entry: Entry,
  _change: { name: string; value: Uint8Array; options: number },
  path: string,
): void {
  throw new FsError('ENOTSUP', '', path);
}
