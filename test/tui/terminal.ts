/** As much of a terminal as the painter uses: a grid, a cursor, clearing, modes. Unknown sequences are an error. */
export class FakeTerminal {
  readonly writes: string[] = [];
  lines: string[] = [];
  alternate = false;
  cursor = true;
  wrap = true;
  synchronised = 0;
  broken = false;
  #row = 0;

  write = (text: string): boolean => {
    if (this.broken) throw new Error('EPIPE');
    this.writes.push(text);

    for (const [, sequence, plain] of text.matchAll(/\u001b\[([?0-9;]*[A-Za-z])|([^\u001b]+)/g)) {
      if (plain !== undefined) this.lines[this.#row] = (this.lines[this.#row] ?? '') + plain;
      else this.#obey(sequence ?? '');
    }
    return true;
  };

  #obey(sequence: string): void {
    const place = /^(\d+);1H$/.exec(sequence);
    if (place) this.#row = Number(place[1]) - 1;
    else if (sequence === '2K') this.lines[this.#row] = '';
    else if (sequence === '2J') this.lines = [];
    else if (/^\?(1049|25|7|2026)[hl]$/.test(sequence)) this.#mode(sequence);
    else if (!/^[\d;]*m$/.test(sequence)) throw new Error(`unknown sequence ${sequence}`);
  }

  #mode(sequence: string): void {
    const on = sequence.endsWith('h');
    if (sequence.startsWith('?1049')) this.alternate = on;
    else if (sequence.startsWith('?25')) this.cursor = on;
    else if (sequence.startsWith('?7')) this.wrap = on;
    else this.synchronised += on ? 1 : -1;
  }

  get screen(): string {
    return this.lines.map(line => (line ?? '').trimEnd()).join('\n');
  }
}
