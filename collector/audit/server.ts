// Which NATS server an audit reads from, and who it says it is there: files by flags, secrets by the environment alone,
// since a command line can be read by everybody on the machine.
import { readFileSync } from 'node:fs'
import { connectOnce, type ConnectOptions, type NatsIdentity, NotAllowed, reason } from '../sinks/nats/connect.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface ServerFlags {
  /** `nats://…` or `tls://…` */
  readonly nats: string
  /** A credentials file: JWT and seed. */
  readonly creds?: string | undefined
  /** A file of certificate authorities, PEM. */
  readonly tlsCa?: string | undefined
}

/** Why a server cannot be asked for so, in a sentence; undefined when it can. */
export function serverFault({ nats, creds }: ServerFlags, env: Environment): string | undefined {
  const { NATS_USER: user, NATS_PASSWORD: password, NATS_TOKEN: token } = env
  if (!/^(?:nats|tls):\/\/[^\s/@]+$/.test(nats)) {
    return nats.includes('@')
      ? '--nats: no user or password here, where everybody can read it; set NATS_USER and NATS_PASSWORD, or NATS_TOKEN'
      : `--nats: '${nats}' is no server; write one such as nats://127.0.0.1:4222 or tls://nats.example:4222`
  }
  if (creds !== undefined) return undefined
  if (token !== undefined && user !== undefined) return 'NATS_TOKEN and NATS_USER are both set; set one of them'
  if (password !== undefined && user === undefined) return 'NATS_PASSWORD is set and NATS_USER is not; set both'
  return undefined
}

/**
 * How to connect.
 * @throws Error when a file cannot be read
 */
export function connectOptions({ nats, creds, tlsCa }: ServerFlags, env: Environment): ConnectOptions {
  const identity = creds === undefined ? identityOf(env) : { credentials: read('--creds', creds) }
  const tls = tlsCa === undefined ? {} : { ca: read('--tls-ca', tlsCa) }
  return {
    servers: [nats],
    name: 'marketprism audit',
    ...(identity !== undefined && { identity: () => identity }),
    ...((tlsCa !== undefined || nats.startsWith('tls:')) && { tls: () => tls }),
  }
}

/** Connects, and says what to do where the server does not take us. */
export async function connect(flags: ServerFlags, env: Environment): Promise<Awaited<ReturnType<typeof connectOnce>>> {
  try {
    return await connectOnce(connectOptions(flags, env))
  } catch (error) {
    if (!(error instanceof NotAllowed)) throw error
    const advice = 'give --creds FILE, or set NATS_USER and NATS_PASSWORD, or NATS_TOKEN'
    throw new Error(`${flags.nats} does not let us in: ${reason(error.cause)}; ${advice}`, { cause: error })
  }
}

function identityOf({
  NATS_USER: user,
  NATS_PASSWORD: password,
  NATS_TOKEN: token,
}: Environment): NatsIdentity | undefined {
  if (token !== undefined) return { token }
  return user === undefined ? undefined : { user, ...(password !== undefined && { password }) }
}

function read(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Error(`${flag}: ${file} cannot be read: ${reason(cause)}`, { cause })
  }
}
