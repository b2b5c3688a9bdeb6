/** What a volume in memory can, and what it refuses. */
export interface MemoryLimits {
  readonly isCaseSensitive: boolean;
  readonly fileSizeBytesMax: number;
  readonly nameUnitsMax: number;
  /** Of UTF-8; absent: as many as the units take. */
  readonly nameBytesMax?: number;
  readonly hasHardLinks: boolean;
  readonly hasSymlinks: boolean;
  /** False: everything is the owner's with mode 0777 for directories and files, whatever chmod says. */
  readonly hasPermissions: boolean;
  /** By the volume itself; false: it knows nothing of them, and vfs keeps them in AppleDouble files. */
  readonly hasExtendedAttributes: boolean;
  readonly hasExclusiveRename: boolean;
  readonly hasExchange: boolean;
  /** clonefile: a copy, which owns all its bytes. */
  readonly hasClones: boolean;
  readonly hasSwapRename: boolean;
  /** Blocks of zeros are holes: they take no room in `allocatedBytes`, and SEEK_HOLE finds them. */
  readonly hasSparseFiles: boolean;
  readonly hasSpecialFiles: boolean;
  readonly hasSnapshots: boolean;
  readonly linksMax: number;
  /** Bytes of all contents together; beyond: ENOSPC. */
  readonly capacityBytes: number;
  readonly isReadOnly: boolean;
  readonly label: string;
  readonly rootMode: number;
  /** As on HFS+: com.apple.FinderInfo shares a bit with UF_HIDDEN, and parts of it are the system's own. */
  readonly hasFinderRecord: boolean;
  /** How a name comes back: composed on FAT. */
  readonly storedName: (name: string) => string;
  /** How a written time comes back: 2 s steps on FAT. */
  readonly storedTime: (time: { seconds: number; nanoseconds: number }) => {
    seconds: number;
    nanoseconds: number;
  };
}

export const DEFAULTS: MemoryLimits = {
  isCaseSensitive: true,
  fileSizeBytesMax: Number.MAX_SAFE_INTEGER,
  nameUnitsMax: 255,
  hasHardLinks: true,
  hasSymlinks: true,
  hasPermissions: true,
  hasExtendedAttributes: false,
  hasExclusiveRename: false,
  hasExchange: false,
  hasClones: false,
  hasSwapRename: false,
  hasSparseFiles: false,
  hasSpecialFiles: false,
  hasSnapshots: false,
  linksMax: 32_767,
  capacityBytes: 64 * 2 ** 20,
  isReadOnly: false,
  label: 'MEMORY',
  rootMode: 0o777,
  hasFinderRecord: false,
  storedName: (name) => name,
  storedTime: (time) => time,
};

/** Abilities are members of the contract that may be absent: those that are, by these limits. */
export function absentMembers(limits: MemoryLimits): string[] {
  const members: readonly (readonly [boolean, readonly string[]])[] = [
    [limits.hasHardLinks, ['link']],
    [limits.hasSymlinks, ['makeSymlink']],
    [limits.hasExchange, ['exchange']],
    [limits.hasClones, ['clone', 'sharing']],
    [limits.hasSwapRename, ['swap']],
    [limits.hasSparseFiles, ['punchHole']],
    [limits.hasSpecialFiles, ['makeSpecial']],
    [
      limits.hasExtendedAttributes,
      ['getExtendedAttribute', 'setExtendedAttribute', 'removeExtendedAttribute', 'listExtendedAttributes'],
    ],
  ];
  return members.flatMap(([isThere, names]) => (isThere ? [] : names));
}
