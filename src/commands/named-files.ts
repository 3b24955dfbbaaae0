/**
 * The files a configuration names, looked at as a start would: secrets, certificates with their keys, CAs, and the folders
 * that files of records and the log are written to.
 *
 * Who checks need not be the account that runs: what this account may not read or write is a warning, and a start will say.
 * Writes nothing, and tells nothing of what stands in a file.
 */
import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readCertificates } from '../accept/listeners.js';
import { readHttpCertificate } from '../control/http-listener.js';
import { FaultError, type Fault } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';
import { credentialsOf } from '../outcome/hook-request.js';
import { unmade, unopened } from '../outcome/rotated-file.js';
import { readSecretFile } from '../outcome/secret-file.js';

/** Never throws but for a bug. */
export function namedFiles(settings: Settings): { faults: Fault[]; warnings: Fault[] } {
  const { listeners, control, webhooks = [], alerts = [], feedback } = settings;
  const looks: (() => unknown)[] = [
    ...listeners.map(listener => () => readCertificates([listener])),
    () => control.http && readHttpCertificate(control.http),
    ...webhooks.map(hook => () => credentialsOf(hook, hook.from)),
    ...alerts.map(
      ({ webhook, from }) =>
        () =>
          webhook && credentialsOf(webhook, from),
    ),
    () => feedback?.secretFile !== undefined && readSecretFile(feedback.secretFile, feedback.from),
  ];
  const found = [...looks.flatMap(faultsOf), ...recordFiles(settings)];
  const forbidden = found.filter(({ code }) => code === 'forbidden-file');
  return {
    faults: found.filter(fault => !forbidden.includes(fault)),
    warnings: forbidden.map(fault => ({ ...fault, severity: 'warning' })),
  };
}

function faultsOf(look: () => unknown): readonly Fault[] {
  try {
    look();
    return [];
  } catch (error) {
    if (error instanceof FaultError) return error.faults;
    throw error;
  }
}

/** A start makes `state-dir` and the log's folder with what is above them, and no other folder. */
function recordFiles({ accounting = [], rejectLog, stateDir, log, fixedFrom, file: settingsFile }: Settings): Fault[] {
  const logFrom = fixedFrom?.['log.file'] ?? { file: settingsFile, line: 0, col: 0 };
  const files = [
    ...(log.file !== undefined && existsSync(dirname(log.file)) ? [{ noun: 'log', file: log.file, from: logFrom }] : []),
    ...accounting.map(({ file, from }) => ({ noun: 'accounting file', file, from })),
    ...(rejectLog ? [{ noun: 'reject log', file: rejectLog.file, from: rejectLog.from }] : []),
  ];
  const asides = [...accounting, ...(rejectLog ? [rejectLog] : [])].flatMap(({ rotation: { moveTo }, from }) =>
    moveTo === undefined ? [] : [{ folder: moveTo, from }],
  );
  return [...files.flatMap(recordFile(stateDir)), ...asides.flatMap(asideFolder)];
}

const recordFile =
  (stateDir: string) =>
  (named: Parameters<typeof unopened>[0]): Fault[] => {
    const folder = dirname(named.file);
    try {
      if (`${resolve(stateDir)}/`.startsWith(`${folder}/`) && !existsSync(folder)) return [];
      accessSync(`${folder}/`, constants.X_OK);
      if (existsSync(named.file)) closeSync(openSync(named.file, 'r+'));
      else accessSync(folder, constants.W_OK);
      return [];
    } catch (error) {
      const fault = unopened(named, error);
      return [asked(fault, error)];
    }
  };

/** A start makes it, with what is above it. */
function asideFolder({ folder, from }: { readonly folder: string; readonly from: Fault['place'] }): Fault[] {
  let there = folder;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  try {
    accessSync(`${there}/`, constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    return [asked(unmade(folder, from, error), error)];
  }
}

const asked = (fault: Fault, error: unknown): Fault =>
  (error as NodeJS.ErrnoException).code === 'EACCES' ? { ...fault, code: 'forbidden-file' } : fault;
