import type { Role } from '../../base/role.ts';
import type { Device } from '../../device/device.ts';
import type { Region } from '../survey.ts';
import { OwnerIndex } from './owner-index.ts';
import { OWNER_OF, ROLE_OF, fixedPlaces, setAside, unheldKind } from './view-places.ts';
import { usedRuns } from './view-bitmap.ts';

/** What every block is for, as runs in the order of the device. Costs what is stored, not what could be. */
export function regions(device: Device, index: OwnerIndex = new OwnerIndex(device)): Region[] {
  const spans = new Spans();
  if (index.geometry) {
    for (const place of fixedPlaces(index)) {
      addFiles(spans, index, place.startBytes);
      spans.add(place.endBytes, ROLE_OF[place.kind], OWNER_OF[place.kind]);
    }
    addFiles(spans, index, index.medium.sizeBytes);
  } else spans.add(index.medium.sizeBytes, 'reserved', '');
  return spans.inBlocks(device);
}

/** A list of neighbours, each said by where it ends. */
class Spans {
  readonly #list: { endBytes: number; readonly role: Role; readonly owner: string }[] = [];
  endBytes = 0;
  /** Number of the next run of a file to be looked at. */
  nextRun = 0;

  add(endBytes: number, role: Role, owner: string): void {
    if (endBytes <= this.endBytes) return;
    this.endBytes = endBytes;
    const last = this.#list.at(-1);
    if (last?.role === role && last.owner === owner) last.endBytes = endBytes;
    else this.#list.push({ endBytes, role, owner });
  }

  /** A block larger than an allocation block belongs to the part that its first byte belongs to. */
  inBlocks({ blockSizeBytes, blockCount }: Device): Region[] {
    const found: Region[] = [];
    let firstBlock = 0;
    for (const { endBytes, role, owner } of this.#list) {
      const end = Math.min(Math.ceil(endBytes / blockSizeBytes), blockCount);
      if (end <= firstBlock) continue;
      found.push({ firstBlock, blockCount: end - firstBlock, role, owner });
      firstBlock = end;
    }
    return found;
  }
}

/** From where the spans end up to `toBytes`, where nothing stands fixed: runs of files, free blocks, lost ones. */
function addFiles(spans: Spans, index: OwnerIndex, toBytes: number): void {
  if (toBytes <= spans.endBytes) return;
  const { volumeOffsetBytes, blockSizeBytes } = index.known;
  const { runs } = index;
  const byteOf = (block: number): number => volumeOffsetBytes + block * blockSizeBytes;
  for (; ; spans.nextRun++) {
    const run = runs[spans.nextRun];
    if (!run || byteOf(run.startBlock) >= toBytes) break;
    const endBytes = byteOf(run.startBlock + run.blockCount);
    if (endBytes <= spans.endBytes) continue;
    addUnheld(spans, index, byteOf(run.startBlock));
    spans.add(
      Math.min(endBytes, toBytes),
      run.owner.kind === 'bad' ? 'bad' : 'data',
      index.nameOf(run.owner),
    );
    if (endBytes > toBytes) return; // goes on behind what stands fixed there
  }
  addUnheld(spans, index, toBytes);
}

function addUnheld(spans: Spans, index: OwnerIndex, toBytes: number): void {
  if (toBytes <= spans.endBytes) return;
  const geometry = index.known;
  const { volumeOffsetBytes, blockSizeBytes } = geometry;
  const blockOf = (byte: number): number => Math.floor((byte - volumeOffsetBytes) / blockSizeBytes);
  const first = blockOf(spans.endBytes);
  const end = Math.ceil((toBytes - volumeOffsetBytes) / blockSizeBytes);
  const aside = setAside(geometry);
  for (const [from, length] of usedRuns(index.fork('allocation'), first, end)) {
    for (let block = from; block < from + length;) {
      const border = block < aside.before ? aside.before : block < aside.from ? aside.from : end;
      const next = Math.min(border, from + length);
      const kind = unheldKind(geometry, block);
      spans.add(Math.min(volumeOffsetBytes + block * blockSizeBytes, toBytes), 'free', '');
      spans.add(Math.min(volumeOffsetBytes + next * blockSizeBytes, toBytes), ROLE_OF[kind], OWNER_OF[kind]);
      block = next;
    }
  }
  spans.add(toBytes, 'free', '');
}
