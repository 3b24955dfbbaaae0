/**
 * The provider files as data: they load, their rules see their own samples, their names do not overlap, their reactions
 * slow and never stop for long what a warming address needs.
 */
import { describe, expect, it } from 'vitest';
import { printFault } from '../../src/kernel/fault.js';
import { globMatches } from '../../src/kernel/text.js';
import { DAY } from '../../src/kernel/units.js';
import { checkSamples } from '../../src/outcome/samples.js';
import { shipped } from '../outcome/shipped.js';

const providers = [...shipped.providers.values()];
const rules = providers.flatMap(provider => provider.rules);
const named = (list: readonly { readonly provider: string; readonly id: string }[]) => list.map(rule => `${rule.provider}/${rule.id}`);
const owner = (host: string) => providers.filter(provider => provider.mx.some(glob => globMatches(glob, host))).map(provider => provider.name);

describe('provider files', () => {
  it('load without a fault or a warning', () => {
    expect([...shipped.faults, ...shipped.warnings].map(printFault)).toEqual([]);
    expect([...shipped.providers.keys()]).toEqual(
      expect.arrayContaining(['microsoft', 'microsoft-365', 'google', 'yahoo', 'apple', 'comcast', 'gmx', 'orange', 'generic']),
    );
  });

  it('are thirty, and the generic one', () => {
    expect(providers).toHaveLength(31);
  });

  it('are named like their files', () => {
    for (const provider of providers) expect(provider.from.file).toBe(`schedules/providers/${provider.name}.yaml`);
  });

  it('have rules that match their samples and nothing they must not', () => {
    expect(checkSamples(shipped.providers).map(printFault)).toEqual([]);
  });

  it('give every rule samples and counter-samples, save for the compact ones', () => {
    const bare = rules.filter(rule => rule.samples.length === 0 || rule.never.length === 0);
    expect(named(bare)).toEqual(['microsoft/421-rp-001', 'microsoft/421-4.3.2']);
  });

  it.each([
    ['hotmail-com.olc.protection.outlook.com', 'microsoft'],
    ['example-com.mail.protection.outlook.com', 'microsoft-365'],
    ['example-com.e-v1.mx.microsoft', 'microsoft-365'],
    ['gmail-smtp-in.l.google.com', 'google'],
    ['alt1.aspmx.l.google.com', 'google'],
    ['smtp.google.com', 'google'],
    ['mta5.am0.yahoodns.net', 'yahoo'],
    ['mx-aol.mail.gm0.yahoodns.net', 'yahoo'],
    ['mx01.mail.icloud.com', 'apple'],
    ['mx1.comcast.net', 'comcast'],
    ['mx-in.g.comcast.net', 'comcast'],
    ['mx00.emig.gmx.net', 'gmx'],
    ['mx-ha02.web.de', 'gmx'],
    ['mx00.mail.com', 'gmx'],
    ['smtp-in.orange.fr', 'orange'],
    ['mx.yahoo.co.jp', 'yahoo-japan'],
    ['mx00.t-online.de', 't-online'],
    ['mxs.mail.ru', 'mail-ru'],
    ['mx3.qq.com', 'qq'],
    ['mx0a-00123456.pphosted.com', 'proofpoint'],
    ['mx1-us1.ppe-hosted.com', 'proofpoint'],
    ['mx1.hc1234-56.iphmx.com', 'cisco'],
    ['cluster5.us.messagelabs.com', 'messagelabs'],
    ['example.in.tmes.trendmicro.com', 'trendmicro'],
    ['example.in.tmes.trendmicro.eu', 'trendmicro'],
    ['mx1.emailsrvr.com', 'rackspace'],
    ['mx2.zoho.com', 'zoho'],
    ['mx.zoho.eu', 'zoho'],
    ['mx.zohomail.com', 'zoho'],
    ['mx.kpnmail.nl', 'kpn'],
    ['mxgate.netvigator.com', 'netvigator'],
    ['d12345a.ess.barracudanetworks.com', 'barracuda'],
    ['eu-smtp-inbound-1.mimecast.com', 'mimecast'],
    ['mailstore1.secureserver.net', 'godaddy'],
    ['163mx01.mxmail.netease.com', 'netease'],
    ['mx1.free.fr', 'free'],
    ['smtp-in.sfr.fr', 'sfr'],
    ['smtpz4.laposte.net', 'laposte'],
    ['mx.yandex.ru', 'yandex'],
    ['mx0.charter.net', 'spectrum'],
    ['cxr.mx.a.cox.net', 'cox'],
  ])('%s belongs to %s alone', (host, name) => {
    expect(owner(host)).toEqual([name]);
  });

  it('claim nobody else: a look-alike host, a bare suffix', () => {
    for (const host of ['notgoogle.com', 'mx.gmail-smtp.example', 'google.com.example', 'mx.outlook.com.example', 'evil-yahoodns.net']) expect(owner(host)).toEqual([]);
  });

  it('have patterns a host name can match: one leading *., no dot at the end, no upper case', () => {
    for (const glob of providers.flatMap(provider => provider.mx)) expect(glob).toMatch(/^\*(\.[a-z0-9-]+)+$/);
  });

  it('open at most what the provider publishes', () => {
    const limit = (name: string, key: 'maxSmtpOut' | 'maxMsgPerConnection') => shipped.providers.get(name)?.limits[key]?.value;
    expect(limit('yahoo', 'maxMsgPerConnection')).toBe(20);
    expect(limit('comcast', 'maxSmtpOut')).toBeLessThanOrEqual(25);
    expect(limit('orange', 'maxSmtpOut')).toBeLessThanOrEqual(2);
    expect(limit('gmx', 'maxSmtpOut')).toBeLessThanOrEqual(4);
    expect(limit('kpn', 'maxSmtpOut')).toBeLessThanOrEqual(10);
    expect(limit('kpn', 'maxMsgPerConnection')).toBeLessThanOrEqual(10);
    expect(limit('netvigator', 'maxSmtpOut')).toBeLessThanOrEqual(5);
    expect(limit('netvigator', 'maxMsgPerConnection')).toBeLessThanOrEqual(10);
    for (const provider of providers) {
      expect(provider.limits.maxSmtpOut?.value).toBeLessThanOrEqual(20);
      expect(provider.limits.maxMsgPerConnection?.value).toBeLessThanOrEqual(100);
      expect(provider.limits.retryAfter?.value.length).toBeGreaterThan(2);
    }
  });

  it('slow what the reply names: nobody else, and for a day at most', () => {
    const wide = rules.filter(rule => rule.reaction && ['source', 'provider'].includes(rule.scope));
    expect(named(wide.filter(rule => !['block.ip', 'block.dnsbl'].includes(rule.class) || rule.trigger.count < 2)).sort()).toEqual(['microsoft-365/spamhaus']);
    const personal = rules.filter(rule => /^(mailbox|policy|sender|content|message)\b/.test(rule.class) && rule.reaction);
    expect(named(personal)).toEqual(['gmx/policy']);
    for (const rule of rules) if (rule.reaction) expect(rule.reaction.window).toBeLessThanOrEqual(DAY);
  });

  it('retry every throttle, whatever its code', () => {
    const lying = rules.filter(rule => /^(throttle|reputation)/.test(rule.class) && rule.retry !== 'as-4xx');
    expect(named(lying.filter(rule => rule.samples.some(sample => sample.startsWith('5'))))).toEqual([]);
  });
});
