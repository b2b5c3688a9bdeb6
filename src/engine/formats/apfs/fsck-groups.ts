import { isZero } from '../../base/bytes.ts';
import { uuidText } from './layout.ts';
import { VOLUME_FEATURE, VOLUME_ROLE, VolumeSuperblock } from './layout-volume.ts';
import type { Check, VolumePlace } from './fsck-check.ts';

/**
 * Volume groups: the system volume and the data volume of one macOS, which share an identifier (apfs.md §5.1). Each
 * volume by itself was checked before; here, whether the right ones have found each other.
 */
export function checkGroups(check: Check, volumes: readonly VolumePlace[]): void {
  const groups = new Map<string, Group>();
  for (const { index, block } of volumes) {
    const { features, role, volumeGroupUuid } = VolumeSuperblock.peek(check.read(block));
    if (Math.floor(features / VOLUME_FEATURE.volumeGroupSystemInodes) % 2 === 0) continue;
    if (isZero(volumeGroupUuid))
      check.warning('volume', `volume ${index}: in a volume group without identifier`, block);
    const id = uuidText(volumeGroupUuid);
    const group = groups.get(id) ?? { systems: 0, datas: 0, block };
    if (role === VOLUME_ROLE.system) group.systems++;
    if (role === VOLUME_ROLE.data) group.datas++;
    groups.set(id, group);
  }
  for (const [id, { systems, datas, block }] of groups) {
    const wrong = (text: string): void => check.error('volume', `volume group ${id}: ${text}`, block);
    if (systems === 0) wrong('its system volume is missing');
    if (systems > 1) wrong(`${systems} system volumes`);
    if (datas > 1) wrong(`${datas} data volumes`);
    if (datas === 0) check.warning('volume', `volume group ${id}: no data volume`, block);
  }
  if (groups.size > 1) check.warning('unsupported', `${groups.size} volume groups in one container`, 0);
}

interface Group {
  systems: number;
  datas: number;
  /** Superblock of its first volume. */
  readonly block: number;
}
