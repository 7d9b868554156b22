// Asks pods how they are, through the API server: what works wherever kubectl does.
//
// Always: bounded in time and size; an answer is a stranger's word, taken whole or not at all; a pod that does not
// answer is an answer, too, with the reason. Never: the rest waits for it longer than its time.
import type * as z from 'zod'
import { ApiError } from '../kube/client.ts'
import { type KubeObject, pathOf, POD } from '../kube/objects.ts'
import { slots } from '../kube/slots.ts'
import type { Cluster } from './cluster.ts'

/** What a pod said, or why it said nothing. */
export type Answer<T> = { readonly said: T } | { readonly error: string }

const PROXY_MS_MAX = 2_500
const FORWARD_MS_MAX = 5_000
const AT_ONCE_MAX = 16
const ANSWER_BYTES_MAX = 32 * 2 ** 20
const PORT = 8080

interface PodFields {
  readonly containers?: readonly {
    readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
  }[]
}

interface Question<S extends z.ZodType> {
  readonly path: 'summary' | 'status'
  readonly schema: S
  readonly signal: AbortSignal
}

/** Asks all of the pods that run for what stands at a path; the answers by uid. */
export async function askPods<S extends z.ZodType>(
  cluster: Ways,
  pods: readonly KubeObject[],
  question: Question<S>,
): Promise<Map<string, Answer<z.output<S>>>> {
  const places = slots(AT_ONCE_MAX)
  const running = pods.filter((pod) => (pod['status'] as { phase?: string } | undefined)?.phase === 'Running')
  const answers = running.map(async (pod) => {
    const leave = await places.take(question.signal)
    try {
      return [pod.metadata.uid ?? '', await ask(cluster, pod, question)] as const
    } finally {
      leave()
    }
  })
  return new Map(await Promise.all(answers))
}

type Ways = Pick<Cluster, 'client' | 'forward' | 'reach'>

/** By the way that reached a pod last, and else by the other: the proxy first. */
async function ask<S extends z.ZodType>(
  { client, forward, reach }: Ways,
  pod: KubeObject,
  question: Question<S>,
): Promise<Answer<z.output<S>>> {
  const port = portOf(pod)
  const at = `${pathOf(POD, pod.metadata.namespace, pod.metadata.name)}:${port}/proxy/${question.path}`
  const byProxy = () => within(PROXY_MS_MAX, question, (until) => client.stream(at, {}, until))
  const byForward = () => within(FORWARD_MS_MAX, question, (until) => forward(pod, port, question.path, until))
  const isForward = reach.byForward
  const first = await (isForward ? byForward() : byProxy())
  if ('said' in first) return first
  const second = await (isForward ? byProxy() : byForward())
  question.signal.throwIfAborted()
  if ('said' in second) {
    reach.byForward = !isForward
    return second
  }
  const [proxy, forwarded] = isForward ? [second, first] : [first, second]
  return { error: `${proxy.error}; by port-forward: ${forwarded.error}` }
}

async function within<S extends z.ZodType>(
  ms: number,
  { path, schema, signal }: Question<S>,
  open: (until: AbortSignal) => Promise<AsyncIterable<Buffer>>,
): Promise<Answer<z.output<S>>> {
  const late = AbortSignal.timeout(ms)
  try {
    const bytes = await readAll(await open(AbortSignal.any([late, signal])), ANSWER_BYTES_MAX)
    const { data, error } = schema.safeParse(JSON.parse(bytes.toString('utf8')))
    if (error === undefined) return { said: data as z.output<S> }
    const [issue] = error.issues
    return { error: `its /${path} is not one: ${(issue?.path ?? []).join('.')}: ${issue?.message ?? ''}` }
  } catch (error) {
    signal.throwIfAborted()
    if (late.aborted) return { error: `no answer within ${ms / 1000} s` }
    if (error instanceof SyntaxError) return { error: `its /${path} is no JSON` }
    if (error instanceof ApiError && error.status === 403) return { error: 'you may not ask it: no get on pods/proxy' }
    return { error: (error as Error).message.replace(/^.*?: (\d{3} )/, '$1') }
  }
}

function portOf({ spec }: KubeObject): number {
  const ports = ((spec ?? {}) as PodFields).containers?.flatMap((one) => one.ports ?? []) ?? []
  return ports.find(({ name }) => name === 'http')?.containerPort ?? PORT
}

async function readAll(stream: AsyncIterable<Buffer>, max: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes > max) throw new Error(`its answer is longer than ${max} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
