/**
 * The edge of config/: where texts come from. Everything else here is pure and is handed a FileReader.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface FileReader {
  /** The text of a file; undefined when there is none or it cannot be read. */
  text(path: string): string | undefined;
  /** Names of the files in a folder, sorted; undefined when there is no such folder. */
  list(dir: string): readonly string[] | undefined;
  /** Relative paths in Settings are made absolute from here; left relative without it. */
  readonly cwd?: string;
}

/** Files of this machine; relative paths start at `cwd`. Never throws. */
export function nodeFiles(cwd: string): FileReader {
  return {
    cwd,
    text(path) {
      try {
        return readFileSync(resolve(cwd, path), 'utf8');
      } catch {
        return undefined;
      }
    },
    list(dir) {
      try {
        const entries = readdirSync(resolve(cwd, dir), { withFileTypes: true });
        return entries
          .filter(entry => !entry.isDirectory())
          .map(entry => entry.name)
          .sort();
      } catch {
        return undefined;
      }
    },
  };
}

/** The folder of schedules and providers that comes with the package; it is shown as `schedules`. */
export function shippedFolder(): Folder {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  return { path: here('../../schedules'), shown: 'schedules', prepared: here('../schedules.json') };
}

/** A folder of schedules, and how people know it. */
export interface Folder {
  readonly path: string;
  readonly shown: string;
  /** What the build made of its files (prepared.ts); need not be there. */
  readonly prepared?: string;
}

/** A reader over texts in memory, for tests and for the text of an editor. Folders are the prefixes of its paths. */
export function memoryFiles(texts: Readonly<Record<string, string>>, below?: FileReader): FileReader {
  const clean = (path: string) => path.replace(/^\.\//, '').replace(/\/+$/, '');
  return {
    ...(below?.cwd !== undefined && { cwd: below.cwd }),
    text: path => texts[clean(path)] ?? below?.text(path),
    list(dir) {
      const prefix = `${clean(dir)}/`;
      const inside = Object.keys(texts).filter(path => path.startsWith(prefix));
      if (inside.length === 0) return below?.list(dir);
      return inside
        .map(path => path.slice(prefix.length))
        .filter(name => !name.includes('/'))
        .sort();
    },
  };
}
