import { FsError } from '../base/errno.ts';
import type { Format, FormatName } from './contract.ts';
import { fat32 } from './fat32/index.ts';

/** The one file that names the formats. In the order in which an unknown disk is asked for them. */
export const FORMATS: readonly Format[] = [fat32];

export const FORMAT_NAMES: readonly FormatName[] = FORMATS.map(({ name }) => name);

/** The format called `name`, as after `newfs -t`. FsError EINVAL when there is none. */
export function formatNamed(name: string): Format {
  const format = FORMATS.find((candidate) => candidate.name === name);
  if (format === undefined) {
    throw new FsError(
      'EINVAL',
      'newfs',
      name,
      `there is no format '${name}'; there is ${FORMAT_NAMES.join(', ')}`,
    );
  }
  return format;
}
