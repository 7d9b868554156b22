// Secrets as a pod has them: a folder for each, by its name, and a file for each key. Read when they are used, so that a
// rotated one counts from the next connection on.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProxyUser } from './connection/proxy.ts'

const SECRETS_DIR = '/etc/marketprism/secrets'

/** Where they are mounted; elsewhere than in a pod the environment says. */
export function secretsDir(): string {
  return process.env['MARKETPRISM_SECRETS_DIR'] ?? SECRETS_DIR
}

/** One key of a Secret; undefined when it is not there. */
export function readKey(secret: string, key: string): string | undefined {
  const file = join(secretsDir(), secret, key)
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

/** Who we are to a proxy. @throws Error when the Secret does not say it */
export function readProxyUser(secret: string): ProxyUser {
  const username = readKey(secret, 'username')
  if (username === undefined) {
    throw new Error(`Secret ${secret} (spec.feeds[].proxy.secret) has no username in ${secretsDir()}`)
  }
  return { username, password: readKey(secret, 'password') ?? '' }
}
