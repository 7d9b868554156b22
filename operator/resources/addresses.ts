// Addresses to which no collector has a reason to connect, and hosts as a URL names them, told apart.
//
// In: hosts and ranges as text. Out: what they are. Always: every spelling of an address that a resolver takes (`127.1`,
// `0x7f000001`, an IPv4 address within an IPv6 one) is the address. Never: a name is looked up; what a name leads to, the
// NetworkPolicy decides.
import { BlockList, isIP, isIPv6 } from 'node:net'

interface Forbidden {
  readonly what: string
  readonly ranges: readonly string[]
}

/** The machine itself, its neighbours on the wire, and where clouds hand out credentials. */
const FORBIDDEN: readonly Forbidden[] = [
  { what: 'the pod itself', ranges: ['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128'] },
  {
    // Azure's WireServer; Alibaba's, Amazon's and Google's over IPv6.
    what: "a cloud's metadata service",
    ranges: ['169.254.169.254/32', '168.63.129.16/32', '100.100.100.200/32', 'fd00:ec2::254/128', 'fd20:ce::254/128'],
  },
  // The last is link-local IPv4 as a NAT64 gateway is asked for it.
  { what: 'a link-local address', ranges: ['169.254.0.0/16', 'fe80::/10', '64:ff9b::a9fe:0/112'] },
]

const NAMES: readonly { readonly what: string; readonly form: RegExp }[] = [
  { what: 'the pod itself', form: /^(.+\.)?localhost(\.localdomain)?$/ },
  {
    what: "a cloud's metadata service",
    form: /^(metadata|metadata\.google\.internal|metadata\.goog|instance-data(\.ec2\.internal)?)$/,
  },
  { what: 'the API server of this cluster', form: /^kubernetes(\.default(\.svc(\..+)?)?)?$/ },
]

/** A host as something to connect to: an IP address in its plain form, or a name in lower case without a final dot. */
export interface Host {
  readonly text: string
  readonly ip: boolean
}

/** @param host as a URL has it: IPv6 in brackets */
export function hostOf(host: string): Host {
  // The URL of a scheme that browsers know: its parser takes what `inet_aton` takes, and gives the four numbers.
  const name = URL.parse(`http://${host}`)?.hostname ?? host.toLowerCase()
  const text = mapped(name.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, ''))
  return { text, ip: isIP(text) !== 0 }
}

/** An IPv4 address within an IPv6 one, as the four numbers; anything else as it is. */
function mapped(text: string): string {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text) ?? []
  if (high === undefined || low === undefined) return text
  const bytes = [high, low].flatMap((half) => [Number.parseInt(half, 16) >> 8, Number.parseInt(half, 16) & 255])
  return bytes.join('.')
}

/** What makes this host forbidden, as in `a link-local address`; undefined where nothing does. */
export function forbidden(host: string, apiServers: readonly string[] = []): string | undefined {
  const { text, ip } = hostOf(host)
  if (apiServers.some((each) => hostOf(bracketed(each)).text === text)) return 'the API server of this cluster'
  if (!ip) return NAMES.find(({ form }) => form.test(text))?.what
  return FORBIDDEN.find(({ ranges }) => isWithin(text, ranges))?.what
}

/** Whether the IP address is in one of the ranges. */
export function isWithin(ip: string, ranges: readonly string[]): boolean {
  const list = new BlockList()
  for (const range of ranges) list.addSubnet(networkOf(range), bitsOf(range), familyOf(networkOf(range)))
  return list.check(ip, familyOf(ip))
}

/** Ranges to which no port is ever opened. */
export function forbiddenRanges(apiServers: readonly string[] = []): string[] {
  const servers = apiServers.map((each) => hostOf(bracketed(each))).filter(({ ip }) => ip)
  return [...FORBIDDEN.flatMap(({ ranges }) => ranges), ...servers.map(({ text }) => rangeOf(text))]
}

/** The ranges without those that lie within another, in one order. Not every network plugin bears overlaps. */
export function widest(ranges: readonly string[]): string[] {
  const all = [...new Set(ranges)]
  const covers = (wide: string, range: string): boolean =>
    wide !== range && bitsOf(wide) <= bitsOf(range) && isWithin(networkOf(range), [wide])
  return all.filter((range) => !all.some((wide) => covers(wide, range))).toSorted()
}

/** The range that is this one address. */
export function rangeOf(ip: string): string {
  return `${ip}/${isIPv6(ip) ? 128 : 32}`
}

function networkOf(range: string): string {
  return range.slice(0, range.indexOf('/'))
}

function bitsOf(range: string): number {
  return Number(range.slice(range.indexOf('/') + 1))
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return isIPv6(ip) ? 'ipv6' : 'ipv4'
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}
