import { describe, expect, test } from 'vitest'
import { forbidden, forbiddenRanges, hostOf, isWithin, widest } from './addresses.ts'

describe('forbidden hosts', () => {
  test.each([
    [
      'the pod itself',
      ['127.0.0.1', '127.1', '0x7f000001', '2130706433', '017700000001', '0', '0.0.0.0', '[::1]', '[::]'],
    ],
    ['the pod itself', ['localhost', 'LOCALHOST.', 'a.localhost', '[::ffff:127.0.0.1]']],
    ["a cloud's metadata service", ['169.254.169.254', '0xa9fea9fe', '[::ffff:a9fe:a9fe]', '[fd00:ec2::254]']],
    ["a cloud's metadata service", ['168.63.129.16', '100.100.100.200', 'metadata', 'Metadata.Google.Internal.']],
    ["a cloud's metadata service", ['instance-data.ec2.internal', 'metadata.goog', '[fd20:ce::254]']],
    ['a link-local address', ['169.254.20.10', '169.254.0.1', '[fe80::1]', '[64:ff9b::a9fe:a9fe]']],
    ['the API server of this cluster', ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc']],
    [
      'the API server of this cluster',
      ['kubernetes.default.svc.cluster.local', '10.96.0.1', '[fd00::1]', 'api.example.com'],
    ],
  ])('%s: %j', (what, hosts) => {
    for (const host of hosts) expect(forbidden(host, ['10.96.0.1', 'fd00::1', 'API.example.com']), host).toBe(what)
  })

  test.each(['nats', 'kubernetes.io', 'metadata.example.com', 'localhost.example.com', '10.96.0.2', '8.8.8.8', 'x_y'])(
    '%s is not',
    (host) => {
      expect(forbidden(host, ['10.96.0.1'])).toBeUndefined()
    },
  )
})

describe('hosts and ranges', () => {
  test('an address has one form, however it is written', () => {
    expect(hostOf('010.0x10.1')).toEqual({ text: '8.16.0.1', ip: true })
    expect(hostOf('[::FFFF:192.168.1.10]')).toEqual({ text: '192.168.1.10', ip: true })
    expect(hostOf('[2001:DB8:0:0::1]')).toEqual({ text: '2001:db8::1', ip: true })
    expect(hostOf('Stream.Example.com.')).toEqual({ text: 'stream.example.com', ip: false })
    expect(hostOf('256.1.1.1')).toEqual({ text: '256.1.1.1', ip: false })
  })

  test('the families are kept apart', () => {
    expect(isWithin('10.1.2.3', ['fc00::/7', '10.0.0.0/8'])).toBe(true)
    expect(isWithin('fd00::1', ['10.0.0.0/8'])).toBe(false)
  })

  test('a range within another is left out, wherever it stands', () => {
    expect(widest(['10.96.0.0/16', '10.0.0.0/8', 'fd00::1/128', '10.0.0.0/8', 'fc00::/7', '192.0.2.0/24'])).toEqual([
      '10.0.0.0/8',
      '192.0.2.0/24',
      'fc00::/7',
    ])
  })

  test('the API servers are among the ranges that are never opened, where they are addresses', () => {
    expect(forbiddenRanges(['203.0.113.10', 'fd00::1', 'api.example.com'])).toEqual([
      ...forbiddenRanges(),
      '203.0.113.10/32',
      'fd00::1/128',
    ])
  })
})
