// The operator's metrics over HTTPS, for those whom the API server lets read them.
//
// In: GET /metrics with a bearer token. Out: the text for Prometheus; 401 for who is unknown, 403 for who may not, 503
// while the API server cannot be asked, each with a sentence that says what to do.
// Always: a certificate that is mounted is read again when it changes; one that we sign ourselves is renewed in time.
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { BOUNDS, listen } from '../server.ts'
import type { Place, Serving } from '../server.ts'
import { selfSigned } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import type { Permission, Verdict } from './permission.ts'

export interface MetricsServerOptions extends Place {
  readonly text: () => Promise<string>
  readonly contentType: string
  /** Who may read; undefined: everyone, over plain HTTP. */
  readonly permission: Permission | undefined
  /** Folder with tls.crt and tls.key; undefined: self-signed. */
  readonly certificateDir?: string | undefined
  /** DNS names of a self-signed certificate. */
  readonly names: readonly [string, ...string[]]
  /** Told of what an operator should know: a certificate that cannot be read, a scrape that failed. */
  readonly onProblem: (problem: string) => void
  /** Told of the certificate that is used from now on: when it expires, ms since the epoch. */
  readonly onCertificate?: (expiresMs: number) => void
  /** How often the certificate is looked at. */
  readonly lookMs?: number
}

const LOOK_MS = 60_000
const VALID_DAYS = 365
const RENEW_MS = 180 * 86_400_000

/** Serves until it is closed. */
export async function serveMetrics(options: MetricsServerOptions): Promise<Serving> {
  const { permission } = options
  const answer = (request: IncomingMessage, response: ServerResponse) => void reply(request, response, options)
  if (permission === undefined) return listen(createServer(BOUNDS, answer), options, 'metrics')
  const certificates = await openCertificates(options)
  const tell = ({ cert }: Certificate) => options.onCertificate?.(new X509Certificate(cert).validToDate.getTime())
  tell(certificates.current)
  const server = createSecureServer({ ...BOUNDS, ...certificates.current, minVersion: 'TLSv1.2' }, answer)
  const timer = setInterval(
    () =>
      void certificates.renew((current) => {
        server.setSecureContext(current)
        tell(current)
      }),
    options.lookMs ?? LOOK_MS,
  )
  timer.unref()
  const serving = await listen(server, options, 'metrics')
  return {
    ...serving,
    close() {
      clearInterval(timer)
      return serving.close()
    },
  }
}

interface Certificates {
  current: Certificate
  /** Looks whether there is another, and hands it over. */
  renew(use: (current: Certificate) => void): Promise<void>
}

async function openCertificates({ certificateDir, names, onProblem }: MetricsServerOptions): Promise<Certificates> {
  if (certificateDir !== undefined) return mounted(certificateDir, onProblem)
  let signedMs = Date.now()
  const certificates: Certificates = {
    current: selfSigned(names, VALID_DAYS, signedMs),
    async renew(use) {
      if (Date.now() - signedMs < RENEW_MS) return
      signedMs = Date.now()
      certificates.current = selfSigned(names, VALID_DAYS, signedMs)
      use(certificates.current)
    },
  }
  return certificates
}

async function mounted(dir: string, onProblem: (problem: string) => void): Promise<Certificates> {
  const certificates: Certificates = {
    current: await readCertificate(dir),
    async renew(use) {
      try {
        const fresh = await readCertificate(dir)
        if (fresh.cert === certificates.current.cert && fresh.key === certificates.current.key) return
        use(fresh)
        certificates.current = fresh
      } catch (error) {
        // The one that we have is better than none, until it is no longer valid.
        onProblem((error as Error).message)
      }
    },
  }
  return certificates
}

/** Certificate and key that belong together; a Secret's two files are replaced at once, but two reads are not one. */
async function readCertificate(dir: string): Promise<Certificate> {
  try {
    const [cert, key] = await Promise.all(['tls.crt', 'tls.key'].map((name) => readFile(join(dir, name), 'utf8')))
    createSecureContext({ cert, key })
    return { cert: cert as string, key: key as string }
  } catch (cause) {
    const why = (cause as Error).message
    throw new Error(`--metrics-certificate ${dir}: no certificate (${why}); mount a Secret with tls.crt and tls.key.`, {
      cause,
    })
  }
}

const REFUSALS: Readonly<Record<Exclude<Verdict, 'allowed'>, readonly [code: number, says: string]>> = {
  unknown: [401, 'who asks is not known; send the token of a ServiceAccount: Authorization: Bearer …'],
  forbidden: [403, 'you may not get /metrics; bind the ClusterRole …-metrics-reader to your ServiceAccount'],
}

async function reply(request: IncomingMessage, response: ServerResponse, options: MetricsServerOptions): Promise<void> {
  const { permission, text, contentType, onProblem } = options
  if ((request.url ?? '').replace(/\?.*$/, '') !== '/metrics') return end(response, 404, 'ask /metrics')
  if (request.method !== 'GET') return end(response, 405, 'GET is all that there is')
  try {
    const verdict = (await permission?.of(request.headers.authorization)) ?? 'allowed'
    if (verdict !== 'allowed') return end(response, ...REFUSALS[verdict])
  } catch (error) {
    onProblem(`who asks for metrics could not be told: ${(error as Error).message}`)
    return end(response, 503, 'the API server does not say who you are; ask again')
  }
  try {
    const body = await text()
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body)
  } catch (error) {
    onProblem(`metrics could not be made: ${(error as Error).message}`)
    end(response, 500, 'the metrics could not be made; the log of the operator says why')
  }
}

function end(response: ServerResponse, code: number, says: string): void {
  const challenge = code === 401 ? { 'www-authenticate': 'Bearer realm="marketprism-operator"' } : {}
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...challenge }
  response.writeHead(code, headers).end(`${says}\n`)
}
