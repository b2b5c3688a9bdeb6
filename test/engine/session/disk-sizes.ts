/** Formats and sizes of disks that are made in no time and have all parts of a volume. */
export const DISK_SIZES: Readonly<Record<string, number>> = {
  fat32: 2 ** 26,
  exfat: 2 ** 24,
  hfsplus: 2 ** 24,
  hfsx: 2 ** 24,
  apfs: 2 ** 24,
};
