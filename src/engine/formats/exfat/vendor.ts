import { FsError } from '../../base/errno.ts';
import type { AllocationBitmap } from './alloc.ts';
import { Chain } from './extents.ts';
import {
  ENTRY_SIZE_BYTES,
  ENTRY_TYPE,
  SET_ENTRIES_MAX,
  STREAM_FLAG,
  VendorAllocationEntry,
} from './layout.ts';
import type { Geometry } from './layout.ts';
import type { FileAllocationTable } from './table.ts';

/**
 * Entries behind the name of a file that only their vendor understands (E0, E1 and others of the benign kind). They
 * stay with the file wherever it moves, and what they allocate goes when the file goes.
 * Source: exFAT specification, 7.8, 7.9 and 8.2 "Implications of Unrecognized Directory Entries".
 */
export class VendorEntries {
  constructor(readonly bytes: Uint8Array) {}

  get count(): number {
    return this.bytes.length / ENTRY_SIZE_BYTES;
  }

  /** ENAMETOOLONG when a set of `named` entries has no room for these as well. */
  assertRoomBehind(named: number): void {
    if (named + this.count <= SET_ENTRIES_MAX) return;
    const detail = `the file carries ${this.count} vendor entries, which leave no room for so long a name`;
    throw new FsError('ENAMETOOLONG', '', '', detail);
  }

  /** Set free, once no entry needs them, the clusters that the entries allocate. */
  free(fat: FileAllocationTable, bitmap: AllocationBitmap, geometry: Geometry): void {
    for (let at = 0; at < this.bytes.length; at += ENTRY_SIZE_BYTES) {
      if (this.bytes[at] !== ENTRY_TYPE.vendorAllocation) continue;
      const { flags, firstCluster, dataLength } = VendorAllocationEntry.peek(this.bytes, at);
      if (!(flags & STREAM_FLAG.allocationPossible) || firstCluster === 0) continue;
      const count = Math.ceil(dataLength / geometry.clusterSizeBytes);
      const chain =
        flags & STREAM_FLAG.noFatChain
          ? Chain.contiguous(fat, geometry, firstCluster, count)
          : new Chain(fat, firstCluster);
      for (const run of chain.cut(0)) bitmap.free(run);
    }
  }
}

export const NO_VENDOR_ENTRIES = new VendorEntries(new Uint8Array(0));
