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
MUTATIONS */
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
  windows: { 'two names': ['cross-link'], 'two places': ['directory-twice'], 'two labels': [] },
  verdict: exfatVerdict,
});
