import type { Device, WriteLabel } from '../../device/device.ts';
import { BOOT_SIGNATURE, BootSector16, BootSector32 } from './layout.ts';
import type { Geometry } from './layout.ts';
import { labelText, NO_LABEL } from './names.ts';

const bootSectorOf = (geometry: Geometry) => (geometry.type === 32 ? BootSector32 : BootSector16);

/** 29h: serial number, label and type name are there. */
const EXTENDED_BOOT_SIGNATURE = 0x29;

/** The label in the boot sector, '' for none. The one in the root directory counts where there is one. */
export function bootLabel(bootSector: Uint8Array, geometry: Geometry): string {
  const boot = bootSectorOf(geometry).peek(bootSector);
  if (boot.bootSignature !== EXTENDED_BOOT_SIGNATURE || boot.label === NO_LABEL) return '';
  return labelText(boot.label);
}

/** Put a label (null: none) into the boot sector and its backup. */
export function writeBootLabel(device: Device, geometry: Geometry, field: string | null): void {
  const BootSector = bootSectorOf(geometry);
  const sectors = geometry.backupBootSector === 0 ? [0] : [geometry.backupBootSector, 0];
  for (const sector of sectors) {
    const block = (sector * geometry.sectorSizeBytes) / device.blockSizeBytes;
    const bytes = new Uint8Array(device.blockSizeBytes);
    device.read(block, bytes);
    const boot = BootSector.peek(bytes);
    if (boot.signature !== BOOT_SIGNATURE || boot.bootSignature !== EXTENDED_BOOT_SIGNATURE) continue;
    const label = field ?? NO_LABEL;
    for (let i = 0; i < label.length; i++) bytes[BootSector.fields.label.at + i] = label.charCodeAt(i);
    device.write(block, bytes, sector === 0 ? LABEL_BOOT : LABEL_BACKUP);
  }
}

const LABEL_BOOT: WriteLabel = { role: 'header', owner: 'boot sector', reason: 'change the label' };
const LABEL_BACKUP: WriteLabel = { role: 'header', owner: 'backup boot sector', reason: 'change the label' };
