// Who may read the metrics: the API server says who a token is of (TokenReview) and what that user may (a
// SubjectAccessReview on the path, verb get), as it does for its own metrics and for those of other controllers.
//
// In: an Authorization header. Out: allowed, unknown (401) or forbidden (403). Always: an answer is kept for a while, so
// that a scrape costs nothing; several who ask at once ask once; a few questions are open at a time, so that whoever guesses
// tokens does not take the connections that Collectors need. Never: keeps a token; takes silence for a yes.
import { createHash } from 'node:crypto'
import type { KubeClient } from '../kube/client.ts'

export type Verdict = 'allowed' | 'unknown' | 'forbidden'

export interface Permission {
  /** Rejects where the API server cannot be asked. */
  of(authorization: string | undefined): Promise<Verdict>
}

export interface PermissionOptions {
  readonly client: Pick<KubeClient, 'request'>
  /** `/metrics` */
  readonly path: string
  readonly nowMs: () => number
}

interface User {
  readonly username?: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

const TOKEN_MS = 60_000
const ALLOWED_MS = 300_000
const DENIED_MS = 30_000
const KEPT_MAX = 256
/** Questions that the API server has not answered yet. */
const OPEN_MAX = 4
const ANSWER_MS_MAX = 10_000

export function openPermission({ client, path, nowMs }: PermissionOptions): Permission {
  const users = kept<User | undefined>(nowMs, () => TOKEN_MS)
  const rights = kept<boolean>(nowMs, (isAllowed) => (isAllowed ? ALLOWED_MS : DENIED_MS))

  let open = 0
  const review = async <T>(group: string, plural: string, kind: string, spec: object): Promise<{ status?: T }> => {
    if (open >= OPEN_MAX) throw new Error('too many ask at the same time')
    open += 1
    try {
      const body = { apiVersion: `${group}/v1`, kind, spec }
      const path = `/apis/${group}/v1/${plural}`
      return await client.request({ method: 'POST', path, body, timeoutMs: ANSWER_MS_MAX })
    } finally {
      open -= 1
    }
  }
  const userOf = async (token: string): Promise<User | undefined> => {
    const { status } = await review<{ authenticated?: boolean; user?: User }>(
      ...(['authentication.k8s.io', 'tokenreviews', 'TokenReview', { token }] as const),
    )
    return status?.authenticated === true ? status.user : undefined
  }
  const mayGet = async ({ username, uid, groups, extra }: User): Promise<boolean> => {
    const attributes = { path, verb: 'get' }
    const { status } = await review<{ allowed?: boolean; denied?: boolean }>(
      ...(['authorization.k8s.io', 'subjectaccessreviews', 'SubjectAccessReview'] as const),
      { user: username, uid, groups, extra, nonResourceAttributes: attributes },
    )
    return status?.allowed === true && status.denied !== true
  }

  return {
    async of(authorization) {
      const token = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization ?? '')?.[1]
      if (token === undefined) return 'unknown'
      const user = await users(createHash('sha256').update(token).digest('base64'), () => userOf(token))
      if (user === undefined) return 'unknown'
      return (await rights(JSON.stringify(user), () => mayGet(user))) ? 'allowed' : 'forbidden'
    },
  }
}

/** Answers by key, each kept for its time; what failed is not kept, and the oldest goes where there are too many. */
function kept<T>(nowMs: () => number, forMs: (answer: T) => number) {
  const answers = new Map<string, { readonly answer: Promise<T>; untilMs: number }>()
  return (key: string, ask: () => Promise<T>): Promise<T> => {
    const known = answers.get(key)
    if (known !== undefined && nowMs() < known.untilMs) return known.answer
    answers.delete(key)
    const [oldest] = answers.keys()
    if (answers.size >= KEPT_MAX && oldest !== undefined) answers.delete(oldest)
    const entry = { answer: ask(), untilMs: Infinity }
    answers.set(key, entry)
    entry.answer.then(
      (answer) => (entry.untilMs = nowMs() + forMs(answer)),
      () => answers.get(key) === entry && answers.delete(key),
    )
    return entry.answer
  }
}
