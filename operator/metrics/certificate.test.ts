import { createPrivateKey, X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { selfSigned, serviceNames } from './certificate.ts'

const NOW = Date.UTC(2026, 10, 29)

test('the certificate is one that Node reads, with the names, the time and the key that were asked for', () => {
  const { cert, key } = selfSigned(['metrics.prism.svc', 'localhost'], 90, NOW)
  const read = new X509Certificate(cert)
  expect(read.subject).toBe('CN=metrics.prism.svc')
  expect(read.subjectAltName).toBe('DNS:metrics.prism.svc, DNS:localhost')
  expect(read.validFromDate).toEqual(new Date(NOW - 3_600_000))
  expect(read.validToDate).toEqual(new Date(NOW + 90 * 86_400_000))
  expect(read.ca).toBe(false)
  expect(read.verify(read.publicKey)).toBe(true)
  expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true)
  expect(read.checkHost('localhost')).toBe('localhost')
})

test('names of any length that DNS allows, times beyond 2050, and a serial number of its own each time', () => {
  const long = Array.from({ length: 4 }, (_, i) => `${String(i).repeat(60)}`).join('.')
  const { cert } = selfSigned([long, 'b'], 40 * 365, NOW)
  const read = new X509Certificate(cert)
  expect(read.checkHost(long)).toBe(long)
  expect(read.validToDate.getUTCFullYear()).toBe(2066)
  expect(new X509Certificate(selfSigned(['a'], 1, NOW).cert).serialNumber).not.toBe(read.serialNumber)
})

test('of a Service every name by which a cluster knows it', () => {
  const read = new X509Certificate(selfSigned(serviceNames('metrics', 'prism'), 1, NOW).cert)
  expect(read.subject).toBe('CN=metrics.prism.svc')
  for (const name of ['metrics', 'metrics.prism', 'metrics.prism.svc', 'metrics.prism.svc.cluster.local'])
    expect(read.checkHost(name)).toBe(name)
  expect(read.checkHost('metrics.other.svc')).toBeUndefined()
})
