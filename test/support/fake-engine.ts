import type {
  BlockAnnotation,
  Delta,
  EngineApi,
  FileView,
  Moment,
  NewDiskRequest,
  OutputPiece,
  Region,
  Role,
  StepView,
  StructureNode,
  TraceRow,
} from '../../src/rpc/protocol.ts';
import { ROLES } from '../../src/rpc/protocol.ts';

/**
 * A stand-in for the worker: a made-up FAT32 disk of 64 MiB with the right shapes and rhythms, to look at panes
 * without an engine. It computes nothing real and is never shipped.
 */

interface FakeFile {
  type: string;
  size: number;
  clusters: number[];
}
interface Write {
  first: number;
  count: number;
  role: Role;
  owner: string;
  reason: string;
}
interface Step {
  view: StepView;
  files: Map<string, FakeFile>;
  cwd: string;
  writes: Write[];
}

const BLOCK = 512;
const PER_CLUSTER = 8;
const FAT1 = 32;
const FAT2 = 160;
const DATA = 288;
const MOUNT = '/Volumes/SAMPLE';

const blockOf = (cluster: number) => DATA + (cluster - 2) * PER_CLUSTER;

function runsOf(clusters: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const cluster of clusters) {
    const last = runs.at(-1);
    if (last && last[0] + last[1] === blockOf(cluster)) last[1] += PER_CLUSTER;
    else runs.push([blockOf(cluster), PER_CLUSTER]);
  }
  return runs;
}

export class FakeEngine implements EngineApi {
  #blocks = 131_072;
  #label = 'SAMPLE';
  #steps: Step[] = [];
  #now: Moment = { step: 0 };
  #files = new Map<string, FakeFile>();
  #zero = { files: new Map<string, FakeFile>(), cwd: MOUNT };
  #cwd = MOUNT;
  #writes: Write[] = [];
  #isInterrupted = false;

  async createDisk(request: NewDiskRequest): Promise<Delta> {
    if (request.label === 'FAIL') throw new Error('newfs: the label FAIL is refused, to see how that looks');
    this.#blocks = Math.floor(request.sizeBytes / BLOCK);
    this.#label = request.label || 'NO NAME';
    this.#files = new Map([['/', { type: 'directory', size: 0, clusters: [2] }]]);
    this.#cwd = MOUNT;
    for (const line of request.startLines) this.#command(line, () => {});
    this.#zero = { files: structuredClone(this.#files), cwd: this.#cwd };
    this.#steps = [];
    this.#now = { step: 0 };
    return this.#delta();
  }
  async openImage(file: File): Promise<Delta> {
    if (file.size < 4096)
      throw new Error(`${file.name} is ${file.size} bytes: too small to hold a file system.`);
    return this.createDisk({ sizeBytes: file.size, label: file.name, startLines: [] } as never);
  }
  async exportImage(): Promise<Blob> {
    return new Blob([new Uint8Array(BLOCK * 16)]);
  }

  async run(line: string, onOutput: (piece: OutputPiece) => void) {
    if (/^\s*(for|while)\b/.test(line) && !/\bdone\b/.test(line))
      return { isComplete: false, step: null, delta: this.#delta(), unread: '' };
    this.#isInterrupted = false;
    const before = structuredClone(this.#files);
    this.#writes = [];
    let exit = 0;
    let error: StepView['error'] = null;
    if (/^sleep/.test(line)) {
      for (let nth = 0; nth < 300 && !this.#isInterrupted; nth++)
        await new Promise((done) => setTimeout(done, 10));
      exit = this.#isInterrupted ? 130 : 0;
    } else {
      error = this.#command(line, onOutput);
      exit = error ? 1 : 0;
    }
    const step = this.#close(line, exit, error, before);
    return { isComplete: true, step, delta: this.#delta(), unread: '' };
  }
  async interrupt() {
    this.#isInterrupted = true;
  }
  async type() {
    return true;
  }
  async resize() {}
  async complete(text: string) {
    const word = /\S*$/.exec(text)?.[0] ?? '';
    const names = [...this.#files.keys()].map((path) => path.slice(1)).filter((name) => !name.includes('/'));
    return {
      words: names.filter((name) => name !== '' && name.startsWith(word)),
      replaceLength: word.length,
    };
  }

  #close(line: string, exitCode: number, error: StepView['error'], before: Map<string, FakeFile>): StepView {
    const bytesByRole: Partial<Record<Role, number>> = {};
    let blocks = 0;
    for (const write of this.#writes) {
      blocks += write.count;
      bytesByRole[write.role] = (bytesByRole[write.role] ?? 0) + write.count * BLOCK;
    }
    const used = (files: Map<string, FakeFile>) =>
      [...files.values()].reduce((sum, { clusters }) => sum + clusters.length * PER_CLUSTER * BLOCK, 0);
    const isBranch = this.#steps.some(({ view }) => view.parent === this.#now.step);
    const parent = this.#steps[this.#now.step - 1]?.view;
    const view: StepView = {
      ...{ step: this.#steps.length + 1, parent: this.#now.step, line, exitCode, error },
      branch: isBranch ? `branch ${this.#steps.length + 1}` : (parent?.branch ?? 'main'),
      costs: {
        ...{ writes: this.#writes.length, blocks, bytes: blocks * BLOCK, bytesByRole, trims: 0 },
        ...{ barriers: this.#writes.length > 0 ? 3 : 0, simulatedNanoseconds: blocks * 1900 },
      },
      writeCount: this.#writes.length,
      freeBytesChange: used(before) - used(this.#files),
      startedAt: { seconds: 0, nanoseconds: 0 },
      written: new Float64Array(this.#writes.flatMap(({ first, count }) => [first, count])),
    };
    const step = { view, files: structuredClone(this.#files), cwd: this.#cwd, writes: this.#writes };
    this.#steps.push(step);
    this.#now = { step: view.step };
    return view;
  }

  #write(first: number, count: number, role: Role, owner: string, reason: string) {
    this.#writes.push({ first, count, role, owner, reason });
  }

  #free(): number[] {
    const taken = new Set([...this.#files.values()].flatMap(({ clusters }) => clusters));
    const total = Math.floor((this.#blocks - DATA) / PER_CLUSTER);
    return Array.from({ length: total }, (_, index) => index + 2).filter((cluster) => !taken.has(cluster));
  }

  #put(path: string, size: number, type = 'file') {
    const clusters = this.#free().slice(0, Math.max(1, Math.ceil(size / (BLOCK * PER_CLUSTER))));
    this.#files.set(path, { type, size, clusters });
    const [first] = clusters;
    if (first === undefined) return;
    this.#write(FAT1 + Math.floor(first / 128), 2, 'allocation', 'FAT 1', `link clusters of ${path}`);
    this.#write(FAT2 + Math.floor(first / 128), 2, 'allocation', 'FAT 2', 'mirror the first FAT');
    for (const [start, count] of runsOf(clusters)) this.#write(start, count, 'data', path, 'contents');
    this.#write(DATA, 1, 'directory', '/', `entry of ${path}`);
    this.#write(1, 1, 'header', 'FSInfo', 'count of free clusters');
  }

  #command(line: string, out: (piece: OutputPiece) => void): StepView['error'] {
    const say = (text: string) => out({ stream: 'stdout', text: `${text}\n` });
    const [name = '', ...args] = line.trim().split(/\s+/);
    const at = (path = '') => (path.startsWith('/') ? path : `/${path}`);
    const source = this.#files.get(at(args[0]));
    const missing = (path = '') => {
      out({ stream: 'stderr', text: `${name}: ${path}: No such file or directory\n` });
      return { code: 'ENOENT', text: 'No such file or directory' } as const;
    };
    if (name === 'mkfile') {
      const size = parseInt(args[0] ?? '1', 10) * (args[0]?.endsWith('m') ? 2 ** 20 : 1024);
      this.#put(at(args[1]), size);
    } else if (name === 'mkdir') this.#put(at(args[0]), 0, 'directory');
    else if (name === 'cp') {
      if (!source) return missing(args[0]);
      this.#put(at(args[1]), source.size);
    } else if (name === 'rm') {
      if (!source) return missing(args[0]);
      this.#files.delete(at(args[0]));
      this.#write(FAT1, 1, 'allocation', 'FAT 1', 'free the chain');
      this.#write(DATA, 1, 'directory', '/', 'mark the entry as free');
    } else if (name === 'ls') for (const path of this.#files.keys()) if (path !== '/') say(path.slice(1));
    if (name === 'echo') say(args.join(' '));
    if (name === 'yes') for (let nth = 0; nth < 40; nth++) say('y'.repeat(60_000));
    if (name === 'many')
      for (let nth = 0; nth < 20_000; nth++)
        this.#files.set(`/f${nth}`, { type: 'file', size: 0, clusters: [] });
    return null;
  }

  #delta(): Delta {
    const path = [];
    let tip = this.#now.step;
    for (let next = tip; next !== 0;) {
      tip = next;
      next = this.#steps.findLast(({ view }) => view.parent === tip)?.view.step ?? 0;
    }
    for (let step = tip; step !== 0; step = this.#steps[step - 1]?.view.parent ?? 0) path.unshift(step);
    const freeBytes = this.#free().length * PER_CLUSTER * BLOCK;
    return {
      disk: {
        ...{ device: 'disk1', name: this.#label, sizeBytes: this.#blocks * BLOCK, blockSizeBytes: BLOCK },
        ...{ blockCount: this.#blocks, scheme: 'none', problem: null },
        volume: {
          ...{ device: 'disk1', formatName: 'fat32', title: 'MS-DOS (FAT32)', label: this.#label },
          ...{ mountPoint: MOUNT, isReadOnly: false, firstBlock: 0, totalBytes: this.#blocks * BLOCK },
          ...{ freeBytes, allocationBlockSizeBytes: BLOCK * PER_CLUSTER, warnings: [] },
        },
      },
      timeline: {
        ...{ steps: this.#steps.map(({ view }) => view), now: this.#now, path },
        ...{ canUndo: this.#now.step > 0, canRedo: path.at(-1) !== this.#now.step && path.length > 0 },
      },
      cwd: this.#cwd,
    };
  }
  async seek(moment: Moment): Promise<Delta> {
    const state = this.#steps[moment.step - 1] ?? this.#zero;
    this.#files = structuredClone(state.files);
    this.#cwd = state.cwd;
    this.#now = moment;
    return this.#delta();
  }
  undo = () => this.seek({ step: this.#steps[this.#now.step - 1]?.view.parent ?? 0 });
  redo = () => {
    const { path } = this.#delta().timeline;
    return this.seek({ step: path[path.indexOf(this.#now.step) + 1] ?? this.#now.step });
  };

  #regions(): Region[] {
    const region = (firstBlock: number, blockCount: number, role: Role, owner: string): Region => ({
      ...{ firstBlock, blockCount, role, owner },
    });
    const files = [...this.#files].flatMap(([path, file]) =>
      runsOf(file.clusters).map(([first, count]) =>
        region(first, count, file.type === 'directory' ? 'directory' : 'data', path),
      ),
    );
    const all = [
      region(0, 2, 'header', 'Boot sector'),
      region(2, 30, 'reserved', 'Reserved'),
      region(FAT1, 128, 'allocation', 'FAT 1'),
      region(FAT2, 128, 'allocation', 'FAT 2'),
      ...files.sort((a, b) => a.firstBlock - b.firstBlock),
    ];
    const whole: Region[] = [];
    let next = 0;
    for (const one of [...all, region(this.#blocks, 0, 'free', '')]) {
      if (one.firstBlock > next) whole.push(region(next, one.firstBlock - next, 'free', ''));
      if (one.blockCount > 0) whole.push(one);
      next = one.firstBlock + one.blockCount;
    }
    return whole;
  }
  async regions({ offset, countMax }: { offset: number; countMax: number }) {
    const regions = this.#regions();
    return { regions: regions.slice(offset, offset + countMax), total: regions.length };
  }
  async map(request: { firstBlock: number; blockCount: number; cellsMax: number }) {
    const { firstBlock, blockCount, cellsMax } = request;
    const blocksPerCell = Math.ceil(blockCount / cellsMax);
    const cells = Math.ceil(blockCount / blocksPerCell);
    const owners = [''];
    const view = {
      ...{ firstBlock, blockCount, blocksPerCell, owners, roles: new Uint8Array(cells) },
      ...{ fill: new Uint8Array(cells), written: new Uint8Array(cells), owner: new Uint32Array(cells) },
    };
    for (const region of this.#regions()) {
      if (region.role === 'free') continue;
      owners.push(region.owner);
      const from = Math.max(0, Math.floor((region.firstBlock - firstBlock) / blocksPerCell));
      const to = Math.floor((region.firstBlock + region.blockCount - 1 - firstBlock) / blocksPerCell);
      for (let cell = from; cell <= Math.min(cells - 1, to); cell++) {
        view.roles[cell] = ROLES.indexOf(region.role);
        view.fill[cell] = 255;
        view.owner[cell] = owners.length - 1;
      }
    }
    for (const { first, count } of this.#steps[this.#now.step - 1]?.writes ?? []) {
      const from = Math.max(0, Math.floor((first - firstBlock) / blocksPerCell));
      const to = Math.min(cells - 1, Math.floor((first + count - 1 - firstBlock) / blocksPerCell));
      for (let cell = from; cell <= to; cell++) view.written[cell] = 1;
    }
    return view;
  }
  #fileView(path: string): FileView {
    const file = this.#files.get(path);
    if (!file) throw new Error(`stat ${path}: No such file or directory`);
    return {
      ...{ path, name: path.split('/').at(-1) ?? '', type: file.type, sizeBytes: file.size },
      ...{
        allocatedBytes: file.clusters.length * 4096,
        extentCount: runsOf(file.clusters).length,
        mode: '-rwxrwxrwx',
      },
      ...{ flags: '', linkCount: 1, modified: '2026-11-23 12:00:00', target: null },
    };
  }
  async directory(path: string, page: { offset: number; countMax: number }) {
    const inside = [...this.#files.keys()].filter(
      (name) =>
        name !== '/' && name.slice(0, Math.max(1, name.lastIndexOf('/'))) === (path === '' ? '/' : path),
    );
    const files = inside.slice(page.offset, page.offset + page.countMax).map((name) => this.#fileView(name));
    return { path, files, total: inside.length };
  }
  async file(path: string) {
    const runs = runsOf(this.#files.get(path)?.clusters ?? []);
    let fileOffsetBytes = 0;
    const extents = runs.map(([first, count]) => {
      const lengthBytes = count * BLOCK;
      fileOffsetBytes += lengthBytes;
      return {
        fileOffsetBytes: fileOffsetBytes - lengthBytes,
        deviceOffsetBytes: first * BLOCK,
        lengthBytes,
      };
    });
    return {
      ...{ file: this.#fileView(path), extents, attributes: [['com.apple.FinderInfo', '32 bytes']] as const },
      forkAllocatedBytes: 0,
      extentFirstBlocks: new Float64Array(runs.map(([first]) => first)),
    };
  }
  async structures(parent: string | null, page: { offset: number; countMax: number }) {
    const node = (id: string, title: string, text: string, block: number, length: number): StructureNode => ({
      ...{ id, title, text, hasChildren: parent === null, deviceOffsetBytes: block * BLOCK },
      lengthBytes: length * BLOCK,
    });
    const nodes =
      parent === null
        ? [
            node('boot', 'Boot sector', '8 sectors per cluster', 0, 1),
            node('fat1', 'FAT 1', '16,348 entries', FAT1, 128),
            node('root', 'Root directory', `${this.#files.size - 1} files`, DATA, 8),
          ]
        : Array.from({ length: 300 }, (_, nth) =>
            node(`${parent}:${nth}`, `entry ${nth}`, `→ ${nth + 1}`, FAT1, 1),
          );
    return { nodes: nodes.slice(page.offset, page.offset + page.countMax), total: nodes.length };
  }
  async block(block: number) {
    const region = this.#regions().find(
      ({ firstBlock, blockCount }) => block >= firstBlock && block < firstBlock + blockCount,
    );
    if (!region) throw new Error(`read ${block}: the disk ends at block ${this.#blocks - 1}`);
    const bytes = new Uint8Array(BLOCK).map((_, at) =>
      region.role === 'free' ? 0 : ((at * 37 + block) * 7) & 255,
    );
    const isWritten = (this.#steps[this.#now.step - 1]?.writes ?? []).some(
      ({ first, count }) => block >= first && block < first + count,
    );
    const fields =
      region.role === 'data' || region.role === 'free'
        ? [
            {
              ...{ offsetBytes: 0, lengthBytes: BLOCK, name: 'data', text: `bytes of ${region.owner}` },
              doc: '',
              section: '',
            },
          ]
        : Array.from({ length: 32 }, (_, nth) => ({
            ...{
              offsetBytes: nth * 16,
              lengthBytes: 16,
              name: `Field.number${nth}`,
              text: `${nth} clusters`,
            },
            ...{ doc: 'what this field is for', section: 'FATGEN 1.03, "Boot Sector"' },
          }));
    const annotation: BlockAnnotation = {
      ...{ role: region.role, owner: region.owner, fields },
      title: region.owner || 'Free space',
    };
    return {
      ...{ block, bytes, annotation },
      before: isWritten ? bytes.map((byte, at) => (at < 40 ? byte ^ 1 : byte)) : null,
    };
  }
  async trace(step: number, page: { offset: number; countMax: number }) {
    const found = this.#steps[step - 1];
    const row = (kind: TraceRow['kind'], depth: number, sentence: string): TraceRow => ({
      ...{ kind, depth, sentence, result: '', firstBlock: -1, blockCount: 0, role: null, write: -1 },
    });
    const rows: TraceRow[] = found ? [{ ...row('command', 0, found.view.line), result: 'exit 0' }] : [];
    found?.writes.forEach((write, index) => {
      if (index % 3 === 0) rows.push(row('call', 1, `open("${write.owner}", O_WRONLY)`));
      if (index % 3 === 0) rows.push(row('operation', 2, `Append clusters to ${write.owner}`));
      rows.push({
        ...row('write', 3, write.reason),
        ...{ firstBlock: write.first, blockCount: write.count, role: write.role, write: index },
      });
      if (index % 3 === 2) rows.push(row('barrier', 3, 'chain before the entry that names it'));
    });
    return { rows: rows.slice(page.offset, page.offset + page.countMax), total: rows.length };
  }
  async why(subject: number | string) {
    return {
      title: `Why ${subject} is in use`,
      sentences: ['The entry in / names its first cluster.', 'Deleting it would free 2,048 blocks.'],
    };
  }
  async stops(step: number) {
    const accessCount = this.#steps[step - 1]?.writes.length ?? 0;
    const each = Int32Array.from({ length: accessCount }, (_, i) => i);
    return { step, accessCount, calls: each, structures: each, barriers: new Int32Array() };
  }
  async filesBetween() {
    return { rows: [], total: 0, added: 0, removed: 0, changed: 0, problems: [] };
  }
  async structuresBetween() {
    return { rows: [], total: 0 };
  }
  async blocksBetween() {
    return { ranges: new Float64Array(), total: 0, blockCount: 0, isExact: true };
  }
  async blockBetween(_: unknown, block: number) {
    const [before, after] = [new Uint8Array(BLOCK), new Uint8Array(BLOCK)];
    return { block, before, after, titleBefore: '', titleAfter: '', fields: [] };
  }
  async check() {
    return {
      ...{ isReadable: true, isClean: true, findings: [] },
      lines: ['** /dev/rdisk1', '** Phase 1 - Preparing FAT', '5 files, 60 MiB free'],
    };
  }
  async imageHash() {
    return '0'.repeat(64);
  }
}
