/**
 * Are the certificates of our own listeners, SMTP and HTTP, good, and for how long?
 */
import { X509Certificate } from 'node:crypto';
import type { DoctorGroup } from '../../control/doctor-view.js';
import type { Settings } from '../../kernel/settings.js';
import { DAY } from '../../kernel/units.js';
import { check } from './check.js';
import type { ReadFile } from './dkim.js';

/** Two weeks: renewals are made a month ahead, so somebody has to look. */
const SOON = 14 * DAY;

/** `wall`: epoch milliseconds. Listeners without TLS have nothing to say. */
export function checkListeners({ listeners, control, hostName }: Settings, wall: number, read: ReadFile): DoctorGroup[] {
  return [...listeners, ...(control.http ? [control.http] : [])].flatMap(({ address, port, tls }): DoctorGroup[] => {
    if (!tls) return [];
    const name = `${address.includes(':') ? `[${address}]` : address}:${port}`;
    return [{ kind: 'listener', name, checks: [certificate(tls.cert, hostName, wall, read)] }];
  });
}

function certificate(file: string, hostName: string, wall: number, read: ReadFile) {
  let found: X509Certificate;
  try {
    found = new X509Certificate(read(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') return check('certificate', 'unknown', `${file} may not be read by this account`);
    return check('certificate', 'fail', `${file} holds no certificate that can be read`, { mend: 'name a file in PEM' });
  }
  const ends = Date.parse(found.validTo);
  const day = new Date(ends).toISOString().slice(0, 10);
  const renew = 'renew it, then rampd reload';
  if (ends <= wall) return check('certificate', 'fail', `${file} ended on ${day}`, { mend: renew });
  if (Date.parse(found.validFrom) > wall)
    return check('certificate', 'fail', `${file} is not valid yet`, { mend: 'look at the clock of this machine' });
  if (ends - wall < SOON)
    return check('certificate', 'warn', `${file} ends on ${day}, in ${Math.ceil((ends - wall) / DAY)} days`, { mend: renew });
  if (found.checkHost(hostName) === undefined)
    return check('certificate', 'warn', `${file} does not name ${hostName}`, {
      mend: 'clients that verify connect by another name, or need another certificate',
    });
  return check('certificate', 'ok', `valid until ${day}`);
}
