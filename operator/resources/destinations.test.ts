import { describe, expect, test } from 'vitest'
import { desiredOf } from '../../test/support/desired.ts'
import { destinations, refusedEndpoints, usesVenueAddresses } from './destinations.ts'

const FEED = { exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }
const NATS = { nats: { servers: ['nats://nats:4222'] } }

function spec(feed: object, sink: object = NATS) {
  return desiredOf({ feeds: [{ ...FEED, ...feed }], sink }).owner.spec
}

describe('whom a spec says to connect to', () => {
  test.each([
    ['nats://nats', 'nats', 4222],
    ['tls://nats:14222', 'nats', 14_222],
    ['wss://nats/path', 'nats', 443],
    ['nats://[fd00::1]:4223', '[fd00::1]', 4223],
  ])('NATS at %s', (url, host, port) => {
    expect(destinations(spec({}, { nats: { servers: [url] } }))).toMatchObject([
      { path: 'spec.sink.nats.servers[0]', host, port, side: 'own' },
    ])
  })

  test.each([
    [{ endpoints: { websocket: 'ws://exchange', rest: 'http://exchange' } }, [80, 80], 'venue'],
    [{ endpoints: { websocket: 'wss://exchange.example.com' } }, [443], 'venue'],
    [{ proxy: { url: 'socks5h://proxy' } }, [1080], 'own'],
    [{ proxy: { url: 'http://proxy:3128' } }, [3128], 'own'],
  ])('%j', (feed, wanted, side) => {
    const found = destinations(spec(feed, { stdout: {} }))
    expect(found.map(({ port }) => port)).toEqual(wanted)
    expect(found.every((each) => each.side === side)).toBe(true)
  })

  test('the addresses of the venues are used unless every feed goes elsewhere', () => {
    expect(usesVenueAddresses(spec({}))).toBe(true)
    expect(usesVenueAddresses(spec({ endpoints: { rest: 'https://rest.example.com' } }))).toBe(true)
    expect(usesVenueAddresses(spec({ endpoints: { websocket: 'wss://ws.example.com' } }))).toBe(false)
    expect(usesVenueAddresses(spec({ proxy: { url: 'http://proxy:3128' } }))).toBe(false)
  })
})

describe('endpoints that are refused', () => {
  test('each by its field, with what it is and what to write', () => {
    const feed = {
      endpoints: { websocket: 'ws://169.254.169.254/latest', rest: 'http://kubernetes.default.svc' },
      proxy: { url: 'socks5://localhost:1080' },
    }
    expect(
      refusedEndpoints(spec(feed, { nats: { servers: ['nats://nats:4222', 'nats://10.96.0.1:443'] } }), {
        apiServers: ['10.96.0.1'],
      }),
    ).toEqual([
      "spec.sink.nats.servers[1]: '10.96.0.1' is the API server of this cluster, which no collector may ask; write the address of a NATS server.",
      "spec.feeds[0].endpoints.websocket: '169.254.169.254' is a cloud's metadata service, which no collector may ask; write the address of an exchange.",
      "spec.feeds[0].endpoints.rest: 'kubernetes.default.svc' is the API server of this cluster, which no collector may ask; write the address of an exchange.",
      "spec.feeds[0].proxy.url: 'localhost' is the pod itself, which no collector may ask; write the address of a proxy.",
    ])
  })

  test('servers next to the cluster, by address or by name, are not', () => {
    const sink = { nats: { servers: ['nats://192.168.7.20:4222', 'nats://nats.internal.example.com'] } }
    expect(refusedEndpoints(spec({ proxy: { url: 'http://10.1.2.3:3128' } }, sink), {})).toEqual([])
  })
})
