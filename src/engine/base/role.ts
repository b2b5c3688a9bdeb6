/**
 * What a block is for. One list for all formats: the map's colours, the tape's counters and `--stats` speak it.
 * The number of a role is its index here and is what typed arrays carry; append, never reorder.
 */
export const ROLES = [
  'free',
  'header', // boot sectors, volume headers, superblocks, FSInfo
  'allocation', // file allocation tables, bitmaps, space managers
  'directory', // directory entries
  'data', // contents of files
  'reserved', // set aside by the format, no meaning of its own
  'partition', // protective MBR, GPT headers and entries
  'bad', // marked as unusable
  'tree', // nodes of B-trees
  'journal', // journal info block and journal
  'references', // who refers to which blocks: extent references
  'checkpoint', // rings of checkpoints: superblocks and what they carry along
  'shared', // contents that several files hold
  'pinned', // contents that only snapshots hold
] as const;

export type Role = (typeof ROLES)[number];

export const roleIndex = (role: Role): number => ROLES.indexOf(role);
