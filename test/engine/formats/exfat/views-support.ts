import { annotate } from '../../../../src/engine/formats/exfat/annotate.ts';
import { OwnerIndex } from '../../../../src/engine/formats/exfat/owner-index.ts';
import { regions } from '../../../../src/engine/formats/exfat/regions.ts';
import { structures } from '../../../../src/engine/formats/exfat/structures.ts';
import { ExfatPatient } from '../../../evil/exfat-patient.ts';
import type { Damage, Views } from '../fat-family/views.ts';

/** What this format shows of a volume, and how its volumes are damaged, for the suites of the family. */
export const VIEWS: Views<OwnerIndex> = {
  makeIndex: (device) => new OwnerIndex(device),
  regions,
  annotate,
  structures,
};

/** The first 20 clusters, and all before them. */
export const damage = (seeds: number): Damage => ({
  metadataEndBytes: (store) => {
    const patient = new ExfatPatient(store);
    return patient.clusterOffset(2) + 20 * patient.geometry.clusterSizeBytes;
  },
  seeds,
});
