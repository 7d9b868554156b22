// Runs a command of the kubectl plugin in this process, and keeps what it writes.
import type { Io } from '../../operator/plugin/command.ts'
import { guarded } from '../../operator/plugin/command.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly stdin?: string
  readonly env?: Io['env']
  readonly signal?: AbortSignal
  /** Columns of a terminal; no terminal when left out. */
  readonly columns?: number
  /** Told of each text that is written to standard output. */
  readonly onOut?: (text: string) => void
}

/** Runs it to its end. */
export async function ran(
  command: (args: readonly string[], io: Io) => Promise<number>,
  args: readonly string[],
  { stdin = '', env = {}, signal = new AbortController().signal, columns, onOut }: RunOptions = {},
): Promise<Ran> {
  let out = ''
  let err = ''
  const io: Io = {
    stdout: {
      ...(columns === undefined ? {} : { isTTY: true, columns, rows: 40 }),
      writableNeedDrain: false,
      write(text) {
        out += text
        onOut?.(text)
      },
      on: () => {},
      off: () => {},
    },
    stderr: { write: (text) => (err += text) },
    stdin: { text: () => stdin },
    env,
    signal,
  }
  const code = await guarded('test', io, () => command(args, io))
  return { code, out, err }
}
