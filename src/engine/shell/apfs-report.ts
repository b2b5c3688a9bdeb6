import type { NamedContainer } from './disk-names.ts';
import type { SliceDescription, SnapshotDescription } from './machine.ts';
import { decimalSize } from './sizes-text.ts';

/** What `diskutil apfs list` and `listSnapshots` print: trees of lines, with macOS's words and widths. */

const RULE_OF_CONTAINER = '='.repeat(52);
const RULE_OF_STORE = '-'.repeat(59);
const RULE_OF_VOLUME = '-'.repeat(51);
const KEY_OF_CONTAINER = 30;
const KEY_OF_VOLUME = 27;

type Row = readonly [string, string];

const sized = (bytes: number): string => `${bytes} B (${decimalSize(bytes)})`;
const keyed = (rows: readonly Row[], width: number): string[] =>
  rows.map(([key, value]) => `${`${key}:`.padEnd(width)}${value}`);
const indented = (lines: readonly string[], by: string): string[] =>
  lines.map((line) => `${by}${line}`.trimEnd());

export function containersReport(containers: readonly NamedContainer[]): string {
  if (containers.length === 0) return 'No APFS Containers found\n';
  const found = containers.length === 1 ? 'APFS Container' : 'APFS Containers';
  const lines = [`${found} (${containers.length} found)`];
  for (const [i, container] of containers.entries()) {
    lines.push('|', `+-- Container ${container.device} ${container.container.uuid}`);
    lines.push(...indented(containerLines(container), i === containers.length - 1 ? '    ' : '|   '));
  }
  return `${lines.join('\n')}\n`;
}

function containerLines({ device, sizeBytes, slices, container }: NamedContainer): string[] {
  const { freeBytes, physicalStore, warnings } = container;
  const usedBytes = sizeBytes - freeBytes;
  const share = (bytes: number) => ((sizeBytes === 0 ? 0 : bytes / sizeBytes) * 100).toFixed(1);
  const lines = [
    RULE_OF_CONTAINER,
    ...keyed(
      [
        ['APFS Container Reference', device],
        ['Size (Capacity Ceiling)', sized(sizeBytes)],
        ['Capacity In Use By Volumes', `${sized(usedBytes)} (${share(usedBytes)}% used)`],
        ['Capacity Not Allocated', `${sized(freeBytes)} (${share(freeBytes)}% free)`],
      ],
      KEY_OF_CONTAINER,
    ),
    ...warnings.map((sentence) => `NOTE: ${sentence}`),
    '|',
    `+-< Physical Store ${physicalStore.device} ${physicalStore.uuid}`.trimEnd(),
  ];
  const store: Row[] = [
    ['APFS Physical Store Disk', physicalStore.device],
    ['Size', sized(physicalStore.sizeBytes)],
  ];
  const isAlone = slices.length === 0;
  lines.push(...indented([RULE_OF_STORE, ...keyed(store, KEY_OF_CONTAINER - 2)], isAlone ? '    ' : '|   '));
  if (isAlone) return [...lines, '', 'No Volumes'];
  for (const [i, slice] of slices.entries()) {
    lines.push('|', `+-> Volume ${slice.device} ${slice.volume?.uuid ?? ''}`.trimEnd());
    const rest = [RULE_OF_VOLUME, ...volumeLines(slice)];
    lines.push(...indented(rest, i === slices.length - 1 ? '    ' : '|   '));
  }
  return lines;
}

function volumeLines({ device, label, mountPoint, volume }: SliceDescription): string[] {
  if (volume === undefined) return [];
  const sensitivity = volume.isCaseSensitive ? 'Case-sensitive' : 'Case-insensitive';
  const rows: Row[] = [
    ['APFS Volume Disk (Role)', `${device} (${volume.role || 'No specific role'})`],
    ['Name', `${label} (${sensitivity})`],
    ['Mount Point', mountPoint ?? 'Not Mounted'],
    ['Capacity Consumed', sized(volume.consumedBytes)],
    ...(volume.reserveBytes === 0 ? [] : [['Capacity Reserve', sized(volume.reserveBytes)] as const]),
    ...(volume.quotaBytes === 0 ? [] : [['Capacity Quota', sized(volume.quotaBytes)] as const]),
    ['Sealed', volume.isSealed ? 'Yes' : 'No'],
    ['FileVault', volume.isEncrypted ? 'Yes (Locked)' : 'No'],
  ];
  const lines = keyed(rows, KEY_OF_VOLUME);
  for (const { uuid, device: at, mountPoint: on } of volume.snapshots) {
    if (on === null) continue;
    const shown: Row[] = [
      ['Snapshot', uuid],
      ['Snapshot Disk', at],
      ['Snapshot Mount Point', on],
    ];
    lines.push('|', ...keyed(shown, KEY_OF_VOLUME));
  }
  return lines;
}

/** Snapshots that macOS itself takes and throws away when room is short. */
const PURGEABLE = /^com\.apple\.TimeMachine\..*\.local$/;

export function snapshotsReport(device: string, snapshots: readonly SnapshotDescription[]): string {
  if (snapshots.length === 0) return `No snapshots for ${device}\n`;
  const lines = [`Snapshots for ${device} (${snapshots.length} found)`];
  for (const [i, { uuid, name, xid }] of snapshots.entries()) {
    const rows: Row[] = [
      ['Name', name],
      ['XID', String(xid)],
      ['Purgeable', PURGEABLE.test(name) ? 'Yes' : 'No'],
    ];
    const by = i === snapshots.length - 1 ? '    ' : '|   ';
    lines.push('|', `+-- ${uuid}`, ...indented(keyed(rows, 13), by));
  }
  return `${lines.join('\n')}\n`;
}
