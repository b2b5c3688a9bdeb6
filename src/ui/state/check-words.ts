/** The tool of macOS that checks a format. */
const CHECKERS: Readonly<Record<string, string>> = {
  fat32: 'fsck_msdos',
  exfat: 'fsck_exfat',
  hfsplus: 'fsck_hfs',
  hfsx: 'fsck_hfs',
  apfs: 'fsck_apfs',
};

export const checkerOf = (formatName: string | undefined): string => CHECKERS[formatName ?? ''] ?? 'fsck';
