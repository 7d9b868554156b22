// A collector as a pod runs it: a process that can be killed, stopped, started anew, and spoilt from within.
//
// Always: ended by its own id, and with the process that started it. What only happens inside a process (a loop that
// blocks, memory that is not given back, descriptors that are not closed) is done there through Node's inspector, which is
// opened on request, on the loopback; the collector knows nothing of it. Never: restarts by itself; faults say when.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { WebSocket } from 'ws'

const MAIN = resolve(import.meta.dirname, '../../../collector/main.ts')
const COMPILED = resolve(import.meta.dirname, '../../../node_modules/.cache/compiled')
const READY_TIMEOUT_MS = 2_000
const SAID_MAX = 20_000

export interface PodOptions {
  readonly manifest: string
  readonly port: number
  /** Of node. */
  readonly flags?: readonly string[]
  /** Comes before node: what sets its limits. */
  readonly before?: readonly string[]
}

export interface Pod extends AsyncDisposable {
  readonly port: number
  readonly pid: number
  readonly isRunning: boolean
  /** How often it was started again. */
  readonly restarts: number
  /** Starts the process; nothing where it runs. */
  start(): void
  signal(signal: NodeJS.Signals): void
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>
  /** SIGTERM, and waits for its end. */
  stop(): Promise<void>
  isReady(): Promise<boolean>
  /** Runs code in the process. @throws Error with what it threw */
  evaluate(code: string): Promise<void>
  /** The end of its log. */
  said(): string
}

/** None is left behind. */
const running = new Set<ChildProcess>()
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))

/** A process that is not started yet. */
export function podOf({ manifest, port, flags = [], before = [] }: PodOptions): Pod {
  let child: ChildProcess | undefined
  let text = ''
  let starts = 0
  let connection: WebSocket | undefined
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null
  const [program, ...args] = [...before, process.execPath, ...flags, '--inspect-port=0', MAIN]
  const end = async (signal: NodeJS.Signals) => {
    connection?.terminate()
    connection = undefined
    if (child === undefined || !isRunning()) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
  return {
    port,
    get pid() {
      return child?.pid ?? 0
    },
    get isRunning() {
      return isRunning()
    },
    get restarts() {
      return Math.max(0, starts - 1)
    },
    start() {
      if (isRunning()) return
      starts += 1
      text = ''
      const env = { ...process.env, NODE_COMPILE_CACHE: COMPILED }
      const run = ['run', '-f', manifest, '--port', String(port), '--log-level', 'warn']
      const started = spawn(program as string, [...args, ...run], { stdio: ['ignore', 'ignore', 'pipe'], env })
      running.add(started)
      started.once('exit', () => running.delete(started))
      started.stderr.on('data', (more: Buffer) => (text = (text + more.toString()).slice(-SAID_MAX)))
      child = started
    },
    signal: (signal) => void (isRunning() && child?.kill(signal)),
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    isReady: () => answers(port),
    async evaluate(code) {
      connection ??= await inspect(
        () => child?.kill('SIGUSR1'),
        () => text,
      )
      await ask(connection, code)
    },
    said: () => text.slice(-2_000),
    [Symbol.asyncDispose]: () => end('SIGKILL'),
  }
}

function answers(port: number): Promise<boolean> {
  const signal = AbortSignal.timeout(READY_TIMEOUT_MS)
  return fetch(`http://127.0.0.1:${port}/readyz`, { signal }).then(
    ({ ok }) => ok,
    () => false,
  )
}

const INSPECT_MS_MAX = 20_000
const LISTENING = /Debugger listening on (ws:\/\/\S+)/

/** Has the inspector opened, and connects to where it says that it listens. */
async function inspect(open: () => void, said: () => string): Promise<WebSocket> {
  open()
  for (const end = Date.now() + INSPECT_MS_MAX; !LISTENING.test(said());) {
    if (Date.now() > end) throw new Error(`the inspector did not open: ${said().slice(-500)}`)
    await new Promise((later) => setTimeout(later, 50))
  }
  const socket = new WebSocket(LISTENING.exec(said())?.[1] ?? '')
  socket.on('error', () => {})
  await once(socket, 'open')
  return socket
}

interface Evaluated {
  readonly result?: { readonly exceptionDetails?: { readonly exception?: { readonly description?: string } } }
}

async function ask(socket: WebSocket, code: string): Promise<void> {
  const answer = once(socket, 'message')
  const params = { expression: code, awaitPromise: true, includeCommandLineAPI: true }
  socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params }))
  const [text] = (await answer) as [Buffer]
  const { result } = JSON.parse(text.toString()) as Evaluated
  if (result?.exceptionDetails !== undefined) {
    throw new Error(`in the process: ${result.exceptionDetails.exception?.description}`)
  }
}
