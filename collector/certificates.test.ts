import { expect, test } from 'vitest'
import { selfSigned } from '../operator/metrics/certificate.ts'
import { certificateClock } from './certificates.ts'

const NOW = Date.UTC(2026, 10, 29)
const DAY_MS = 86_400_000
const certificate = (days: number) => selfSigned(['nats'], days, NOW).cert
const SINK = { sink: { nats: { tls: { secret: { name: 'nats-tls' } } } } } as Parameters<typeof certificateClock>[0]

/** When what these files hold expires, in days from now. */
function days(files: Readonly<Record<string, string>>): number | undefined {
  const at = certificateClock(
    SINK,
    () => 0,
    (secret, key) => (secret === 'nats-tls' ? files[key] : undefined),
  )()
  return at === undefined ? undefined : (at - NOW) / DAY_MS
}

test('the first of ours and of the authorities counts; of a chain its first, of a bundle the one that lasts longest', () => {
  expect(days({ 'tls.crt': certificate(10), 'ca.crt': certificate(100) })).toBe(10)
  expect(days({ 'tls.crt': certificate(50) + certificate(5), 'ca.crt': certificate(1) + certificate(40) })).toBe(40)
  expect(days({ 'ca.crt': certificate(7) })).toBe(7)
})

test('what is not there, or no certificate, says nothing', () => {
  expect(days({})).toBeUndefined()
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
  expect(days({ 'tls.crt': broken, 'ca.crt': 'no certificate' })).toBeUndefined()
  expect(certificateClock({ sink: { stdout: {} } } as typeof SINK, () => 0)()).toBeUndefined()
})

test('a rotated one is seen within a minute, and files are not read at each scrape', () => {
  let file = certificate(1)
  let reads = 0
  let nowMs = 0
  const read = (_: string, key: string) => {
    reads += 1
    return key === 'tls.crt' ? file : undefined
  }
  const clock = certificateClock(SINK, () => nowMs, read)
  expect(clock()).toBe(NOW + DAY_MS)
  file = certificate(90)
  nowMs = 59_000
  expect(clock()).toBe(NOW + DAY_MS)
  expect(reads).toBe(2)
  nowMs = 60_000
  expect(clock()).toBe(NOW + 90 * DAY_MS)
})
