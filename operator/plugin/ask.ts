// Asks pods how they are, through the API server's proxy: what works wherever kubectl does.
//
// Always: bounded in time and size; an answer is a stranger's word, taken whole or not at all; a pod that does not answer
// is an answer, too, with the reason. Never: the rest waits for it longer than its time.
import type * as z from 'zod'
import { ApiError, type KubeClient } from '../kube/client.ts'
import { type KubeObject, pathOf, POD } from '../kube/objects.ts'
import { slots } from '../kube/slots.ts'

/** What a pod said, or why it said nothing. */
export type Answer<T> = { readonly said: T } | { readonly error: string }

const TIMEOUT_MS = 5_000
const AT_ONCE_MAX = 16
const ANSWER_BYTES_MAX = 32 * 2 ** 20
const PORT = 8080

interface PodFields {
  readonly containers?: readonly {
    readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
  }[]
}

/** Asks all of the pods that run for what stands at a path; the answers by uid. */
export async function askPods<S extends z.ZodType>(
  client: KubeClient,
  pods: readonly KubeObject[],
  { path, schema, signal }: { readonly path: 'summary' | 'status'; readonly schema: S; readonly signal: AbortSignal },
): Promise<Map<string, Answer<z.output<S>>>> {
  const places = slots(AT_ONCE_MAX)
  const running = pods.filter((pod) => (pod['status'] as { phase?: string } | undefined)?.phase === 'Running')
  const answers = running.map(async (pod) => {
    const leave = await places.take(signal)
    try {
      return [pod.metadata.uid ?? '', await ask(client, pod, path, schema, signal)] as const
    } finally {
      leave()
    }
  })
  return new Map(await Promise.all(answers))
}

async function ask<S extends z.ZodType>(
  client: KubeClient,
  pod: KubeObject,
  path: string,
  schema: S,
  signal: AbortSignal,
): Promise<Answer<z.output<S>>> {
  const late = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const at = `${pathOf(POD, pod.metadata.namespace, pod.metadata.name)}:${portOf(pod)}/proxy/${path}`
    const bytes = await readAll(await client.stream(at, {}, AbortSignal.any([late, signal])), ANSWER_BYTES_MAX)
    const { data, error } = schema.safeParse(JSON.parse(bytes.toString('utf8')))
    if (error === undefined) return { said: data as z.output<S> }
    const [issue] = error.issues
    return { error: `its /${path} is not one: ${(issue?.path ?? []).join('.')}: ${issue?.message ?? ''}` }
  } catch (error) {
    signal.throwIfAborted()
    if (late.aborted) return { error: `no answer within ${TIMEOUT_MS / 1000} s` }
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
