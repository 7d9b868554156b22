// Whom a Collector's spec says to connect to, and what of that is refused.
//
// In: the spec. Out: hosts and ports, each with the path of its field. Never: a URL is quoted in a sentence; it might hold
// a password where the API server did not check it.
import { quoted } from '../../crds/sentence.ts'
import { forbidden } from './addresses.ts'
import type { ClusterFacts, Owner } from './facts.ts'

export interface Destination {
  /** `spec.sink.nats.servers[0]` */
  readonly path: string
  /** What should stand there instead of an address that is refused. */
  readonly wanted: string
  /** `own`: what the user runs or rents, anywhere; `venue`: an exchange, on the internet or simulated in the cluster. */
  readonly side: 'own' | 'venue'
  /** As the URL has it: IPv6 in brackets. */
  readonly host: string
  readonly port: number
}

const PORT_OF_SCHEME: Readonly<Record<string, number>> = {
  nats: 4222,
  tls: 4222,
  ws: 80,
  http: 80,
  wss: 443,
  https: 443,
  socks5: 1080,
  socks5h: 1080,
}
const URL_FORM = /^([a-z0-9]+):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]+))?(?:\/|$)/

/** Every server that the spec names. */
export function destinations({ feeds, sink }: Owner['spec']): Destination[] {
  const servers = (sink.nats?.servers ?? []).map((url, i) =>
    destination(url, { path: `spec.sink.nats.servers[${i}]`, side: 'own', wanted: 'the address of a NATS server' }),
  )
  const venues = feeds.flatMap(({ endpoints, proxy }, i) => {
    const path = `spec.feeds[${i}]`
    const exchange = { side: 'venue', wanted: 'the address of an exchange' } as const
    return [
      destination(endpoints?.websocket, { ...exchange, path: `${path}.endpoints.websocket` }),
      destination(endpoints?.rest, { ...exchange, path: `${path}.endpoints.rest` }),
      destination(proxy?.url, { path: `${path}.proxy.url`, side: 'own', wanted: 'the address of a proxy' }),
    ]
  })
  return [...servers, ...venues].filter((each) => each !== undefined)
}

/** Whether some feed goes to the addresses that its venue publishes, by no proxy. */
export function usesVenueAddresses({ feeds }: Owner['spec']): boolean {
  return feeds.some(({ endpoints, proxy }) => endpoints?.websocket === undefined && proxy === undefined)
}

/** Whether no port may be opened to it. */
export function isForbidden({ host }: Destination, { apiServers }: Pick<ClusterFacts, 'apiServers'>): boolean {
  return forbidden(host, apiServers) !== undefined
}

/** A sentence for each address to which no collector may be sent. */
export function refusedEndpoints(spec: Owner['spec'], { apiServers }: Pick<ClusterFacts, 'apiServers'>): string[] {
  return destinations(spec).flatMap(({ path, wanted, host }) => {
    const what = forbidden(host, apiServers)
    return what === undefined
      ? []
      : [`${path}: ${quoted(host)} is ${what}, which no collector may ask; write ${wanted}.`]
  })
}

function destination(
  url: string | undefined,
  about: Pick<Destination, 'path' | 'wanted' | 'side'>,
): Destination | undefined {
  const [, scheme = '', host, port] = URL_FORM.exec(url ?? '') ?? []
  if (host === undefined) return undefined
  return { ...about, host, port: port === undefined ? (PORT_OF_SCHEME[scheme] ?? 443) : Number(port) }
}
