import type { Role } from '../../rpc/protocol.ts';

/**
 * How each role looks. Colour is one channel; the glyph is the second, for eyes and printers that do not tell the
 * colours apart. Words are what the legend and the screen reader say.
 */
export interface RoleLook {
  readonly role: Role;
  readonly label: string;
  readonly plain: string;
  /** Drawn over the colour, as an SVG path in a square of 10 by 10, filled by the even-odd rule. Empty: none. */
  readonly glyph: string;
}

const LOOKS: Readonly<Record<Role, Omit<RoleLook, 'role'>>> = {
  partition: {
    label: 'partition map',
    plain: 'says where volumes lie on the disk',
    glyph: 'M2 2h6v6H2zM3.5 3.5v3h3v-3z',
  },
  header: {
    label: 'volume header',
    plain: 'boot sectors and what describes the volume',
    glyph: 'M0 0h6L0 6z',
  },
  allocation: {
    label: 'allocation',
    plain: 'which blocks are taken, and what follows what',
    glyph: 'M1.5 6.4h7v1.6h-7z',
  },
  directory: { label: 'directory', plain: 'names, sizes, dates, first blocks', glyph: 'M4.2 1.5h1.6v7H4.2z' },
  tree: {
    label: 'tree node',
    plain: 'nodes of B-trees: records, sorted by key',
    glyph: 'M4 1.5h2v2.5h2.5v4H6V5.5H4V8H1.5V4H4z',
  },
  journal: {
    label: 'journal',
    plain: 'changes written down before they are made',
    glyph: 'M1.5 2.5h7v1.2h-7zM1.5 6.3h7v1.2h-7z',
  },
  references: {
    label: 'references',
    plain: 'who refers to which blocks, and how often',
    glyph: 'M1.5 4.2h3.4v1.6H1.5zM6.5 2.5h2v2h-2zM6.5 5.5h2v2h-2z',
  },
  checkpoint: {
    label: 'checkpoint',
    plain: 'states of the container to fall back to, in a ring',
    glyph: 'M5 1.5a3.5 3.5 0 1 0 3.5 3.5H7A2 2 0 1 1 5 3z',
  },
  shared: {
    label: 'shared data',
    plain: 'contents that several files hold',
    glyph: 'M1.5 1.5h4.5v4.5H1.5zM4 4h4.5v4.5H4z',
  },
  pinned: {
    label: 'pinned data',
    plain: 'contents that only a snapshot holds',
    glyph: 'M5 1.5l2 3H5.7v4H4.3v-4H3z',
  },
  data: { label: 'file data', plain: 'contents of files', glyph: '' },
  reserved: { label: 'reserved', plain: 'set aside by the format', glyph: 'M4 4h2v2H4z' },
  bad: {
    label: 'bad',
    plain: 'marked as unusable',
    glyph: 'M2 3l1-1 2 2 2-2 1 1-2 2 2 2-1 1-2-2-2 2-1-1 2-2z',
  },
  free: { label: 'free', plain: 'in nobody’s use', glyph: '' },
};

/** In the order of the legend. */
export const ROLE_LOOKS: readonly RoleLook[] = (Object.keys(LOOKS) as Role[]).map((role) => ({
  role,
  ...LOOKS[role],
}));

export const lookOf = (role: Role): RoleLook => ({ role, ...LOOKS[role] });

/** The custom property of tokens.css that holds the role's colour. */
export const colourOf = (role: Role): string => `var(--role-${role})`;
