/**
 * What a command may touch of the world around it. main.ts makes the real one; tests give their own.
 */
export interface Io {
  /** Writes to stdout as it is; callers end lines. */
  out(text: string): void;
  err(text: string): void;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WriteStream;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the process with this code once output has drained: 0 done, 1 failed, 2 usage or configuration fault. */
  exit(code: 0 | 1 | 2): void;
}
