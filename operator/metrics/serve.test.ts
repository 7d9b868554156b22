import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get as getPlain } from 'node:http'
import { get as getSecure } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import type { ControlPlane } from '../../test/kubernetes/controlplane.ts'
import { openClient } from '../kube/client.ts'
import type { KubeClient, KubeRequest } from '../kube/client.ts'
import type { Serving } from '../server.ts'
import { selfSigned } from './certificate.ts'
import { openPermission } from './permission.ts'
import type { Permission } from './permission.ts'
import { serveMetrics } from './serve.ts'
import type { MetricsServerOptions } from './serve.ts'

const TEXT = 'marketprism_operator_leader 1\n'
const TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const everyone: Permission = { of: () => Promise.resolve('allowed') }

async function open(options: Partial<MetricsServerOptions>): Promise<Serving & { readonly problems: string[] }> {
  const problems: string[] = []
  const serving = await serveMetrics({
    port: 0,
    host: '127.0.0.1',
    text: () => Promise.resolve(TEXT),
    contentType: TYPE,
    permission: everyone,
    names: ['metrics.prism.svc', 'localhost'],
    onProblem: (problem) => problems.push(problem),
    ...options,
  })
  onTestFinished(() => serving.close())
  return { ...serving, problems }
}

interface Answer {
  readonly code: number | undefined
  readonly type: string | undefined
  readonly challenge: string | undefined
  readonly body: string
  readonly certificate: X509Certificate | undefined
}

function ask(port: number, token?: string, { path = '/metrics', method = 'GET', plain = false } = {}): Promise<Answer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const options = { host: '127.0.0.1', port, path, method, headers, agent: false as const }
  return new Promise((resolve, reject) => {
    const get = plain ? getPlain : getSecure
    const request = get({ ...options, rejectUnauthorized: false }, (response) => {
      const raw = plain ? undefined : (response.socket as TLSSocket).getPeerCertificate(false).raw
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => (body += part))
      response.on('end', () =>
        resolve({
          code: response.statusCode,
          type: response.headers['content-type'],
          challenge: response.headers['www-authenticate'],
          body,
          certificate: raw && new X509Certificate(raw),
        }),
      )
    })
    request.on('error', reject)
  })
}

test('a certificate of our own names the service; what is no GET of /metrics is told so', async () => {
  const { port } = await open({})
  const answer = await ask(port, 'any')
  expect(answer).toMatchObject({ code: 200, type: TYPE, body: TEXT })
  expect(answer.certificate?.subjectAltName).toBe('DNS:metrics.prism.svc, DNS:localhost')
  expect(await ask(port, 'any', { path: '/' })).toMatchObject({ code: 404, body: 'ask /metrics\n' })
  expect(await ask(port, 'any', { method: 'POST' })).toMatchObject({ code: 405 })
  expect(await ask(port, 'any', { path: '/metrics?name[]=up' })).toMatchObject({ code: 200 })
})

test('open to everyone means plain HTTP, without a token', async () => {
  const { port } = await open({ permission: undefined })
  expect(await ask(port, undefined, { plain: true })).toMatchObject({ code: 200, body: TEXT })
})

test('a mounted certificate is used, and its successor once it is there; a broken one changes nothing', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'certificate-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const mount = ({ cert, key }: { cert: string; key: string }) => {
    writeFileSync(join(dir, 'tls.crt'), cert)
    writeFileSync(join(dir, 'tls.key'), key)
  }
  const [first, second] = ['one', 'two'].map((name) => selfSigned([name], 1, Date.now()))
  if (first === undefined || second === undefined) throw new Error('no certificates')
  mount(first)
  const { port, problems } = await open({ certificateDir: dir, lookMs: 10 })
  const nameServed = async () => (await ask(port, 'any')).certificate?.subject
  expect(await nameServed()).toBe('CN=one')
  mount({ cert: second.cert, key: first.key })
  await vi.waitFor(() =>
    expect(problems[0]).toMatch(/^--metrics-certificate .*: no certificate \(.*key values mismatch/),
  )
  expect(await nameServed()).toBe('CN=one')
  mount(second)
  await vi.waitFor(async () => expect(await nameServed()).toBe('CN=two'), { timeout: 10_000 })
})

test('a folder without a certificate, and a port that is taken, are refused with what to do', async () => {
  await expect(open({ certificateDir: '/nowhere' })).rejects.toThrow(
    /^--metrics-certificate \/nowhere: no certificate \(ENOENT.*; mount a Secret with tls\.crt and tls\.key\.$/,
  )
  const { port } = await open({})
  await expect(open({ port })).rejects.toThrow(/^metrics: port \d+ cannot be had .*give another port$/)
})

test('metrics that cannot be made are a 500 and a problem', async () => {
  const { port, problems } = await open({ text: () => Promise.reject(new Error('broken')) })
  expect(await ask(port, 'any')).toMatchObject({ code: 500 })
  expect(problems).toEqual(['metrics could not be made: broken'])
})

describeWithControlPlane('who may read is what the API server says', {}, (plane) => {
  test('nobody without a token, with one that is not known or has no right; whoever holds the ClusterRole', async () => {
    const { port } = await open({ permission: await permissionOf(plane()) })
    const namespace = await plane().createNamespace()
    const prometheus = await plane().createToken({ namespace, name: 'prometheus' })
    const other = await plane().createToken({ namespace, name: 'other' })
    await allow(plane(), namespace, 'prometheus')
    expect(await ask(port)).toMatchObject({ code: 401, challenge: 'Bearer realm="marketprism-operator"' })
    expect(await ask(port, 'guessed')).toMatchObject({ code: 401 })
    expect(await ask(port, await plane().createToken({ namespace, name: 'old' }, 0))).toMatchObject({ code: 401 })
    expect(await ask(port, other)).toMatchObject({
      code: 403,
      body: expect.stringContaining('-metrics-reader') as string,
    })
    // The right is given by the API server's own cache of roles, a moment after it was written.
    await vi.waitFor(async () => {
      const { port: fresh } = await open({ permission: await permissionOf(plane()) })
      expect(await ask(fresh, prometheus)).toMatchObject({ code: 200, body: TEXT })
    }, 10_000)
  })

  test('a yes is kept for five minutes, a no for half a minute, who a token is of for one', async () => {
    const namespace = await plane().createNamespace()
    const token = await plane().createToken({ namespace, name: 'prometheus' })
    const bearer = `Bearer ${token}`
    const asked: string[] = []
    let nowMs = 0
    const permission = await permissionOf(plane(), { asked, nowMs: () => nowMs })
    const since = (fromMs: number) => {
      nowMs = fromMs
      return asked.splice(0).map((path) => path.replace(/.*\//, ''))
    }
    expect(await Promise.all([permission.of(bearer), permission.of(bearer)])).toEqual(['forbidden', 'forbidden'])
    expect(since(29_999)).toEqual(['tokenreviews', 'subjectaccessreviews'])
    expect(await permission.of(bearer)).toBe('forbidden')
    expect(since(60_001)).toEqual([])
    await allow(plane(), namespace, 'prometheus')
    await vi.waitFor(async () => {
      nowMs += 60_001
      expect(await permission.of(bearer)).toBe('allowed')
    }, 10_000)
    const allowedMs = nowMs
    expect(since(allowedMs + 299_999).slice(-2)).toEqual(['tokenreviews', 'subjectaccessreviews'])
    expect(await permission.of(bearer)).toBe('allowed')
    expect(since(allowedMs + 300_001)).toEqual(['tokenreviews'])
    expect(await permission.of(bearer)).toBe('allowed')
    expect(since(0)).toEqual(['subjectaccessreviews'])
  })

  test('whoever guesses many tokens at once keeps few questions open', async () => {
    const asked: string[] = []
    const permission = await permissionOf(plane(), { asked })
    plane().pause()
    try {
      const guesses = Array.from({ length: 20 }, (_, i) => permission.of(`Bearer guess${i}`))
      const refused = guesses.slice(4).map((guess) => expect(guess).rejects.toThrow('too many ask at the same time'))
      await Promise.all(refused)
      expect(asked).toHaveLength(4)
      plane().resume()
      expect(await Promise.all(guesses.slice(0, 4))).toEqual(Array.from({ length: 4 }, () => 'unknown'))
    } finally {
      plane().resume()
    }
  })

  test('while the API server is away, whom we know may read, and others are told to come again', async () => {
    const { port, problems } = await open({ permission: await permissionOf(plane()) })
    const admin = plane().token
    expect(await ask(port, admin)).toMatchObject({ code: 200 })
    await plane().stop()
    try {
      expect(await ask(port, admin)).toMatchObject({ code: 200 })
      expect(await ask(port, 'unknown')).toMatchObject({ code: 503 })
      expect(problems).toEqual([expect.stringMatching(/^who asks for metrics could not be told: /)])
    } finally {
      await plane().start()
    }
  })
})

async function permissionOf(
  plane: ControlPlane,
  { asked = [], nowMs = () => performance.now() }: { asked?: string[]; nowMs?: () => number } = {},
): Promise<Permission> {
  const client = await openClient({ config: plane.config(), userAgent: 'test', fieldManager: 'test' })
  onTestFinished(() => client.close())
  const request: KubeClient['request'] = (one: KubeRequest) => {
    asked.push(one.path)
    return client.request(one)
  }
  return openPermission({ client: { request }, path: '/metrics', nowMs })
}

/** Gives a ServiceAccount what the chart's ClusterRole gives. */
async function allow(plane: ControlPlane, namespace: string, name: string): Promise<void> {
  const group = 'rbac.authorization.k8s.io'
  const metadata = { name: `${namespace}-metrics-reader` }
  await plane.request('POST', `/apis/${group}/v1/clusterroles`, {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRole',
    metadata,
    rules: [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }],
  })
  await plane.request('POST', `/apis/${group}/v1/clusterrolebindings`, {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  })
}
