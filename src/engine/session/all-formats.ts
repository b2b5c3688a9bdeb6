import { apfs } from '../formats/apfs/index.ts';
import { exfat } from '../formats/exfat/index.ts';
import { fat32 } from '../formats/fat32/index.ts';
import { hfsplus, hfsx } from '../formats/hfsplus/index.ts';
import { addFormats } from '../formats/registry.ts';

/**
 * Lets the machine know every format, in the order in which an unknown disk is asked for them. Whoever starts a program
 * calls this once; the page's worker when it has come.
 */
export const knowAllFormats = (): void => addFormats([fat32, exfat, hfsplus, hfsx, apfs]);
