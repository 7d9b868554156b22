// What all commands of `kubectl marketprism` share: where they write, how a command line is read, how they fail.
//
// Always: what goes wrong is one sentence that says what to do, harmless for a terminal. Exit codes: 0 well; 1 the
// answer is no (a difference, a pod that does not come up, an audit that found loss); 2 a command line that cannot be
// understood, or something that cannot be reached.
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { escaped } from '../../crds/sentence.ts'
import type { Output } from '../../collector/terminal/show.ts'

/** Where a command writes, and what ends it early. */
export interface Io {
  readonly stdout: Output
  readonly stderr: { write(text: string): unknown }
  readonly stdin: { readonly text: () => string }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Ctrl-C. */
  readonly signal: AbortSignal
}

/** A failure that its sentence explains. */
export class Fault extends Error {
  override readonly name = 'Fault'
}

const SENTENCE_MAX = 1000

/** What every command understands that asks the API server. */
export const CLUSTER_FLAGS = {
  namespace: { type: 'string', short: 'n' },
  context: { type: 'string' },
  kubeconfig: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export const CLUSTER_USAGE = `  -n, --namespace NS  the namespace; that of the context when left out
  --context NAME      the context of the kubeconfig; the current one when left out
  --kubeconfig FILE   the kubeconfig; KUBECONFIG or ~/.kube/config when left out
`

/** Reads flags and names. @throws Fault with a sentence about the first that is wrong. */
export function parse<O extends NonNullable<ParseArgsConfig['options']>>(args: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    const [first = ''] = (error as Error).message.split(/\. |\n/)
    throw new Fault(`${first.replace(/\.$/, '')}; --help shows the flags.`, { cause: error })
  }
}

/** The one name that a command needs. */
export function oneName(names: readonly string[], example: string): string {
  const [name, ...more] = names
  if (name === undefined) throw new Fault(`no Collector is named; write kubectl marketprism ${example}.`)
  if (more.length > 0) throw new Fault(`one Collector at a time; write kubectl marketprism ${example}.`)
  return checkedName(name)
}

/** A name that may stand in a path of the API server. */
export function checkedName(name: string): string {
  if (/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)) return name
  throw new Fault(`'${name.slice(0, 60)}' is not the name of an object; kubectl get collectors shows the names.`)
}

/** A whole number of a flag. */
export function numberOf(flag: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Infinity
  if (number <= max) return number
  throw new Fault(`--${flag}: '${text.slice(0, 20)}' is not a number from 0 to ${max}; write one.`)
}

/** What `-o` asks for. */
export function outputOf<T extends string>(text: string | undefined, formats: readonly T[]): T | undefined {
  if (text === undefined) return undefined
  const format = formats.find((one) => one === text)
  if (format !== undefined) return format
  throw new Fault(`-o ${text.slice(0, 20)}: there is no such output; write -o ${formats.join(' or -o ')}.`)
}

/** Runs a command; whatever it throws becomes a sentence and exit code 2. */
export async function guarded(name: string, io: Io, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    const message = error instanceof Error ? error.message || error.name : String(error)
    io.stderr.write(`kubectl marketprism ${name}: ${escaped(message.slice(0, SENTENCE_MAX))}\n`)
    if (!(error instanceof Fault) && io.env['MARKETPRISM_TRACE'] !== undefined && error instanceof Error) {
      io.stderr.write(`${error.stack ?? ''}\n`)
    }
    return 2
  }
}

/** Whether to paint: a terminal that can, and nobody who does not want it. */
export function isColored({ stdout, env }: Io): boolean {
  return stdout.isTTY === true && env['TERM'] !== 'dumb' && (env['NO_COLOR'] ?? '') === ''
}

/** Columns of the terminal; without one a line may be as long as it is. */
export function columnsOf({ stdout }: Io): number {
  return stdout.isTTY === true ? (stdout.columns ?? 80) : Infinity
}
