import { MORE_FORMATS } from '../formats/more.ts';
import { addFormats } from '../formats/registry.ts';

/** Lets the machine know every format. Whoever starts a program calls this once; the page's worker when it has come. */
export const knowAllFormats = (): void => addFormats(MORE_FORMATS);
