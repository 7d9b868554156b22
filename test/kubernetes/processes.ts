// Servers that a test starts as processes: a log file each, ended by their own id, never left behind.
//
// Always: a server dies with the process that started it, even where that one is killed. Never: a port is guessed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** A running server. */
export interface Server {
  readonly name: string
  readonly pid: number | undefined
  readonly log: string
  /** Whether its process is there (a stopped one, too). */
  readonly isRunning: boolean
  signal(signal: NodeJS.Signals): void
  /** Ends it: in order, and by force where that takes longer than it may. */
  end(how: 'ordered' | 'killed'): Promise<void>
}

const END_MS_MAX = 10_000

/** A file of this name in a folder says that somebody wants to look at it. */
export const KEEP = '.keep'

/**
 * Starts a program whose output goes to `<name>.log` in the folder, behind what is there already. Where our own process
 * ends without ending it, it is killed, and its folder removed but for one that is marked with {@link KEEP}.
 */
export function startServer(program: string, args: readonly string[], folder: string): Server {
  const name = basename(program)
  const log = join(folder, `${name}.log`)
  const file = openSync(log, 'a')
  const child = spawn(program, args, { stdio: ['ignore', file, file], cwd: folder })
  closeSync(file)
  child.once('error', () => {})
  const guard = guardOf(child, folder)
  return {
    name,
    pid: child.pid,
    log,
    get isRunning() {
      return isRunning(child)
    },
    signal(signal) {
      if (isRunning(child)) child.kill(signal)
    },
    async end(how) {
      if (isRunning(child)) {
        const exit = once(child, 'exit')
        // What is stopped by SIGSTOP takes no other signal before it goes on, except SIGKILL.
        if (how === 'ordered') child.kill('SIGCONT')
        child.kill(how === 'ordered' ? 'SIGTERM' : 'SIGKILL')
        const force = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
        await exit
        clearTimeout(force)
      }
      guard.kill('SIGKILL')
    },
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}

/** Acts when our own process is gone: its standard input then ends, whatever ended us. */
function guardOf(child: ChildProcess, folder: string): ChildProcess {
  const script = `cat >/dev/null; kill -9 "$0" 2>/dev/null; sleep 1; [ -e "$1/${KEEP}" ] || rm -rf "$1"`
  const guard = spawn('sh', ['-c', script, String(child.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.once('error', () => {})
  guard.unref()
  child.once('exit', () => guard.kill('SIGKILL'))
  return guard
}

/** Ports that were free a moment ago, each another. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

/** The end of a log, for the message of a failure. */
export function tailOf(log: string, chars = 2_000): string {
  return existsSync(log) ? readFileSync(log, 'utf8').slice(-chars) : ''
}

/**
 * Starts a program of the Prometheus family, which takes a port that is free and says which, and waits until it is ready.
 * Its log must not be kept from what it says at the level `info`.
 * @throws Error with what it said, where it is not
 */
export async function startListening(
  program: string,
  flags: readonly string[],
  folder: string,
): Promise<{ server: Server; url: string }> {
  const said = () => tailOf(join(folder, `${basename(program)}.log`), Infinity)
  const { length } = said()
  const server = startServer(program, [...flags, '--web.listen-address=127.0.0.1:0'], folder)
  for (const deadline = Date.now() + READY_MS_MAX; ; await pause(50)) {
    const [, address] = LISTENING.exec(said().slice(length)) ?? []
    const url = `http://${address}`
    if (address !== undefined && (await isReady(url))) return { server, url }
    if (server.isRunning && Date.now() < deadline) continue
    await server.end('killed')
    throw new Error(`${server.name} is not ready: ${tailOf(server.log)}`)
  }
}
const LISTENING = /msg="Listening on".* address=(\S+:[1-9]\d*)/
const READY_MS_MAX = 60_000

function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  )
}
