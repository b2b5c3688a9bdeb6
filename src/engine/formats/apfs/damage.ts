import { FsError } from '../../base/errno.ts';

/** Not the device failed: what it holds makes no sense, and the sentence says which part of it. */
export const damaged = (detail: string): FsError =>
  new FsError('EIO', '', '', `${detail}; fsck_apfs says more`, { cause: DAMAGE });

const DAMAGE = 'damage';

export const isDamage = (error: FsError): boolean => error.cause === DAMAGE;
