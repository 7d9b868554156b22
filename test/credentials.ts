// What a NATS server needs to let nobody in but one: an operator with an account and a user, and a certificate.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nkeys } from '@nats-io/transport-node'

type Key = ReturnType<typeof nkeys.createUser>

const UNLIMITED = { subs: -1, data: -1, payload: -1 }
const ACCOUNT = {
  ...{ ...UNLIMITED, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
  ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
}

export interface Credentials {
  /** Lines for the server's configuration. */
  readonly config: string
  /** What the user's credentials file says. */
  readonly creds: string
}

/** An operator, an account with JetStream and a user of it, made for this call. */
export function makeCredentials(): Credentials {
  const [operator, system, account] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()]
  const user = nkeys.createUser()
  const accounts = [system, account].map((key) => {
    const limits = key === account ? ACCOUNT : { ...ACCOUNT, mem_storage: 0, disk_storage: 0, streams: 0, consumer: 0 }
    return `${key.getPublicKey()}: ${sign(operator, key, { type: 'account', limits })}`
  })
  return {
    config: [
      `operator: ${sign(operator, operator, { type: 'operator', system_account: system.getPublicKey() })}`,
      `system_account: ${system.getPublicKey()}`,
      'resolver: MEMORY',
      `resolver_preload: { ${accounts.join(', ')} }`,
    ].join('\n'),
    creds: [
      '-----BEGIN NATS USER JWT-----',
      sign(account, user, { type: 'user', ...UNLIMITED }),
      '------END NATS USER JWT------',
      '-----BEGIN USER NKEY SEED-----',
      Buffer.from(user.getSeed()).toString(),
      '------END USER NKEY SEED------',
    ].join('\n'),
  }
}

function sign(issuer: Key, subject: Key, nats: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { jti: 'test', iat: 1, iss: issuer.getPublicKey(), sub: subject.getPublicKey(), name: 'test' }
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ ...claims, nats: { ...nats, version: 2 } })}`
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`
}

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A certificate for localhost and 127.0.0.1, of its own authority; undefined where there is no openssl. */
export function makeCertificate(days: number = 2): Certificate | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-tls-'))
  try {
    const args = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test'.split(' ')
    const out = [
      '-days',
      String(days),
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout',
      join(dir, 'key'),
      '-out',
      join(dir, 'cert'),
    ]
    const { status } = spawnSync('openssl', [...args, ...out], { stdio: 'ignore' })
    if (status !== 0) return undefined
    return { cert: readFileSync(join(dir, 'cert'), 'utf8'), key: readFileSync(join(dir, 'key'), 'utf8') }
  } finally {
    rmSync(dir, { recursive: true })
  }
}
