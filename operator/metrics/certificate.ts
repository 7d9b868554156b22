// A certificate that the operator signs itself, for a port whose clients know it by other means.
//
// X.509 v3 by hand: Node has no writer of certificates, and this one needs a key, a name, a time and a signature.
// Always: P-256 and SHA-256; a new key each time. Never: a CA: it can vouch for nobody else.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
}

/** DNS names of a Service, the one that Prometheus' configurations write first. */
export function serviceNames(service: string, namespace: string): [string, ...string[]] {
  const full = `${service}.${namespace}.svc`
  return [full, `${full}.cluster.local`, `${service}.${namespace}`, service]
}

/** Certificate of a server that has these DNS names, valid for so many days from an hour ago. */
export function selfSigned(names: readonly [string, ...string[]], days: number, nowMs: number): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(set(sequence(oid(COMMON_NAME), text(names[0].slice(0, 64)))))
  const body = sequence(
    tagged(0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(nowMs - 3_600_000), time(nowMs + days * 86_400_000)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      3,
      sequence(
        extension(BASIC_CONSTRAINTS, sequence()),
        extension(SUBJECT_ALT_NAME, sequence(...names.map((each) => der(0x82, Buffer.from(each, 'latin1'))))),
        extension(EXTENDED_KEY_USAGE, sequence(oid(SERVER_AUTH))),
      ),
    ),
  )
  const signature = der(0x03, Buffer.of(0), sign('sha256', body, privateKey))
  return {
    cert: pem('CERTIFICATE', sequence(body, ECDSA_WITH_SHA256, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

// Object identifiers, as they are encoded.
const COMMON_NAME = '550403'
const BASIC_CONSTRAINTS = '551d13'
const SUBJECT_ALT_NAME = '551d11'
const EXTENDED_KEY_USAGE = '551d25'
const SERVER_AUTH = '2b06010505070301'
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'))

/** Tag, length, content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length > 0xffff) throw new Error(`a certificate with a part of ${length} bytes; give it fewer names.`)
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, ...parts)
}
function set(part: Uint8Array): Buffer {
  return der(0x31, part)
}
function tagged(number: number, part: Uint8Array): Buffer {
  return der(0xa0 + number, part)
}
function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}
function integer(bytes: Uint8Array): Buffer {
  return der(0x02, bytes)
}
function text(value: string): Buffer {
  return der(0x0c, Buffer.from(value, 'utf8'))
}
/** GeneralizedTime where the year has more than two digits to say, UTCTime before 2050, as RFC 5280 wants it. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return digits < '2050' ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits))
}
function extension(id: string, value: Uint8Array): Buffer {
  return sequence(oid(id), der(0x04, value))
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
