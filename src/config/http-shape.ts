/**
 * The shape of `control: { http: … }`: where HTTP is spoken, from where it is heard, and who may do what.
 */
import { PRIORITIES } from '../kernel/settings.js';
import { dkimSign } from './dkim.js';
import { either, flag, listOf, mapping, oneOf, oneOrMany, scalar } from './shape.js';
import { cidr, listenAddress, name, path } from './words.js';

/** What rampd token prints: never the token itself. */
const tokenHash = scalar<string>(
  'bad-token',
  { type: 'string', description: 'the hash of a token, as rampd token prints it: scrypt:SALT:HASH' },
  text => {
    if (/^scrypt:[A-Za-z0-9_-]{8,}:[A-Za-z0-9_-]{43}$/.test(text)) return { ok: true, value: text };
    return { ok: false, allowed: 'scrypt:SALT:HASH', hint: 'rampd token makes a token and its hash; the token itself never stands here' };
  },
);

export const wish = oneOf('prefer: cold sources first; allow: where slots are; never: warm sources only', ['prefer', 'allow', 'never']);

export const priority = oneOf('who goes first when a lane cannot take everybody', PRIORITIES);

/** What everybody who hands mail in may be allowed, whatever the door. */
export const injection = {
  'allow-headers': flag('may it steer by X-headers').optional(),
  'warm-up': wish.optional(),
  priority: priority.optional(),
  dsn: oneOf('who is told of mail that fails or is late', ['sender', 'postmaster', 'none']).optional(),
  'dkim-sign': dkimSign.optional(),
};

const tokenShape = mapping('a token', {
  token: tokenHash,
  name,
  role: oneOf('inject: hands mail in; read: sees status and metrics; operator: may do everything', [
    'inject',
    'read',
    'operator',
  ]).optional(),
  pool: name.optional(),
  ...injection,
});

export const httpShape = mapping('http', {
  address: listenAddress,
  tls: either('{ cert: FILE, key: FILE }, or none', [
    oneOf('in clear text', ['none']),
    mapping('tls', { cert: path, key: path }),
  ]).optional(),
  allow: oneOrMany('an address or range such as 127.0.0.0/8', cidr).optional(),
  tokens: listOf(
    'tokens such as { token: "scrypt:…", name: app1, pool: NAME }',
    either('{ token: "scrypt:…", name, role, pool }, or the hash alone: rampd token prints both; the token itself never stands here', [
      tokenShape,
      tokenHash,
    ]),
  ),
});
