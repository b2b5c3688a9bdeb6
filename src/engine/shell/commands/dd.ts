import { FsError, strerror } from '../../base/errno.ts';
import type { Fill } from '../../formats/contract.ts';
import { ZERO_FILL } from '../../formats/contract.ts';
import * as C from '../../vfs/constants.ts';
import type { Running } from '../command.ts';
import type { DdOperands } from '../dd-operands.ts';
import { parseDd } from '../dd-operands.ts';
import { isRegular } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';

export const dd = program({
  name: 'dd',
  summary: 'copy blocks, convert them on the way',
  manual: `dd [operand ...]

  if=file of=file     from and to, instead of standard input and output
  bs=n ibs=n obs=n    block size: 512, 4k, 1m, 2x1024      count=n  so many input blocks
  skip=n  leave out blocks of the input     seek=n  leave out blocks of the output
  conv=notrunc,sync,noerror,fsync,sparse,swab,lcase,ucase,osync     iflag=fullblock     status=none|noxfer
  fillchar=c          what sync pads with

From /dev/zero and /dev/random into a file nothing is really copied: the bytes are computed when they are read.
Differs from macOS: no records (cbs, block, unblock), no ASCII and EBCDIC, no tapes; blocks of 128 MiB at most, of 1 GiB where nothing is copied.`,
  usage: 'usage: dd [operand ...]',
  usageExitCode: 1,
  letters: '',
  // Everything is an operand, even what begins with a dash.
  prepare: (args) => ['--', ...args],
  *main(call) {
    const operands = parseDd(call.operands);
    if ('problem' in operands) return yield* call.fail(operands.problem);
    if (operands.hasBothBlockSizes) {
      yield* call.warn('bs supersedes ibs and obs');
      call.exitCode = 0;
    }
    return yield* new Transfer(call, operands).run();
  },
});

const DEVICES = ['/dev/zero', '/dev/random', '/dev/urandom'];
/** Computed content per system call: enough to be free, little enough to stop at. */
const FILL_BYTES = 256 * 2 ** 20;
/** The largest block that is really held in memory. Computed content needs none. */
const HELD_BYTES_MAX = 128 * 2 ** 20;
const ROUNDS_PER_BREATH = 64;

class Transfer {
  readonly #call: Invocation;
  readonly #operands: DdOperands;
  #inputFd: number | null = null;
  #outputFd: number | null = null;
  #isOutputRegular = false;
  #wholeIn = 0;
  #partsIn = 0;
  #wholeOut = 0;
  #partsOut = 0;
  #oddSwabs = 0;
  #bytes = 0;
  /** Bytes read and not yet written, never more than an output block. */
  #pending = new Uint8Array(0);
  /** Zeros that conv=sparse has not written yet. */
  #holeBytes = 0;

  constructor(call: Invocation, operands: DdOperands) {
    this.#call = call;
    this.#operands = operands;
  }

  *run(): Running {
    const { system } = this.#call;
    try {
      const problem = yield* this.#open();
      if (problem) return 1;
      const start = system.now();
      let failure: { name: string; error: FsError } | null;
      try {
        failure = yield* this.#copy();
      } finally {
        this.#pending = new Uint8Array(0);
      }
      if (failure) yield* this.#call.complain(failure.name, failure.error);
      yield* this.#summary(start.seconds, start.nanoseconds);
      return this.#call.exitCode;
    } finally {
      if (this.#inputFd !== null) system.close(this.#inputFd);
      if (this.#outputFd !== null) system.close(this.#outputFd);
    }
  }

  get #inputName(): string {
    return this.#operands.input ?? 'stdin';
  }

  get #outputName(): string {
    return this.#operands.output ?? 'stdout';
  }

  *#open(): Running<boolean> {
    const { system } = this.#call;
    const { input, output, conversions, hasSeek, seekBlocks, skipBlocks } = this.#operands;
    const { inputBlockBytes, outputBlockBytes } = this.#operands;
    try {
      if (input !== null) this.#inputFd = system.open(input, C.O_RDONLY);
    } catch (error) {
      return yield* this.#refuse(this.#inputName, error);
    }
    try {
      if (output !== null) {
        const flags = C.O_CREAT | (hasSeek || conversions.has('notrunc') ? 0 : C.O_TRUNC);
        const opened = outcomeOf(() => system.open(output, C.O_RDWR | flags, 0o666));
        this.#outputFd = opened instanceof FsError ? system.open(output, C.O_WRONLY | flags, 0o666) : opened;
        this.#isOutputRegular = isRegular(system.fstat(this.#outputFd).mode);
      }
      if (skipBlocks > 0) yield* this.#skip(skipBlocks * inputBlockBytes);
      if (seekBlocks > 0 && this.#outputFd !== null) {
        system.lseek(this.#outputFd, seekBlocks * outputBlockBytes, C.SEEK_SET);
        if (this.#isOutputRegular && !conversions.has('notrunc')) {
          system.ftruncate(this.#outputFd, seekBlocks * outputBlockBytes);
        }
      }
      return false;
    } catch (error) {
      return yield* this.#refuse(this.#outputName, error);
    }
  }

  *#refuse(name: string, error: unknown): Running<boolean> {
    if (!(error instanceof FsError)) throw error;
    yield* this.#call.complain(name, error);
    return true;
  }

  *#skip(bytes: number): Running<void> {
    const { system, context } = this.#call;
    const fd = this.#inputFd ?? context.stdin.descriptor;
    if (fd !== undefined) {
      system.lseek(fd, bytes, C.SEEK_CUR);
      return;
    }
    for (let left = bytes; left > 0;) {
      const data = yield* context.stdin.read(Math.min(left, this.#operands.inputBlockBytes));
      if (data === null) return;
      left -= data.length;
    }
  }

  /** What stopped it, or null at the end of the input or of the count. */
  *#copy(): Running<{ name: string; error: FsError } | null> {
    const { count, inputBlockBytes, outputBlockBytes, conversions, isDirect } = this.#operands;
    if (count === 0) return null;
    const fill = this.#computed();
    try {
      if (fill) {
        yield* this.#fill(fill);
        return null;
      }
      if (Math.max(inputBlockBytes, outputBlockBytes) > HELD_BYTES_MAX) {
        yield* this.#call.warn('input buffer: Cannot allocate memory');
        return null;
      }
      const block = new Uint8Array(inputBlockBytes);
      for (let round = 1; count === null || this.#wholeIn + this.#partsIn < count; round++) {
        if (conversions.has('sync')) block.fill(this.#operands.fillByte);
        const read = yield* this.#readBlock(block);
        if (read instanceof FsError) {
          if (!conversions.has('noerror')) return { name: this.#inputName, error: read };
          yield* this.#passOver(read);
          if (!conversions.has('sync')) continue;
        } else if (read === 0) break;
        const length = conversions.has('sync') ? inputBlockBytes : (read as number);
        if (length === inputBlockBytes && (read === length || conversions.has('sync'))) this.#wholeIn++;
        else this.#partsIn++;
        const data = this.#converted(block.subarray(0, length));
        if (isDirect) yield* this.#writeBlock(data);
        else yield* this.#gather(data);
        if (round % ROUNDS_PER_BREATH === 0 || inputBlockBytes >= 2 ** 20) yield;
      }
      yield* this.#finish();
      return null;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      return { name: this.#outputName, error };
    }
  }

  *#readBlock(block: Uint8Array): Running<number | FsError> {
    const { system, context } = this.#call;
    const { fillsBlocks } = this.#operands;
    const fd = this.#inputFd;
    let length = 0;
    do {
      let got = 0;
      if (fd !== null) {
        const read = outcomeOf(() => system.read(fd, block.subarray(length)));
        if (read instanceof FsError) return read;
        got = read;
      } else {
        const data = yield* context.stdin.read(block.length - length);
        if (data) block.set(data, length);
        got = data?.length ?? 0;
      }
      if (got === 0) return length;
      length += got;
    } while (fillsBlocks && length < block.length);
    return length;
  }

  /** conv=noerror: say it, step over the block that cannot be read. */
  *#passOver(error: FsError): Running<void> {
    yield* this.#call.warn(`${this.#inputName}: ${strerror(error.code)}`);
    this.#call.exitCode = 0;
    if (this.#inputFd !== null) {
      this.#call.system.lseek(this.#inputFd, this.#operands.inputBlockBytes, C.SEEK_CUR);
    }
  }

  #converted(data: Uint8Array): Uint8Array {
    const { conversions } = this.#operands;
    if (conversions.has('swab')) {
      if (data.length % 2 === 1) this.#oddSwabs++;
      for (let at = 0; at + 1 < data.length; at += 2) {
        [data[at], data[at + 1]] = [data[at + 1] ?? 0, data[at] ?? 0];
      }
    }
    const [from, to] = conversions.has('lcase') ? [65, 97] : conversions.has('ucase') ? [97, 65] : [0, 0];
    if (from !== to) {
      for (let at = 0; at < data.length; at++) {
        const byte = data[at] ?? 0;
        if (byte >= from && byte < from + 26) data[at] = byte - from + to;
      }
    }
    return data;
  }

  /** Output blocks of their own size out of whatever comes in. */
  *#gather(data: Uint8Array): Running<void> {
    const { outputBlockBytes } = this.#operands;
    let rest = data;
    if (this.#pending.length > 0) {
      const joined = new Uint8Array(this.#pending.length + data.length);
      joined.set(this.#pending);
      joined.set(data, this.#pending.length);
      rest = joined;
    }
    while (rest.length >= outputBlockBytes) {
      yield* this.#writeBlock(rest.subarray(0, outputBlockBytes));
      rest = rest.subarray(outputBlockBytes);
    }
    this.#pending = rest.slice();
  }

  *#writeBlock(data: Uint8Array): Running<void> {
    const { system, context } = this.#call;
    const isWhole = data.length === this.#operands.outputBlockBytes;
    const count = (bytes: number) => {
      if (bytes === data.length && isWhole) this.#wholeOut++;
      else this.#partsOut++;
      this.#bytes += bytes;
    };
    if (this.#operands.conversions.has('sparse') && data.every((byte) => byte === 0)) {
      this.#holeBytes += data.length;
      count(data.length);
      return;
    }
    if (this.#outputFd === null) {
      yield* context.stdout.write(data.slice());
      count(data.length);
      return;
    }
    if (this.#holeBytes > 0) system.lseek(this.#outputFd, this.#holeBytes, C.SEEK_CUR);
    this.#holeBytes = 0;
    // A full volume takes a part of the block first, and that part counts.
    for (let at = 0; at < data.length;) {
      const written = system.write(this.#outputFd, data.subarray(at));
      count(written);
      at += written;
    }
  }

  *#finish(): Running<void> {
    const { system } = this.#call;
    const { conversions, outputBlockBytes } = this.#operands;
    if (this.#pending.length > 0) {
      let last = this.#pending;
      if (conversions.has('osync')) {
        last = new Uint8Array(outputBlockBytes).fill(this.#operands.fillByte);
        last.set(this.#pending);
      }
      yield* this.#writeBlock(last);
    }
    if (this.#outputFd === null) return;
    if (this.#holeBytes > 0) {
      const end = system.lseek(this.#outputFd, this.#holeBytes, C.SEEK_CUR);
      if (this.#isOutputRegular) system.ftruncate(this.#outputFd, end);
    }
    if (conversions.has('fsync')) system.fsync(this.#outputFd);
  }

  /** What to fill the output with when the input only computes; null when bytes must flow. */
  #computed(): Fill | null {
    const { input, conversions, isDirect, inputBlockBytes, outputBlockBytes } = this.#operands;
    if (input === null || !DEVICES.includes(input) || this.#outputFd === null || !this.#isOutputRegular)
      return null;
    const isPlain = isDirect || (inputBlockBytes === outputBlockBytes && conversions.size === 0);
    if (!isPlain || this.#inputFd === null) return null;
    if (input === '/dev/zero') return ZERO_FILL;
    const seed = new Uint8Array(4);
    this.#call.system.read(this.#inputFd, seed);
    return { generator: 'random', seed: new DataView(seed.buffer).getUint32(0), offsetBytes: 0 };
  }

  /**
   * Large pieces of computed content. A piece that would cross the largest file size is refused whole, where dd block
   * by block would have got further: smaller pieces find the last block that fits.
   */
  *#fill(fill: Fill): Running<void> {
    const { system } = this.#call;
    const { inputBlockBytes: blockBytes, count } = this.#operands;
    const fd = this.#outputFd;
    if (fd === null) return;
    let pieceBlocks = Math.max(1, Math.floor(FILL_BYTES / blockBytes));
    let written = 0;
    while (count === null || this.#wholeIn < count) {
      const blocks = count === null ? pieceBlocks : Math.min(pieceBlocks, count - this.#wholeIn);
      const part = fill.generator === 'zero' ? fill : { ...fill, offsetBytes: fill.offsetBytes + written };
      const done = outcomeOf(() => system.fill(fd, blocks * blockBytes, part));
      if (done instanceof FsError && blocks > 1 && done.code === 'EFBIG') {
        pieceBlocks = Math.floor(blocks / 2);
        continue;
      }
      if (done instanceof FsError) {
        this.#wholeIn++;
        throw done;
      }
      written += done;
      this.#bytes += done;
      this.#wholeOut += Math.floor(done / blockBytes);
      this.#wholeIn += Math.floor(done / blockBytes);
      if (done % blockBytes > 0) {
        // The volume is full: dd goes on with the rest of the block and is told so.
        this.#partsOut++;
        this.#wholeIn++;
        this.#bytes += system.fill(fd, blockBytes - (done % blockBytes), fill);
      }
      yield;
    }
    if (this.#operands.conversions.has('fsync')) system.fsync(fd);
  }

  *#summary(startSeconds: number, startNanoseconds: number): Running<void> {
    const { status } = this.#operands;
    if (status === 'none') return;
    const now = this.#call.system.now();
    const elapsed = now.seconds - startSeconds + (now.nanoseconds - startNanoseconds) / 1e9;
    const seconds = Math.max(elapsed, 1e-6);
    let text = `${this.#wholeIn}+${this.#partsIn} records in\n${this.#wholeOut}+${this.#partsOut} records out\n`;
    if (this.#oddSwabs > 0) {
      text += `${this.#oddSwabs} odd length swab ${this.#oddSwabs === 1 ? 'record' : 'records'}\n`;
    }
    if (status === 'all') {
      const rate = Math.round(this.#bytes / seconds);
      text += `${this.#bytes} bytes transferred in ${seconds.toFixed(6)} secs (${rate} bytes/sec)\n`;
    }
    yield* this.#call.say(text);
  }
}
