// Which of the Secrets, ConfigMaps and ServiceAccounts that Collectors name are there, and may be used. Read by name,
// never listed.
//
// Always: what is missing is looked for every few seconds, what is there once a minute. An answer that cannot be had (403,
// the API server away) changes nothing: the last one stands. Never: a content is kept.
import type { KubeClient } from '../kube/client.ts'
import { CONFIG_MAP, type Kind, type KubeObject, SECRET, SERVICE_ACCOUNT } from '../kube/objects.ts'
import type { Owner } from '../resources/facts.ts'
import { refusedServiceAccount } from '../resources/service-account.ts'
import type { Problem } from './status.ts'
import type { SecretKeys } from './streams.ts'

const PRESENT_MS = 60_000
const MISSING_MS = 3_000

/** What a Collector needs beside itself. */
interface Need {
  readonly kind: Kind
  readonly name: string
  /** The field that names it. */
  readonly field: string
}

interface Looked {
  readonly problem: Problem | undefined
  readonly untilMs: number
}

export interface Lack {
  readonly problems: readonly Problem[]
  /** Whether nothing may be applied because of it. */
  readonly isForbidden: boolean
  /** When to look again, ms from now. */
  readonly againMs: number | undefined
}

export class Needs {
  readonly #client: Pick<KubeClient, 'get'>
  readonly #nowMs: () => number
  readonly #looked = new Map<string, Looked>()

  constructor(client: Pick<KubeClient, 'get'>, nowMs: () => number) {
    this.#client = client
    this.#nowMs = nowMs
  }

  /** What is missing, and what may not be used. */
  async look(owner: Owner): Promise<Lack> {
    const needs = needsOf(owner)
    const nowMs = this.#nowMs()
    const looked = await Promise.all(needs.map((need) => this.#at(owner, need, nowMs)))
    const problems = looked.flatMap(({ problem }) => problem ?? [])
    return {
      problems,
      isForbidden: problems.some(({ reason }) => reason === 'Refused'),
      againMs: looked.length === 0 ? undefined : Math.max(0, Math.min(...looked.map(({ untilMs }) => untilMs)) - nowMs),
    }
  }

  async #at({ namespace }: Owner, need: Need, nowMs: number): Promise<Looked> {
    const id = `${need.kind.kind}/${namespace}/${need.name}`
    const known = this.#looked.get(id)
    if (known !== undefined && nowMs < known.untilMs) return known
    const problem = await this.#client.get(need.kind, namespace, need.name).then(
      (found) => problemOf(need, found, namespace),
      () => known?.problem,
    )
    const looked = { problem, untilMs: nowMs + (problem === undefined ? PRESENT_MS : MISSING_MS) }
    this.#looked.set(id, looked)
    return looked
  }
}

function problemOf({ kind, name, field }: Need, found: KubeObject | undefined, namespace: string): Problem | undefined {
  if (kind === SERVICE_ACCOUNT) {
    const message = refusedServiceAccount(name, found)
    return message === undefined ? undefined : { reason: 'Refused', message }
  }
  if (found !== undefined) return undefined
  const message = `${kind.kind} ${name}, named by ${field}, is not there; create it in namespace ${namespace}.`
  return { reason: `${kind.kind}Missing`, message }
}

function needsOf({ spec }: Owner): Need[] {
  const named: [Kind, string, string | undefined][] = [
    [SERVICE_ACCOUNT, 'spec.serviceAccount', spec.serviceAccount],
    [SECRET, 'spec.sink.nats.credentialsSecret', spec.sink.nats?.credentialsSecret?.name],
    [SECRET, 'spec.sink.nats.tls.secret', spec.sink.nats?.tls?.secret.name],
    [CONFIG_MAP, 'spec.caBundle.configMap', spec.caBundle?.configMap],
    ...(spec.imagePullSecrets ?? []).map(({ name }, i): [Kind, string, string] => {
      return [SECRET, `spec.imagePullSecrets[${i}]`, name]
    }),
    ...spec.feeds.map(({ proxy }, i): [Kind, string, string | undefined] => {
      return [SECRET, `spec.feeds[${i}].proxy.secret`, proxy?.secret?.name]
    }),
  ]
  return named.flatMap(([kind, field, name]) => (name === undefined ? [] : [{ kind, name, field }]))
}

/** The keys of a Secret, decoded; undefined where there is none. */
export async function readSecret(
  client: Pick<KubeClient, 'get'>,
  namespace: string,
  name: string,
): Promise<SecretKeys | undefined> {
  const secret = await client.get<KubeObject>(SECRET, namespace, name)
  if (secret === undefined) return undefined
  const data = (secret['data'] ?? {}) as Record<string, string>
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8').trim()]),
  )
}
