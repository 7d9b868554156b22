import { isIPv6 } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ROOMS } from '../../collector/exchanges/registry.ts'
import { desiredOf } from '../../test/support/desired.ts'
import { isWithin } from './addresses.ts'
import { networkPolicy } from './network-policy.ts'

interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] }
  readonly namespaceSelector?: { readonly matchLabels?: Readonly<Record<string, string>> }
}
interface Rule {
  readonly ports: readonly { readonly protocol: string; readonly port: number }[]
  readonly to: readonly Peer[]
}

const FEED = { exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }
const PRIVATE = '10.1.2.3'
const INTERNET = '93.184.216.34'

/** What the policy of such a Collector lets out, as a network plugin reads it. */
function policy(parts: { readonly sink?: object; readonly feed?: object } = {}, protocol = 'TCP') {
  const sink = parts.sink ?? { stdout: {} }
  const object = networkPolicy(desiredOf({ sink, feeds: [{ ...FEED, ...parts.feed }] }))
  const { egress } = object['spec'] as { readonly egress: readonly Rule[] }
  const peers = (port: number): Peer[] =>
    egress
      .filter(({ ports }) => ports.some((each) => each.port === port && each.protocol === protocol))
      .flatMap(({ to }) => to)
  return {
    reaches: (ip: string, port: number): boolean => peers(port).some(({ ipBlock }) => ipBlock && isIn(ip, ipBlock)),
    /** A pod in a namespace. */
    reachesPod: (namespace: string, port: number): boolean =>
      peers(port).some(({ namespaceSelector }) =>
        Object.values(namespaceSelector?.matchLabels ?? (namespaceSelector ? { any: namespace } : {})).includes(
          namespace,
        ),
      ),
  }
}

function isIn(ip: string, { cidr, except = [] }: NonNullable<Peer['ipBlock']>): boolean {
  const sameFamily = isIPv6(ip) === cidr.includes(':')
  return sameFamily && isWithin(ip, [cidr]) && !isWithin(ip, except)
}

function nats(...servers: string[]) {
  return { sink: { nats: { servers } } }
}

describe('who may reach a collector', () => {
  test('anyone in the cluster, at one port', () => {
    const { ingress, policyTypes } = networkPolicy(desiredOf())['spec'] as Record<string, unknown>
    expect(policyTypes).toEqual(['Ingress', 'Egress'])
    expect(ingress).toEqual([{ from: [{ namespaceSelector: {} }], ports: [{ protocol: 'TCP', port: 8080 }] }])
  })
})

describe('whom a collector may reach', () => {
  test('exchanges where they publish their addresses: each port of each room', () => {
    const endpoints = ROOMS.flatMap(({ endpoints: base, hosts = {} }) => [base, ...Object.values(hosts)])
    const urls = endpoints.flatMap((each) => Object.values(each ?? {})).map((url) => new URL(url as string))
    expect(urls.length).toBeGreaterThanOrEqual(2 * ROOMS.length)
    for (const { port, href } of urls) {
      expect(policy().reaches(INTERNET, port === '' ? 443 : Number(port)), href).toBe(true)
    }
  })

  test('no port of a venue but 443 where no feed goes there', () => {
    const { reaches } = policy({ feed: { proxy: { url: 'http://proxy:3128' } } })
    expect([443, 8443, 9443].map((port) => reaches(INTERNET, port))).toEqual([true, false, false])
  })

  test('neither the cluster, nor link-local, nor any other port', () => {
    const { reaches, reachesPod } = policy()
    for (const ip of [PRIVATE, '169.254.169.254', '169.254.20.10', '127.0.0.1', '203.0.113.10', 'fd00::5', 'fe80::1']) {
      expect(reaches(ip, 443), ip).toBe(false)
    }
    expect(reachesPod('desk-a', 443)).toBe(false)
    expect(reaches(INTERNET, 22)).toBe(false)
    expect(reaches(INTERNET, 80)).toBe(false)
    expect(reaches('2606:2800::1', 443)).toBe(true)
  })

  test('names are looked up: in any pod, at the cluster’s own address, and at the cache of the node', () => {
    for (const protocol of ['UDP', 'TCP']) {
      const { reaches, reachesPod } = policy({}, protocol)
      expect(reachesPod('kube-system', 53)).toBe(true)
      expect(reaches('10.96.0.10', 53)).toBe(true)
      expect(reaches('169.254.20.10', 53)).toBe(true)
      // Of Amazon and Google, where the metadata service answers for names.
      expect(reaches('169.254.169.253', 53)).toBe(false)
      expect(reaches('169.254.169.254', 53)).toBe(false)
      expect(reaches(INTERNET, 53)).toBe(false)
      expect(reachesPod('openshift-dns', 5353)).toBe(true)
      expect(reachesPod('desk-a', 5353)).toBe(false)
    }
  })

  test.each([
    ['nats://nats:4222', { own: true, other: false, cluster: false, internet: false }],
    ['nats://nats.messaging.svc:4222', { own: false, other: true, cluster: false, internet: false }],
    ['nats://nats.messaging.svc.cluster.local.:4222', { own: false, other: true, cluster: false, internet: false }],
    ['nats://nats-0.nats.messaging.svc:4222', { own: false, other: true, cluster: false, internet: false }],
    ['nats://nats.messaging.svc.my.domain:4222', { own: false, other: true, cluster: false, internet: false }],
    ['nats://nats.messaging:4222', { own: true, other: true, cluster: true, internet: true }],
    ['nats://nats.example.com:4222', { own: false, other: false, cluster: true, internet: true }],
    ['nats://10.1.2.3:4222', { own: true, other: true, cluster: true, internet: false }],
    ['nats://93.184.216.34:4222', { own: false, other: false, cluster: false, internet: true }],
    ['nats://169.254.169.254:4222', { own: false, other: false, cluster: false, internet: false }],
    ['nats://kubernetes.default.svc:4222', { own: false, other: false, cluster: false, internet: false }],
  ])('the sink at %s: as its name says', (server, wanted) => {
    const { reaches, reachesPod } = policy(nats(server))
    expect({
      own: reachesPod('desk-a', 4222),
      other: reachesPod('messaging', 4222),
      cluster: reaches(PRIVATE, 4222),
      internet: reaches(INTERNET, 4222),
    }).toEqual(wanted)
    for (const ip of ['169.254.169.254', '203.0.113.10', 'fe80::1']) expect(reaches(ip, 4222), ip).toBe(false)
  })

  test('an exchange with a name on the internet is not looked for in the cluster, a proxy may be next to it', () => {
    const exchange = policy({ feed: { endpoints: { websocket: 'wss://stream.example.com:9999' } } })
    expect([exchange.reaches(INTERNET, 9999), exchange.reaches(PRIVATE, 9999)]).toEqual([true, false])
    const proxy = policy({ feed: { proxy: { url: 'http://proxy.example.com:3128' } } })
    expect([proxy.reaches(INTERNET, 3128), proxy.reaches(PRIVATE, 3128)]).toEqual([true, true])
  })

  test('an exchange that is simulated in the cluster', () => {
    const { reachesPod } = policy({ feed: { endpoints: { websocket: 'ws://exchange.simulated.svc:8000' } } })
    expect([reachesPod('simulated', 8000), reachesPod('desk-a', 8000)]).toEqual([true, false])
  })

  test('a host that could be no namespace spoils nothing', () => {
    const text = JSON.stringify(networkPolicy(desiredOf(nats('nats://a._b.svc:1', 'nats://a.b_:1', 'nats://a..:1'))))
    expect(text).not.toMatch(/_b|b_|"kubernetes.io\/metadata.name":""/)
  })
})
