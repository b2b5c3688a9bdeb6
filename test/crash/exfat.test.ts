import { PROFILES } from '../../src/engine/device/profile.ts';
import { exfat } from '../../src/engine/formats/exfat/index.ts';
import { exfatVerdict } from '../evil/exfat-volumes.ts';
import type { CrashType } from './disk.ts';
import { describeCrashes } from './judge.ts';

/**
 * Goal: wherever the power fails, at worst something leaks: clusters nobody uses, chains longer than their files, ends
 * of sets without a beginning, a stale percentage; a file is never damaged that the operation did not write, and what
 * is renamed is never gone.
 * Method: judge.ts, with fsck.exfat as the reference.
 *
 * Taking out any one barrier turns a test red; done for each, on 2026-11-23:
 *   the volume says that it is dirty                first change after a clean unmount
 *   new clusters before the link to them            create long names that cross sectors, rename a directory …
 *   clusters before the entries that name them      first write, append, mkdir …
 *   the end of an entry set before its beginning    create a name that no sector holds
 *   the new name before the old one goes            rename …, move a directory
 *   no entry needs the clusters before they free    unlink, rmdir, truncate …
 *   sync                                            sync returns …, unmount after a last change
 *   the volume is unmounted                         unmount returns …
 *   newfs: whatever volume was here is gone         newfs over another volume leaves that one, none or the new one
 *   newfs: everything else before the boot sector   newfs leaves a clean volume or none
 *   newfs: the new volume is complete               the same
 */
const { hdd, nvme } = PROFILES;
const format = exfat;

const TYPES: readonly CrashType[] = [
  {
    name: 'exFAT, clusters of 512 bytes',
    format,
    sizeBytes: 4 << 20,
    blockSizeBytes: 512,
    settings: { 'cluster-size': '512' },
    profile: hdd,
  },
  {
    name: 'exFAT, clusters of 4 KiB',
    format,
    sizeBytes: 4 << 20,
    blockSizeBytes: 512,
    settings: {},
    profile: hdd,
  },
];

/** Sectors of 4096 bytes that are written whole or not at all. */
const LARGE_SECTORS: CrashType = {
  name: 'exFAT, sectors of 4 KiB',
  format,
  sizeBytes: 16 << 20,
  blockSizeBytes: 4096,
  settings: {},
  profile: nvme,
};

describeCrashes(TYPES, [LARGE_SECTORS], {
  leaks: [
    'dirty',
    'lost-clusters',
    'chain-beyond-size',
    'percent-in-use',
    // The end of a set in two sectors is there, its beginning not yet.
    'orphan-entry',
    // The entry of a later operation is there, that of an earlier one before it in the directory is not.
    'entries-after-end',
  ],
  windows: {
    'two names': ['cross-link'],
    'two places': ['directory-twice'],
    'two labels': [],
  },
  verdict: exfatVerdict,
  judgeEvery: 8,
  clearsFirst: true,
});
