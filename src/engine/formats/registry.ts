import { FsError } from '../base/errno.ts';
import type { Format, FormatName } from './contract.ts';

/**
 * The formats, in the order in which an unknown disk is asked for them. They join before anything is asked
 * (session/all-formats.ts): at once in the command line and in tests, and as a chunk of their own in the page, whose
 * first load has to stay small.
 */
const formats: Format[] = [];

/** Grows by `addFormats`: ask it when it is needed, keep no copy. */
export const FORMATS: readonly Format[] = formats;

/** Every format there is, whether its program has been loaded or not. */
export const FORMAT_NAMES: readonly FormatName[] = ['fat32', 'exfat', 'hfsplus', 'hfsx', 'apfs'];

/** Twice the same is once. */
export function addFormats(more: readonly Format[]): void {
  for (const format of more) if (!formats.includes(format)) formats.push(format);
}

/** The format called `name`, as after `newfs -t`. FsError EINVAL when there is none. */
export function formatNamed(name: string): Format {
  const format = formats.find((candidate) => candidate.name === name);
  if (format === undefined) {
    throw new FsError(
      'EINVAL',
      'newfs',
      name,
      `there is no format '${name}'; there is ${formats.map((known) => known.name).join(', ')}`,
    );
  }
  return format;
}
