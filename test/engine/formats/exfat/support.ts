import { exfat } from '../../../../src/engine/formats/exfat/index.ts';
import { fsckExfat } from '../../../support/checkers.ts';
import { kitOf } from '../fat-family/support.ts';

/** What the tests of this format work on, and what the suites of the FAT family are run with. */
export const KIT = kitOf(exfat, 8, fsckExfat);

export const { formatted, fresh, mounted, verdict } = KIT;
