import { CLUSTER_SIZE_BYTES, type FileSystem, type System } from './systems.ts';

/**
 * File systems of others, pinned in package.json and measured in the same process. Loaded by name at run time, so that
 * nothing else needs them installed; only what is used of each is declared here.
 */
export async function loadPeers(): Promise<{ peers: System[]; missing: string[] }> {
  const peers: System[] = [];
  const missing: string[] = [];
  for (const [name, make] of [
    ['memfs', memfs],
    ['js-fatfs', jsFatFs],
    ['fatfs-wasm', fatFsWasm],
  ] as const) {
    try {
      peers.push(make(await import(/* @vite-ignore */ name)));
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { peers, missing };
}

// ── memfs: no format, files as objects ──────────────────────────────────────────────────────────────────────────────

interface MemfsVolume {
  mkdirSync(path: string): void;
  writeFileSync(path: string, data: Uint8Array): void;
  openSync(path: string, flags: string): number;
  writeSync(fd: number, data: Uint8Array, offset: number, length: number, position: number): number;
  closeSync(fd: number): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  readdirSync(path: string): unknown[];
  statSync(path: string): { size: number };
}

const memfs = ({ Volume }: { Volume: new () => MemfsVolume }): System => ({
  name: 'memfs',
  kind: 'memory',
  fresh(): FileSystem {
    const volume = new Volume();
    return {
      makeDirectory: (path) => volume.mkdirSync(path),
      create: (path, data) => volume.writeFileSync(path, data),
      open(path) {
        const fd = volume.openSync(path, 'w+');
        return {
          write: (data, offsetBytes) => void volume.writeSync(fd, data, 0, data.length, offsetBytes),
          close: () => volume.closeSync(fd),
        };
      },
      rename: (from, to) => volume.renameSync(from, to),
      remove: (path) => volume.unlinkSync(path),
      list: (path) => volume.readdirSync(path).length,
      stat: (path) => volume.statSync(path).size,
    };
  },
});

// ── js-fatfs: ChaN's FatFs in WebAssembly over callbacks ────────────────────────────────────────────────────────────

interface FatFs {
  HEAPU8: Uint8Array;
  malloc(size: number): number;
  setValue(pointer: number, value: number, type: string): void;
  FILINFO_fname(info: number): string;
  FILINFO_fsize(info: number): number;
  f_mkfs(path: string, options: object, work: number, length: number): number;
  f_mount(fs: number, path: string, option: number): number;
  f_mkdir(path: string): number;
  f_open(file: number, path: string, mode: number): number;
  f_write(file: number, buffer: number, length: number, written: number): number;
  f_lseek(file: number, offset: number): number;
  f_close(file: number): number;
  f_rename(from: string, to: string): number;
  f_unlink(path: string): number;
  f_opendir(directory: number, path: string): number;
  f_readdir(directory: number, info: number): number;
  f_closedir(directory: number): number;
  f_stat(path: string, info: number): number;
}

type JsFatFs = Record<
  | `sizeof_${'FATFS' | 'FIL' | 'DIR' | 'FILINFO'}`
  | `FA_${'WRITE' | 'CREATE_ALWAYS'}`
  | `FM_${'FAT32' | 'SFD'}`
  | 'CTRL_SYNC'
  | `GET_${'SECTOR_COUNT' | 'SECTOR_SIZE' | 'BLOCK_SIZE'}`,
  number
> & { create(options: { diskio: object }): Promise<FatFs> };

const SECTOR_BYTES = 512;
const TRANSFER_BYTES = 2 ** 20;

/** The disk of js-fatfs: one array, as its own example has it. */
function arrayDisk(module: JsFatFs, sizeBytes: number): object {
  const image = new Uint8Array(sizeBytes);
  return {
    initialize: () => 0,
    status: () => 0,
    read(fatFs: FatFs, _drive: number, buffer: number, sector: number, count: number) {
      fatFs.HEAPU8.set(image.subarray(sector * SECTOR_BYTES, (sector + count) * SECTOR_BYTES), buffer);
      return 0;
    },
    write(fatFs: FatFs, _drive: number, buffer: number, sector: number, count: number) {
      image.set(fatFs.HEAPU8.subarray(buffer, buffer + count * SECTOR_BYTES), sector * SECTOR_BYTES);
      return 0;
    },
    ioctl(fatFs: FatFs, _drive: number, command: number, buffer: number) {
      if (command === module.CTRL_SYNC) return 0;
      if (command === module.GET_SECTOR_COUNT) fatFs.setValue(buffer, sizeBytes / SECTOR_BYTES, 'i32');
      else if (command === module.GET_SECTOR_SIZE) fatFs.setValue(buffer, SECTOR_BYTES, 'i16');
      else if (command === module.GET_BLOCK_SIZE) fatFs.setValue(buffer, 1, 'i32');
      else return 1;
      return 0;
    },
  };
}

function must(result: number): void {
  if (result !== 0) throw new Error(`FatFs answered ${result}`);
}

const jsFatFs = (module: JsFatFs): System => ({
  name: 'js-fatfs',
  kind: 'fat',
  async fresh(sizeBytes) {
    const fatFs = await module.create({ diskio: arrayDisk(module, sizeBytes) });
    const buffer = fatFs.malloc(TRANSFER_BYTES);
    const format = { fmt: module.FM_FAT32 | module.FM_SFD, n_fat: 2, align: 0, n_root: 0 };
    must(fatFs.f_mkfs('', { ...format, au_size: CLUSTER_SIZE_BYTES }, buffer, TRANSFER_BYTES));
    must(fatFs.f_mount(fatFs.malloc(module.sizeof_FATFS), '', 1));
    const file = fatFs.malloc(module.sizeof_FIL);
    const directory = fatFs.malloc(module.sizeof_DIR);
    const info = fatFs.malloc(module.sizeof_FILINFO);
    const written = fatFs.malloc(4);
    const openNew = (path: string) =>
      must(fatFs.f_open(file, path, module.FA_WRITE | module.FA_CREATE_ALWAYS));
    const write = (data: Uint8Array) => {
      fatFs.HEAPU8.set(data, buffer);
      must(fatFs.f_write(file, buffer, data.length, written));
    };
    return {
      makeDirectory: (path) => must(fatFs.f_mkdir(path)),
      create(path, data) {
        openNew(path);
        write(data);
        must(fatFs.f_close(file));
      },
      open(path) {
        openNew(path);
        let position = 0;
        return {
          write(data, offsetBytes) {
            if (position !== offsetBytes) must(fatFs.f_lseek(file, offsetBytes));
            write(data);
            position = offsetBytes + data.length;
          },
          close: () => must(fatFs.f_close(file)),
        };
      },
      rename: (from, to) => must(fatFs.f_rename(from, to)),
      remove: (path) => must(fatFs.f_unlink(path)),
      list(path) {
        must(fatFs.f_opendir(directory, path));
        let count = 0;
        for (;;) {
          must(fatFs.f_readdir(directory, info));
          if (fatFs.FILINFO_fname(info) === '') break;
          count++;
        }
        must(fatFs.f_closedir(directory));
        return count;
      },
      stat(path) {
        must(fatFs.f_stat(path, info));
        return fatFs.FILINFO_fsize(info);
      },
    };
  },
});

// ── fatfs-wasm: the same C code over an array inside WebAssembly ────────────────────────────────────────────────────

interface FatFsWasmFile {
  write(data: Uint8Array): number;
  lseek(offset: number): void;
  close(): void;
}

interface FatFsWasmDisk {
  mkfs(options: { fmt: number; auSize: number; nFat: number }): void;
  mount(): void;
  mkdir(path: string): void;
  open(path: string, mode: number): FatFsWasmFile;
  writeFile(path: string, data: Uint8Array): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  openDir(path: string): Iterable<unknown> & { close(): void };
  stat(path: string): { size: number };
}

interface FatFsWasm {
  FatFsDisk: { create(image: Uint8Array): Promise<FatFsWasmDisk> };
  FatFsFormat: { FAT32: number; SFD: number };
  FatFsMode: { WRITE: number; CREATE_ALWAYS: number };
}

const fatFsWasm = ({ FatFsDisk, FatFsFormat, FatFsMode }: FatFsWasm): System => ({
  name: 'fatfs-wasm',
  kind: 'fat',
  async fresh(sizeBytes) {
    const disk = await FatFsDisk.create(new Uint8Array(sizeBytes));
    disk.mkfs({ fmt: FatFsFormat.FAT32 | FatFsFormat.SFD, auSize: CLUSTER_SIZE_BYTES, nFat: 2 });
    disk.mount();
    return {
      makeDirectory: (path) => disk.mkdir(path),
      create: (path, data) => disk.writeFile(path, data),
      open(path) {
        const file = disk.open(path, FatFsMode.WRITE | FatFsMode.CREATE_ALWAYS);
        let position = 0;
        return {
          write(data, offsetBytes) {
            if (position !== offsetBytes) file.lseek(offsetBytes);
            file.write(data);
            position = offsetBytes + data.length;
          },
          close: () => file.close(),
        };
      },
      rename: (from, to) => disk.rename(from, to),
      remove: (path) => disk.unlink(path),
      list(path) {
        const directory = disk.openDir(path);
        let count = 0;
        for (const entry of directory) if (entry) count++;
        directory.close();
        return count;
      },
      stat: (path) => disk.stat(path).size,
    };
  },
});
