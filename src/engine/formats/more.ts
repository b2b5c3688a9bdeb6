import type { Format } from './contract.ts';
import { apfs } from './apfs/index.ts';
import { exfat } from './exfat/index.ts';
import { hfsplus, hfsx } from './hfsplus/index.ts';

/** All formats but the first, in the order in which an unknown disk is asked for them (registry.ts). */
export const MORE_FORMATS: readonly Format[] = [exfat, hfsplus, hfsx, apfs];
