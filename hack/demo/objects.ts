// What the demo applies for each exchange: the simulated exchange, and the Collector that takes it up. Pure.
import type { Room } from '../../collector/exchanges/room.ts'
import { API_VERSION, GROUP, KIND } from '../../crds/collector.ts'

export const NAMESPACE = 'market'
export const STREAM = 'MARKET_DATA'
export const PREFIX = 'market'

/** Where the markets of a simulated exchange listen, as it prints them. */
export type Urls = Readonly<Record<string, { readonly websocket: string; readonly rest: string }>>

/** Name of the Deployment and the Service of a simulated exchange. */
export function simulatedName(exchange: string): string {
  return `exchange-${exchange}`
}

/** How a simulated exchange is run, where that differs from the demo's. */
export interface Simulation {
  /** Name of its Deployment and Service. */
  readonly name?: string
  readonly symbols?: number
  /** Orders a second on each market. */
  readonly rate?: number
  /** Only this one of its markets. */
  readonly market?: string
  /** What the node that it runs on is labelled with. */
  readonly nodeSelector?: Readonly<Record<string, string>>
}

/** The spec of a pod of one container, as a namespace takes it that admits restricted pods only. */
export function restricted(container: object) {
  const securityContext = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{ ...container, securityContext }],
  }
}

/** The simulated exchange: a pod, and a name by which every port of it is reached. */
export function simulated(exchange: string, image: string, simulation: Simulation = {}): object[] {
  const { name = simulatedName(exchange), symbols = 2, rate = 60, market, nodeSelector } = simulation
  const labels = { 'app.kubernetes.io/name': name }
  const metadata = { name, namespace: NAMESPACE, labels }
  const args = ['--exchange', exchange, '--symbols', String(symbols), '--rate', String(rate)]
  if (market !== undefined) args.push('--market', market)
  args.push('--host', '0.0.0.0', '--port', '9000', '--json')
  const container = {
    name: 'exchange',
    image,
    args,
    readinessProbe: { tcpSocket: { port: 9000 }, periodSeconds: 2 },
    resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '384Mi' } },
  }
  const pod = { ...restricted(container), ...(nodeSelector && { nodeSelector }) }
  const template = { metadata: { labels }, spec: pod }
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: 'None', selector: labels } },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { selector: { matchLabels: labels }, template } },
  ]
}

/** A Collector of every market and type of an exchange, at its simulation. */
export function collectorOf(exchange: string, rooms: readonly Room[], urls: Urls): object {
  const feeds = rooms
    .filter((room) => room.exchange === exchange)
    .map(({ market, types }) => ({
      exchange,
      market,
      symbols: ['*'],
      types: Object.keys(types),
      endpoints: endpointsOf(exchange, urls[market]),
    }))
  return {
    apiVersion: `${GROUP}/${API_VERSION}`,
    kind: KIND,
    metadata: { name: exchange, namespace: NAMESPACE },
    spec: { feeds, sink: { nats: sinkOf() } },
  }
}

function sinkOf(): object {
  const stream = { name: STREAM, manage: 'operator', maxAge: '1h', maxBytes: '1Gi', duplicateWindow: '2m' }
  return { servers: [`nats://nats.${NAMESPACE}:4222`], prefix: PREFIX, stream }
}

/** The addresses that the exchange printed, by the name that the cluster knows it by. */
function endpointsOf(exchange: string, at: Urls[string] | undefined): object {
  if (at === undefined) return {}
  const host = `//${simulatedName(exchange)}.${NAMESPACE}:`
  return { websocket: at.websocket.replace('//0.0.0.0:', host), rest: at.rest.replace('//0.0.0.0:', host) }
}
