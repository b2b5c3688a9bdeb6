import type { Role } from '../../base/role.ts';
import type { Device } from '../../device/device.ts';
import type { Region } from '../survey.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { OwnerIndex } from './owner-index.ts';
import { OWNER } from './view-claims.ts';

/** What every block is for, as runs in the order of the device. Costs what is stored, not what could be. */
export function regions(device: Device, index: OwnerIndex = new OwnerIndex(device)): Region[] {
  const spans = new Spans(device);
  for (const { end, role, owner, fileCount } of index.segments)
    spans.add(end * BLOCK_SIZE_BYTES, role, owner, fileCount);
  const isContainer = index.container.problem === '';
  spans.add(index.container.medium.sizeBytes, 'reserved', isContainer ? OWNER.outside : '');
  return spans.found;
}

/** Neighbours, each said by where it ends; those that say the same are one. */
class Spans {
  readonly found: (Region & { blockCount: number })[] = [];
  readonly #device: Device;
  #end = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  add(endBytes: number, role: Role, owner: string, fileCount = 1): void {
    const { blockSizeBytes, blockCount } = this.#device;
    const end = Math.min(Math.ceil(endBytes / blockSizeBytes), blockCount);
    if (end <= this.#end) return;
    const last = this.found.at(-1);
    if (last?.role === role && last.owner === owner && (last.holderCount ?? 1) === fileCount)
      last.blockCount += end - this.#end;
    else {
      const region = { firstBlock: this.#end, blockCount: end - this.#end, role, owner };
      this.found.push(fileCount > 1 ? { ...region, holderCount: fileCount } : region);
    }
    this.#end = end;
  }
}
