/**
 * Frames onto a terminal: the alternate screen, only the lines that changed, each at its place.
 *
 * Promises: one write per frame, nothing when nothing changed, so that nothing flickers; absolute places, so that neither a
 * resize nor a stray character leaves debris after clear(); close() gives the terminal back as it was and may be called twice.
 * After the terminal is gone it writes nothing more. Sequences: xterm's ctlseqs, and DEC mode 2026 for synchronised output.
 */
const ESC = '\u001b[';
/** Alternate screen, hidden cursor, no wrap at the right edge. */
const OPEN = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
const CLOSE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;
const BEGIN = `${ESC}?2026h`;
const END = `${ESC}?2026l`;

export interface Terminal {
  write(text: string): unknown;
}

export class Painter {
  readonly #terminal: Terminal;
  #lines: readonly string[] = [];
  #cleared = true;
  #open = false;
  #gone = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  open(): void {
    if (this.#open || this.#gone) return;
    this.#open = true;
    this.#write(OPEN);
    this.clear();
  }

  /** Forgets what is on the screen: the next frame is painted whole. */
  clear(): void {
    this.#cleared = true;
    this.#lines = [];
  }

  /** `frame`: all lines, joined by line ends. */
  paint(frame: string): void {
    if (!this.#open) return;
    const next = frame.split('\n');
    const changed: string[] = [];
    for (let i = 0; i < Math.max(next.length, this.#lines.length); i++) {
      const line = next[i] ?? '';
      if (line !== (this.#lines[i] ?? '')) changed.push(`${ESC}${i + 1};1H${ESC}2K${line}`);
    }
    if (changed.length === 0 && !this.#cleared) return;
    const start = this.#cleared ? `${ESC}0m${ESC}2J` : '';
    this.#lines = next;
    this.#cleared = false;
    this.#write(`${BEGIN}${start}${changed.join('')}${ESC}0m${END}`);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#write(CLOSE);
  }

  /** The terminal takes no more: nothing is written from here on. */
  gone(): void {
    this.#gone = true;
  }

  #write(text: string): void {
    if (this.#gone) return;
    try {
      this.#terminal.write(text);
    } catch {
      // A stream destroyed under us; its error event says what happened.
      this.#gone = true;
    }
  }
}
