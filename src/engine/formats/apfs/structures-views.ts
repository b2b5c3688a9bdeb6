import type { ContainerView } from './view-container.ts';
import type { CatalogView } from './view-volume.ts';

/** A volume as it is ('0') or as a snapshot has it (its transaction), by the words of an id. */
export function viewOfKey(
  container: ContainerView,
  slot: string | undefined,
  xid: string | undefined,
): CatalogView | undefined {
  const volume = container.volumes.find((one) => String(one.slot) === slot);
  if (!volume) return undefined;
  if (xid === '0') return volume.live;
  return volume.views.find(({ snapshot }) => snapshot !== null && String(snapshot.xid) === xid);
}

/** '0.7': the words that `viewOfKey` understands. */
export const keyOfView = ({ volume, snapshot }: CatalogView): string =>
  `${volume.slot}.${snapshot?.xid ?? 0}`;
