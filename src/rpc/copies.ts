import { FsError } from '../engine/base/errno.ts';
import type { ExportRequest, ExportView } from '../engine/session/export.ts';
import { openDisk } from '../engine/session/new-disk.ts';
import type { Session } from '../engine/session/session.ts';
import { storeOver } from './file-store.ts';
import { isGzip, unpacked } from './gzip-file.ts';
import { Transfer, type TransferView } from './transfer.ts';

/** The raw bytes, as unmounting leaves them. */
export const AT_REST: ExportRequest = { container: 'raw', state: 'rest', isWrapped: false };

/**
 * Disks on their way in from files and out to files, one at a time. What packs and wraps them comes as a chunk of its
 * own when it is first asked for: the first load of the page has to stay small.
 */
export class Copies {
  #transfer: Transfer | null = null;

  get transfer(): TransferView | null {
    return this.#transfer?.view ?? null;
  }

  stop(): void {
    this.#transfer?.stop();
  }

  async storeOf(file: File): Promise<Session['store']> {
    if (!(await isGzip(file))) return storeOver(file);
    const transfer = new Transfer(file.name, file.size);
    const image = await this.#during(transfer, () => unpacked(file, transfer));
    return openDisk(image, file.name, false);
  }

  async view(session: Session, request: ExportRequest): Promise<ExportView> {
    return (await prepared(session, request)).view;
  }

  async blob(session: Session, request: ExportRequest): Promise<Blob> {
    const { pieces, view } = await prepared(session, request);
    const { blobOf } = await import('./image-file.ts');
    const transfer = new Transfer(view.fileName, view.workBytes);
    return this.#during(transfer, () => blobOf(pieces(), transfer));
  }

  async write(session: Session, request: ExportRequest, into: FileSystemFileHandle): Promise<null> {
    const { pieces, view } = await prepared(session, request);
    const { writeInto } = await import('./image-file.ts');
    const transfer = new Transfer(view.fileName, view.workBytes);
    await this.#during(transfer, () => writeInto(into, pieces(), transfer));
    return null;
  }

  async #during<T>(transfer: Transfer, work: () => Promise<T>): Promise<T> {
    if (this.#transfer !== null) {
      const { name } = this.#transfer;
      throw new FsError(
        'EBUSY',
        'copy',
        transfer.name,
        `${name} is still under way; cancel it or let it end`,
      );
    }
    this.#transfer = transfer;
    try {
      return await work();
    } finally {
      this.#transfer = null;
    }
  }
}

async function prepared(session: Session, request: ExportRequest) {
  const { prepareExport } = await import('../engine/session/export.ts');
  const { shownStore, restingStore, now, views } = session;
  const { volume, name } = views.disk();
  return prepareExport({ shownStore, restingStore, now, label: volume?.label || name }, request);
}
