// Whom the pods of a Collector may reach, and who may reach them. All else is denied.
//
// Always: what is opened is a port at a place, as narrow as the spec's words allow. Never: an address that hands out
// credentials, whatever the spec says (addresses.ts); ranges of the cluster, but where the spec names a host there.
//
// A policy sees the packet behind the Service: the pod's address, and the pod's port, not the port of the Service. Where
// the two differ (a proxy at `http://proxy:80` whose pods listen on 3128) the pod's must be opened by another policy:
// policies add up. docs/operator.md says so to users.
import type { KubeObject } from '../kube/objects.ts'
import { forbiddenRanges, hostOf, isWithin, rangeOf, widest } from './addresses.ts'
import { type Destination, destinations, isForbidden, usesVenueAddresses } from './destinations.ts'
import type { ClusterFacts, Desired } from './facts.ts'
import { collectorSelector } from './labels.ts'
import { metadataOf } from './metadata.ts'
import { PORT } from './pod.ts'

const NAMESPACE = 'kubernetes.io/metadata.name'
const HTTPS = 443
/** Ports beside 443 at which venues serve their streams; a test compares them with the rooms of the exchanges. */
const VENUE_PORTS: readonly number[] = [8443, 9443]
/** What a cluster's own DNS listens on: CoreDNS mostly on 53, in OpenShift on 5353, in Gardener on 8053. */
const DNS_PORTS = { usual: [53], others: [5353, 8053], namespaces: ['kube-system', 'openshift-dns'] }
/**
 * NodeLocal DNSCache: link-local, which is denied for all else. It also answers at the address of the cluster's DNS
 * Service, on the node itself and so behind no Service: hence 53 into the ranges of the cluster.
 */
const NODE_LOCAL_DNS = '169.254.20.10/32'

interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] }
  readonly namespaceSelector?: object
}
interface Rule {
  readonly ports: readonly object[]
  readonly to: readonly Peer[]
}

export function networkPolicy({ owner, facts }: Desired): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(owner, owner.name),
    spec: {
      podSelector: { matchLabels: collectorSelector(owner.name) },
      policyTypes: ['Ingress', 'Egress'],
      // From any namespace, which includes the operator's: Prometheus may be anywhere, and what is served is read-only
      // and holds no secret. The kubelet's probes come from the node, which no policy denies.
      ingress: [{ from: [{ namespaceSelector: {} }], ports: tcp([PORT.number]) }],
      egress: [...dns(facts), ...egress(owner, facts)],
    },
  }
}

/** Any pod that is asked for a name, wherever this cluster has them. */
function dns({ clusterRanges }: ClusterFacts): Rule[] {
  const { usual, others, namespaces } = DNS_PORTS
  const both = (numbers: readonly number[]): object[] => [...ports('UDP', numbers), ...ports('TCP', numbers)]
  return [
    {
      ports: both(usual),
      to: [{ namespaceSelector: {} }, ...[...clusterRanges, NODE_LOCAL_DNS].map((cidr) => ({ ipBlock: { cidr } }))],
    },
    { ports: both(others), to: namespaces.map(namespace) },
  ]
}

/** Ports by place, so that each place is one rule. */
interface Places {
  /** The internet. */
  readonly outside: Set<number>
  /** Anywhere but the forbidden. */
  readonly anywhere: Set<number>
  /** Single addresses. */
  readonly addresses: Map<string, Set<number>>
  /** Namespaces; the empty name stands for all. */
  readonly namespaces: Map<string, Set<number>>
}

function egress({ namespace: own, spec }: Desired['owner'], facts: ClusterFacts): Rule[] {
  const places: Places = {
    outside: new Set([HTTPS, ...(usesVenueAddresses(spec) ? VENUE_PORTS : [])]),
    anywhere: new Set(),
    addresses: new Map(),
    namespaces: new Map(),
  }
  for (const each of destinations(spec)) if (!isForbidden(each, facts)) place(each, own, facts, places)
  const never = forbiddenRanges(facts.apiServers)
  const { outside, anywhere, addresses, namespaces } = places
  return [
    { ports: tcp(outside), to: everywhereBut([...never, ...facts.clusterRanges]) },
    ...(anywhere.size === 0 ? [] : [{ ports: tcp(anywhere), to: everywhereBut(never) }]),
    ...sorted(namespaces).map(([name, numbers]) => ({ ports: tcp(numbers), to: [namespace(name)] })),
    ...sorted(addresses).map(([ip, numbers]) => ({ ports: tcp(numbers), to: [{ ipBlock: { cidr: rangeOf(ip) } }] })),
  ]
}

/** Where a host is, by how it is named. */
function place({ host, port, side }: Destination, own: string, facts: ClusterFacts, places: Places): void {
  const { text, ip } = hostOf(host)
  if (ip) {
    add(places.addresses, text, port)
    // Perhaps the address of a Service: the policy sees its pods, which may be in any namespace.
    if (isWithin(text, facts.clusterRanges)) add(places.namespaces, '', port)
    return
  }
  const inside = namespacesOf(text, own)
  for (const name of inside.names) add(places.namespaces, name, port)
  if (inside.certain) return
  // A user's own servers may be next to the cluster, in ranges that count as the cluster's; an exchange is not.
  const open = side === 'own' ? places.anywhere : places.outside
  open.add(port)
}

/**
 * Namespaces that a name may mean, and whether it can mean nothing else: `nats` and `nats.messaging.svc…` are inside for
 * certain; `nats.messaging` may be a Service and its namespace, a pod and its Service, or a host on the internet.
 */
function namespacesOf(name: string, own: string): { readonly names: readonly string[]; readonly certain: boolean } {
  const labels = name.split('.')
  if (labels.length === 1) return { names: [own], certain: true }
  const svc = labels.indexOf('svc', 2)
  if (svc > 0) return { names: labels.slice(svc - 1, svc).filter(isNamespace), certain: true }
  return { names: labels.length === 2 ? [own, ...labels.slice(1).filter(isNamespace)] : [], certain: false }
}

/** What is no name of a namespace would have the whole policy refused. */
function isNamespace(label: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label)
}

function add(map: Map<string, Set<number>>, key: string, port: number): void {
  map.set(key, (map.get(key) ?? new Set()).add(port))
}

function sorted(map: ReadonlyMap<string, Set<number>>): [string, Set<number>][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** What is nowhere opened is the same for all Collectors of an operator, but while it learns where the API server is. */
const EXCEPTIONS_MAX = 8
const exceptions = new Map<string, string[]>()

/** All addresses of both families but these ranges. */
function everywhereBut(ranges: readonly string[]): Peer[] {
  const key = ranges.join(' ')
  const except = exceptions.get(key) ?? widest(ranges)
  if (exceptions.size >= EXCEPTIONS_MAX) exceptions.clear()
  exceptions.set(key, except)
  return [
    { ipBlock: { cidr: '0.0.0.0/0', except: except.filter((range) => !range.includes(':')) } },
    { ipBlock: { cidr: '::/0', except: except.filter((range) => range.includes(':')) } },
  ]
}

/** The pods of a namespace; of all where the name is empty. */
function namespace(name: string): Peer {
  return { namespaceSelector: name === '' ? {} : { matchLabels: { [NAMESPACE]: name } } }
}

function tcp(numbers: Iterable<number>): object[] {
  return ports('TCP', numbers)
}

function ports(protocol: 'TCP' | 'UDP', numbers: Iterable<number>): object[] {
  return [...numbers].toSorted((a, b) => a - b).map((port) => ({ protocol, port }))
}
