import { annotate } from '../../../../src/engine/formats/fat32/annotate.ts';
import { OwnerIndex } from '../../../../src/engine/formats/fat32/owner-index.ts';
import { regions } from '../../../../src/engine/formats/fat32/regions.ts';
import { structures } from '../../../../src/engine/formats/fat32/structures.ts';
import { Patient } from '../../../evil/patient.ts';
import type { Damage, Views } from '../fat-family/views.ts';

/** What this format shows of a volume, and how its volumes are damaged, for the suites of the family. */
export const VIEWS: Views<OwnerIndex> = {
  makeIndex: (device) => new OwnerIndex(device),
  regions,
  annotate,
  structures,
};

/** The first 40 clusters, and all before them. */
export const damage = (seeds: number): Damage => ({
  metadataEndBytes: (store) => {
    const patient = new Patient(store);
    return patient.clusterOffset(2) + 40 * patient.geometry.clusterSizeBytes;
  },
  seeds,
});
