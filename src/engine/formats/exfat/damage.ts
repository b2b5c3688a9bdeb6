import { FsError } from '../../base/errno.ts';

/** Why an EIO came: not from the device but from structures that contradict themselves. */
const DAMAGE = 'damaged structures';

/** EIO for what the disk says and cannot be. */
export const damaged = (detail: string): FsError =>
  new FsError('EIO', '', '', `${detail}; run fsck_exfat`, { cause: DAMAGE });

export const isDamage = (error: FsError): boolean => error.cause === DAMAGE;
