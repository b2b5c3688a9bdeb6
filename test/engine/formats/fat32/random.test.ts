import { describeRandomRuns } from '../fat-family/random.ts';
import { KIT } from './support.ts';

describeRandomRuns(KIT, {
  volumes: [
    ['FAT12', 2, { type: 'fat12', 'cluster-size': '1k', 'root-entries': '64' }],
    ['FAT16', 5, { type: 'fat16', 'cluster-size': '512', 'root-entries': '112' }],
    ['FAT32', 34, {}],
  ],
  seeds: 'FAT_SEEDS',
  remountEvery: 50,
});
