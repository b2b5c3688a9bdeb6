import type { VolumeNode } from '../formats/contract.ts';
import { pathOf } from './mount.ts';
import type { Holder, Located, Mount } from './mount.ts';

/** Where relative paths begin. Held like an open file: its volume cannot be unmounted. */
export class WorkingDirectory implements Holder, Located {
  readonly mount: Mount;
  readonly node: VolumeNode;
  /** Canonical; the kernel renews it when a directory on the way is renamed. */
  components: readonly string[];
  isRemoved: boolean;

  constructor(place: Located & { readonly isRemoved?: boolean }) {
    this.mount = place.mount;
    this.node = place.node;
    this.components = place.components;
    this.isRemoved = place.isRemoved ?? false;
    this.mount.volume.retain(this.node);
    this.mount.hold(this);
  }

  describe(): string {
    return `${pathOf(this.components)} is the current directory of a process`;
  }

  release(): void {
    this.mount.letGo(this);
    this.mount.volume.release(this.node);
  }
}
