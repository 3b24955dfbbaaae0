/**
 * Who a source is to a receiver: its address is on this machine, its HELO name is a full name that leads to the address, and
 * the address leads back to the name (forward-confirmed reverse DNS, which large receivers demand; RFC 1912 §2.1).
 */
import { createServer } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { CheckView } from '../../control/doctor-view.js';
import type { Source } from '../../kernel/settings.js';
import type { DnsAnswer, DnsPort } from '../../route/dns.js';
import { canonicalIp } from '../../route/protect.js';
import { reverseName } from '../../route/reverse.js';
import { check, few } from './check.js';

/** undefined when a socket can be bound to the address, else why not. */
export type Binds = (address: string) => Promise<string | undefined>;

/** Names that mean nothing outside: RFC 6761, RFC 6762, and what installers write. */
const LOCAL_NAME = /(^|\.)(localhost|localdomain|local|lan|home|internal|invalid|test|home\.arpa)$/i;

export const binds: Binds = address =>
  new Promise(resolve => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: address, port: 0 }, () => server.close(() => resolve(undefined)));
  });

export async function checkIdentity(source: Source, dns: DnsPort, bound: Binds, testNames: boolean): Promise<CheckView[]> {
  const trouble = await bound(source.address);
  return [addressCheck(source, trouble), ...(await helo(source, dns, testNames)), await ptr(source, dns)];
}

function addressCheck({ address }: Source, trouble: string | undefined): CheckView {
  if (trouble === undefined) return check('address', 'ok', `${address} is on this machine`);
  if (trouble !== 'EADDRNOTAVAIL') return check('address', 'fail', `${address} cannot be used: ${trouble}`);
  const bits = ipaddr.process(address).kind() === 'ipv4' ? 32 : 128;
  return check('address', 'fail', `${address} is not on this machine: no connection can leave from it`, {
    mend: `ip addr add ${address}/${bits} dev INTERFACE, and in the network configuration, so that it stays`,
  });
}

async function helo(source: Source, dns: DnsPort, testNames: boolean): Promise<CheckView[]> {
  const { hostName, address } = source;
  const type = ipaddr.process(address).kind() === 'ipv4' ? 'A' : 'AAAA';
  if (!hostName.includes('.') || (!testNames && LOCAL_NAME.test(hostName)))
    return [
      check('helo', 'fail', `${hostName} is no name that the Internet knows: receivers refuse such a HELO`, {
        mend: 'give the source a host-name such as mta1.example.com, and publish its address',
      }),
    ];
  const answer = await (type === 'A' ? dns.a(hostName) : dns.aaaa(hostName));
  if (answer.kind === 'failed') return [check('helo', 'unknown', `${hostName}: ${answer.text}`)];
  if (answer.kind === 'found' && holds(answer, address)) return [check('helo', 'ok', `${hostName} is ${address}`)];
  const leads = answer.kind === 'found' ? `leads to ${few(answer.records)}, not to ${address}` : `has no ${type} record`;
  return [
    check('helo', 'fail', `${hostName} ${leads}`, {
      mend: 'publish the address under the name',
      publish: [`${hostName}. IN ${type} ${address}`],
    }),
  ];
}

async function ptr({ address, hostName }: Source, dns: DnsPort): Promise<CheckView> {
  const name = reverseName(address);
  const publish = [`${name}. IN PTR ${hostName}.`];
  const answer = await dns.ptr(name);
  if (answer.kind === 'failed') return check('ptr', 'unknown', `${address}: ${answer.text}`);
  if (answer.kind !== 'found')
    return check('ptr', 'fail', `${address} has no PTR record: many receivers refuse its mail`, {
      mend: 'whoever owns the network publishes it: ask the provider of the address for',
      publish,
    });
  const names = answer.records.map(record => record.toLowerCase());
  if (names.includes(hostName.toLowerCase())) {
    if (names.length === 1) return check('ptr', 'ok', `${address} is ${hostName}`);
    return check(
      'ptr',
      'warn',
      `${address} is ${hostName}, and has ${names.length - 1} other names: ${few(names.filter(n => n !== hostName.toLowerCase()))}`,
      {
        mend: 'keep one PTR record',
        publish,
      },
    );
  }
  // Another name that leads back is a sound one, only not the one HELO says.
  const kind = ipaddr.process(address).kind();
  const back = await Promise.all(names.slice(0, 5).map(other => (kind === 'ipv4' ? dns.a(other) : dns.aaaa(other))));
  const sound = back.some(found => holds(found, address));
  return check('ptr', sound ? 'warn' : 'fail', `${address} is ${few(names)}, and HELO says ${hostName}`, {
    mend: sound ? `give the source that host-name, or ask the provider of the address for` : 'ask the provider of the address for',
    publish,
  });
}

const holds = (answer: DnsAnswer<string>, address: string): boolean =>
  answer.kind === 'found' && answer.records.some(record => canonicalIp(record) === canonicalIp(address));
