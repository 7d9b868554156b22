// Whether a venue's addresses can be reached: names, certificates, the proxy between.
//
// Always: each step is tried for itself, so that the first one that fails says what to mend. Never: longer than its limit.
import { lookup } from 'node:dns/promises'
import { connect as tlsConnect } from 'node:tls'
import { isIP, connect as tcpConnect } from 'node:net'
import { messageOf } from '../connection/errors.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const STEP_MS = 5_000
const DAY_MS = 86_400_000
/** A certificate that ends sooner is worth a word. */
const CERTIFICATE_DAYS = 14

/** What to do about a certificate, by Node's code. */
const CERTIFICATE_ADVICE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired; is the clock of this machine right?',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet; is the clock of this machine right?',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'something on the way answers with a certificate of its own; add its authority (spec.caBundle, or NODE_EXTRA_CA_CERTS)',
  SELF_SIGNED_CERT_IN_CHAIN:
    'something on the way answers with a certificate of its own; add its authority (spec.caBundle, or NODE_EXTRA_CA_CERTS)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the authority of the certificate is not known here; add it (spec.caBundle, or NODE_EXTRA_CA_CERTS)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for other names; is spec.feeds[].endpoints right?',
}

/** Tries the host of a URL; through a proxy only the proxy itself can be tried here. */
export async function tryAddress(url: URL, proxy: string | undefined): Promise<Finding[]> {
  if (proxy !== undefined) return tryProxy(new URL(proxy))
  const name = await tryName(url.hostname)
  if (name.verdict === 'fail') return [name]
  const isSecure = url.protocol === 'wss:' || url.protocol === 'https:'
  return [name, isSecure ? await tryCertificate(url) : await tryPort(url.hostname, portOf(url), 'tcp', url.host)]
}

async function tryProxy(proxy: URL): Promise<Finding[]> {
  const name = await tryName(proxy.hostname)
  if (name.verdict === 'fail') return [name]
  return [name, await tryPort(proxy.hostname, portOf(proxy), 'proxy', proxy.host)]
}

async function tryName(host: string): Promise<Finding> {
  try {
    const found = await lookup(host.replace(/^\[|\]$/g, ''), { all: true })
    return ok('dns', host, found.map(({ address }) => address).join(', '))
  } catch (error) {
    return fail('dns', host, `${messageOf(error)}; is the name right, and may this machine ask a DNS server?`)
  }
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  if (url.protocol.startsWith('socks')) return 1080
  return url.protocol === 'wss:' || url.protocol === 'https:' ? 443 : 80
}

function tryPort(host: string, port: number, what: string, about: string): Promise<Finding> {
  return new Promise((resolve) => {
    const socket = tcpConnect({ host, port, timeout: STEP_MS })
    const end = (finding: Finding) => {
      socket.destroy()
      resolve(finding)
    }
    socket.once('connect', () => end(ok(what, about, 'reachable')))
    socket.once('timeout', () => end(fail(what, about, `no answer in ${STEP_MS / 1000} s; does a firewall forbid it?`)))
    socket.once('error', (error) => end(fail(what, about, `${messageOf(error)}; is the address right?`)))
  })
}

function tryCertificate(url: URL): Promise<Finding> {
  return new Promise((resolve) => {
    const { hostname, host } = url
    const servername = isIP(hostname) === 0 ? { servername: hostname } : {}
    const socket = tlsConnect({ host: hostname, port: portOf(url), timeout: STEP_MS, ...servername })
    const end = (finding: Finding) => {
      socket.destroy()
      resolve(finding)
    }
    socket.once('secureConnect', () => {
      const days = Math.floor((Date.parse(socket.getPeerCertificate().valid_to) - Date.now()) / DAY_MS)
      const text = `${socket.getProtocol() ?? 'TLS'}, certificate for ${days} more days`
      end(days < CERTIFICATE_DAYS ? warn('tls', host, text) : ok('tls', host, text))
    })
    socket.once('timeout', () => end(fail('tls', host, `no answer in ${STEP_MS / 1000} s; does a firewall forbid it?`)))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const advice = CERTIFICATE_ADVICE[error.code ?? ''] ?? 'is the address right, and may this machine reach it?'
      end(fail('tls', host, `${messageOf(error)}; ${advice}`))
    })
  })
}
