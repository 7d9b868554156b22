// A port of a Service or pod on this machine, by `kubectl port-forward`.
//
// Always: kubectl chooses a free port and says which; the forward ends with this process. Never: made anew when it breaks;
// who uses it sees that, and opens another.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const FORWARD_MS_MAX = 15_000

export interface Forward {
  /** `127.0.0.1:40123` */
  readonly address: string
  close(): void
}

export interface Forwarded {
  /** The command with the flags that choose the cluster. */
  readonly kubectl: readonly [string, ...string[]]
  readonly namespace: string
  /** `service/nats` */
  readonly to: string
  readonly port: number
}

/** @throws Error where kubectl ends or says nothing */
export function openForward({ kubectl: [command, ...flags], namespace, to, port }: Forwarded): Promise<Forward> {
  const args = [...flags, '--namespace', namespace, 'port-forward', to, `:${port}`]
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const stop = (): boolean => child.kill()
  process.once('exit', stop)
  child.once('exit', () => process.off('exit', stop))
  return new Promise((done, fail) => {
    const late = setTimeout(() => (stop(), fail(new Error('kubectl port-forward says nothing'))), FORWARD_MS_MAX)
    child.once('error', fail)
    child.once('exit', () => (clearTimeout(late), fail(new Error('kubectl port-forward ended'))))
    if (child.stdout === null) return
    createInterface(child.stdout).on('line', (line) => {
      const address = /127\.0\.0\.1:\d+/.exec(line)?.[0]
      if (address === undefined) return
      clearTimeout(late)
      done({ address, close: () => void stop() })
    })
  })
}
