import type { Clock } from '../base/clock.ts';
import { ROLES, roleIndex } from '../base/role.ts';
import type { Role } from '../base/role.ts';
import type { Device, Fill, WriteLabel } from '../device/device.ts';
import { headAfter, PARKED, wholePriceOf } from '../device/profile.ts';
import type { Access, Head, Profile } from '../device/profile.ts';
import type { Costs } from './view.ts';

/**
 * Counts what a disk is asked to write and lets the simulated clock go on by what it takes. Reads are free: how many
 * there are depends on what happens to be in memory, and the same lines must give the same times after an undo, when
 * everything is read anew.
 */
export class MeteredDevice implements Device {
  readonly #device: Device;
  readonly #profile: Profile;
  readonly #clock: Clock;
  #head: Head = PARKED;
  #writes = 0;
  #blocks = 0;
  #barriers = 0;
  #trims = 0;
  #nanoseconds = 0;
  #bytesByRole = new Float64Array(ROLES.length);

  constructor(device: Device, profile: Profile, clock: Clock) {
    this.#device = device;
    this.#profile = profile;
    this.#clock = clock;
  }

  get blockSizeBytes(): number {
    return this.#device.blockSizeBytes;
  }

  get blockCount(): number {
    return this.#device.blockCount;
  }

  get isReadOnly(): boolean {
    return this.#device.isReadOnly;
  }

  read(firstBlock: number, into: Uint8Array): void {
    this.#device.read(firstBlock, into);
  }

  nextStored(firstBlock: number): number {
    return this.#device.nextStored(firstBlock);
  }

  write(firstBlock: number, data: Uint8Array, label: WriteLabel): void {
    this.#device.write(firstBlock, data, label);
    this.#wrote(firstBlock, data.length / this.blockSizeBytes, label.role);
  }

  fill(firstBlock: number, blockCount: number, fill: Fill, label: WriteLabel): void {
    this.#device.fill(firstBlock, blockCount, fill, label);
    this.#wrote(firstBlock, blockCount, label.role);
  }

  trim(firstBlock: number, blockCount: number): void {
    this.#device.trim(firstBlock, blockCount);
    this.#trims++;
    this.#spend('trim', firstBlock, blockCount);
  }

  barrier(reason: string): void {
    this.#device.barrier(reason);
    this.#barriers++;
    this.#spend('barrier', 0, 0);
  }

  #wrote(firstBlock: number, blockCount: number, role: Role): void {
    const index = roleIndex(role);
    this.#writes++;
    this.#blocks += blockCount;
    this.#bytesByRole[index] = (this.#bytesByRole[index] ?? 0) + blockCount * this.blockSizeBytes;
    this.#spend('write', firstBlock, blockCount);
  }

  #spend(kind: Access['kind'], firstBlock: number, blockCount: number): void {
    const access: Access = {
      kind,
      offsetBytes: firstBlock * this.blockSizeBytes,
      lengthBytes: blockCount * this.blockSizeBytes,
    };
    const nanoseconds = wholePriceOf(this.#profile, access, this.#head);
    this.#head = headAfter(access, this.#head);
    this.#nanoseconds += nanoseconds;
    this.#clock.advance(nanoseconds);
  }

  /** Where the disk's arm stands: part of the machine's state, for the next write takes its time from there. */
  get head(): Head {
    return this.#head;
  }

  set head(head: Head) {
    this.#head = head;
  }

  /** The costs since the last call. */
  take(): Costs {
    const bytesByRole: Partial<Record<Role, number>> = {};
    this.#bytesByRole.forEach((bytes, index) => {
      const role = ROLES[index];
      if (role !== undefined && bytes > 0) bytesByRole[role] = bytes;
    });
    const costs: Costs = {
      writes: this.#writes,
      blocks: this.#blocks,
      bytes: this.#blocks * this.blockSizeBytes,
      bytesByRole,
      barriers: this.#barriers,
      trims: this.#trims,
      simulatedNanoseconds: this.#nanoseconds,
    };
    this.#writes = this.#blocks = this.#barriers = this.#trims = this.#nanoseconds = 0;
    this.#bytesByRole = new Float64Array(ROLES.length);
    return costs;
  }
}
