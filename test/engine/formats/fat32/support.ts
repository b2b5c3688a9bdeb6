import { fat32 } from '../../../../src/engine/formats/fat32/index.ts';
import { fsckVfat } from '../../../support/checkers.ts';
import { kitOf } from '../fat-family/support.ts';

/** What the tests of this format work on, and what the suites of the FAT family are run with; 34 MiB are the smallest FAT32. */
export const KIT = kitOf(fat32, 34, fsckVfat);

export const { formatted, fresh, mounted, verdict } = KIT;
