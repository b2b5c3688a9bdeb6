/** File systems as diskutil names them: what can be made, under which names, in the order of `listFilesystems`. */

export interface Personality {
  /** The word for a verb: 'JHFS+' is an alias, 'Journaled HFS+' the name. */
  readonly name: string;
  readonly alias?: string;
  readonly visibleName: string;
  readonly format: string;
  readonly settings: Readonly<Record<string, string>>;
}

const plain = (name: string, visibleName: string, settings: Personality['settings']): Personality => ({
  ...{ name, visibleName, settings },
  format: 'fat32',
});

export const PERSONALITIES: readonly Personality[] = [
  {
    ...{ name: 'Case-sensitive APFS', alias: 'APFSX', visibleName: 'APFS (Case-sensitive)' },
    ...{ format: 'apfs', settings: { 'case-sensitive': 'yes' } },
  },
  { name: 'APFS', alias: 'APFSI', visibleName: 'APFS', format: 'apfs', settings: {} },
  { name: 'ExFAT', visibleName: 'ExFAT', format: 'exfat', settings: {} },
  plain('MS-DOS', 'MS-DOS (FAT)', {}),
  plain('MS-DOS FAT12', 'MS-DOS (FAT12)', { type: 'fat12' }),
  plain('MS-DOS FAT16', 'MS-DOS (FAT16)', { type: 'fat16' }),
  { ...plain('MS-DOS FAT32', 'MS-DOS (FAT32)', { type: 'fat32' }), alias: 'FAT32' },
  { name: 'HFS+', visibleName: 'Mac OS Extended', format: 'hfsplus', settings: { journal: 'off' } },
  {
    ...{ name: 'Case-sensitive HFS+', visibleName: 'Mac OS Extended (Case-sensitive)', alias: 'HFSX' },
    ...{ format: 'hfsx', settings: { journal: 'off' } },
  },
  {
    ...{ name: 'Case-sensitive Journaled HFS+', alias: 'JHFSX' },
    ...{ visibleName: 'Mac OS Extended (Case-sensitive, Journaled)' },
    ...{ format: 'hfsx', settings: { journal: 'on' } },
  },
  {
    ...{ name: 'Journaled HFS+', visibleName: 'Mac OS Extended (Journaled)', alias: 'JHFS+' },
    ...{ format: 'hfsplus', settings: { journal: 'on' } },
  },
];

/** What people write instead. */
const NICKNAMES: Readonly<Record<string, string>> = { fat: 'MS-DOS', hfsjournaled: 'Journaled HFS+' };

/** Case, blanks, dashes, commas and brackets make no difference. */
const plainly = (text: string): string => text.toLowerCase().replace(/[-\s(),]/g, '');

const BY_NAME: ReadonlyMap<string, Personality> = new Map([
  ...PERSONALITIES.flatMap((personality) =>
    [personality.name, personality.visibleName, personality.alias ?? personality.name].map(
      (name) => [plainly(name), personality] as const,
    ),
  ),
  ...Object.entries(NICKNAMES).flatMap(([nickname, name]) =>
    PERSONALITIES.filter((personality) => personality.name === name).map(
      (personality) => [nickname, personality] as const,
    ),
  ),
]);

export const personalityNamed = (text: string): Personality | undefined => BY_NAME.get(plainly(text));

/** 'Mac OS Extended (Journaled)' of 'Journaled HFS+'; a name that is none of these stays. */
export const visibleNameOf = (name: string): string =>
  PERSONALITIES.find((personality) => personality.name === name)?.visibleName ?? name;

/** The other way round: 'MS-DOS FAT32' of 'MS-DOS (FAT32)'. */
export const personalityOf = (visibleName: string): string =>
  PERSONALITIES.find((personality) => personality.visibleName === visibleName)?.name ?? visibleName;
