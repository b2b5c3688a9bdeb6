import type { Role } from '../../rpc/protocol.ts';

/**
 * How each role looks. Colour is one channel; the glyph is the second, for eyes and printers that do not tell the
 * colours apart. Words are what the legend and the screen reader say.
 */
export type Glyph = 'none' | 'corner' | 'line' | 'bar' | 'ring' | 'dot' | 'cross';

export interface RoleLook {
  readonly role: Role;
  readonly label: string;
  readonly plain: string;
  readonly glyph: Glyph;
}

const LOOKS: Readonly<Record<Role, Omit<RoleLook, 'role'>>> = {
  partition: { label: 'partition map', plain: 'says where volumes lie on the disk', glyph: 'ring' },
  header: { label: 'volume header', plain: 'boot sectors and what describes the volume', glyph: 'corner' },
  allocation: {
    label: 'allocation',
    plain: 'says which blocks are taken and what follows what',
    glyph: 'line',
  },
  directory: { label: 'directory', plain: 'names, sizes, dates, first blocks', glyph: 'bar' },
  data: { label: 'file data', plain: 'contents of files', glyph: 'none' },
  reserved: { label: 'reserved', plain: 'set aside by the format', glyph: 'dot' },
  bad: { label: 'bad', plain: 'marked as unusable', glyph: 'cross' },
  free: { label: 'free', plain: 'in nobody’s use', glyph: 'none' },
};

/** In the order of the legend. */
export const ROLE_LOOKS: readonly RoleLook[] = (Object.keys(LOOKS) as Role[]).map((role) => ({
  role,
  ...LOOKS[role],
}));

export const lookOf = (role: Role): RoleLook => ({ role, ...LOOKS[role] });

/** The custom property of tokens.css that holds the role's colour. */
export const colourOf = (role: Role): string => `var(--role-${role})`;
