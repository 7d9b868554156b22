// A real nats-server for tests: its own store, a free port, killed by its own id.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, describe } from 'vitest'
import { tool, ToolMissing } from '../hack/tools.ts'

export interface NatsServerOptions {
  /** Lines of the `jetstream` block, e.g. `max_file_store: 1MB`; false starts a server without JetStream. */
  readonly jetstream?: string | false
  /** Lines of the configuration's top level, e.g. an `authorization` block. */
  readonly config?: string
  /** Where streams are kept; by default a folder of its own that is removed at the end. */
  readonly storeDir?: string
  /** By default a free one; the same after `restart`. */
  readonly port?: number
}

export interface NatsServer {
  readonly url: string
  readonly port: number
  /** Of its process, which is another one after `restart`. */
  readonly pid: number
  /** SIGKILL: connections break, what was not written is lost. */
  kill(): Promise<void>
  /** Ends it in order. */
  stop(): Promise<void>
  /** Starts it again on the same port with the same store. */
  restart(): Promise<void>
  /** Kills it and removes its folder. */
  [Symbol.asyncDispose](): Promise<void>
}

const missing = await tool('nats-server').then(
  () => undefined,
  (error: unknown) => {
    if (error instanceof ToolMissing) return error.message
    throw error
  },
)

/** `describe` for tests that need nats-server: where it cannot be had they are skipped, and their notes say why. */
export function describeWithNats(name: string, tests: () => void): void {
  describe(name, () => {
    beforeEach(({ skip }) => skip(missing !== undefined, missing))
    tests()
  })
}

const START_MS_MAX = 20_000

/** Starts a server and waits until it takes connections. */
export async function startNats(options: NatsServerOptions = {}): Promise<NatsServer> {
  const program = await tool('nats-server')
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-nats-'))
  const jetstream = `jetstream { store_dir: ${JSON.stringify(options.storeDir ?? dir)}\n${options.jetstream || ''}\n}`
  const lines = [`listen: "127.0.0.1:${options.port ?? -1}"`, `ports_file_dir: ${JSON.stringify(dir)}`]
  if (options.jetstream !== false) lines.push(jetstream)
  if (options.config !== undefined) lines.push(options.config)
  const file = join(dir, 'nats.conf')
  writeFileSync(file, lines.join('\n'))
  const run = (): Promise<Running> => start(program, ['-c', file], dir)
  let { child, port } = await run()
  // A restarted server must be found where it was.
  writeFileSync(file, lines.join('\n').replace(/:-1"/, `:${port}"`))
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async restart() {
      await end('SIGTERM')
      ;({ child, port } = await run())
    },
    async [Symbol.asyncDispose]() {
      await end('SIGKILL')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

interface Running {
  readonly child: ChildProcess
  readonly port: number
}

async function start(program: string, args: readonly string[], dir: string): Promise<Running> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  // A test that was killed must not leave its server behind.
  const stopped = (): boolean => child.kill('SIGKILL')
  process.once('exit', stopped)
  child.once('exit', () => process.off('exit', stopped))
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-2000)))
  const deadline = Date.now() + START_MS_MAX
  for (;;) {
    const port = portOf(join(dir, `nats-server_${child.pid}.ports`))
    if (port !== undefined) return { child, port }
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`nats-server did not start: ${said}`)
    }
    await pause(10)
  }
}

/** The port from the file that the server writes once it takes connections. */
function portOf(file: string): number | undefined {
  try {
    const { nats } = JSON.parse(readFileSync(file, 'utf8')) as { nats: string[] }
    return nats[0] === undefined ? undefined : Number(new URL(nats[0]).port)
  } catch {
    return undefined
  }
}
