/**
 * Where faults and warnings are gathered while configuration is read.
 *
 * Reading goes on after a fault, so that one run names every mistake. Nothing here throws; the order of the result is the
 * order of the text, file by file.
 */
import type { Fault, Place } from '../kernel/fault.js';
import { printable } from '../kernel/text.js';

const LONGEST = 1_000;

export interface Remark {
  readonly code: string;
  readonly what: string;
  readonly allowed?: string | undefined;
  readonly hint?: string | undefined;
}

export class Findings {
  readonly #faults: Fault[] = [];
  readonly #warnings: Fault[] = [];
  readonly #seen = new Set<string>();
  readonly #files: string[];

  /** Files in the order their faults are to be told; others follow as they are met. */
  constructor(...files: string[]) {
    this.#files = files;
  }

  fault(place: Place, remark: Remark): void {
    this.#add(this.#faults, place, remark, 'fault');
  }

  warn(place: Place, remark: Remark): void {
    this.#add(this.#warnings, place, remark, 'warning');
  }

  /** True when no fault was found since `mark` (a value of `count` taken earlier). */
  cleanSince(mark: number): boolean {
    return this.#faults.length === mark;
  }

  get count(): number {
    return this.#faults.length;
  }

  get faults(): Fault[] {
    return this.#inOrder(this.#faults);
  }

  get warnings(): Fault[] {
    return this.#inOrder(this.#warnings);
  }

  #add(list: Fault[], place: Place, remark: Remark, severity: 'fault' | 'warning'): void {
    const key = `${severity} ${place.file}:${place.line}:${place.col} ${remark.what}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (!this.#files.includes(place.file)) this.#files.push(place.file);
    list.push({
      code: remark.code,
      place,
      // Sentences quote the text, and the text may come from anywhere.
      what: printable(remark.what, LONGEST),
      ...(remark.allowed !== undefined && { allowed: printable(remark.allowed, LONGEST) }),
      ...(remark.hint !== undefined && { hint: printable(remark.hint, LONGEST) }),
      severity,
    });
  }

  #inOrder(list: readonly Fault[]): Fault[] {
    const rank = (fault: Fault) => this.#files.indexOf(fault.place.file);
    return [...list].sort((a, b) => rank(a) - rank(b) || a.place.line - b.place.line || a.place.col - b.place.col);
  }
}
