// cryptofeed, in a Python process of its own that plays a recorded session on command; see replay.py.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Missing } from '../missing.ts'
import type { Session } from '../recordings.ts'

/** What cryptofeed makes of one frame: its own objects' fields, decimals as digits, times in µs. */
export type CryptofeedEvent = Readonly<Record<string, unknown>> & { readonly type: string; readonly symbol: string }
export type CryptofeedLevel = readonly [price: string, size: string]

export interface CryptofeedEvents {
  /** Of each data frame. */
  readonly frames: readonly (readonly CryptofeedEvent[])[]
  /** At the end, by the venue's symbol, best first. */
  readonly books: Readonly<Record<string, { readonly bids: CryptofeedLevel[]; readonly asks: CryptofeedLevel[] }>>
}

export interface Cryptofeed {
  /** Plays the session `count` times. */
  pass(count: number): Promise<{ frames: number; events: number; seconds: number }>
  events(): Promise<CryptofeedEvents>
  close(): void
}

/** @throws Missing when cryptofeed is not installed. */
export function startCryptofeed({ name, files }: Session): Cryptofeed {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const python = join(cache, 'marketprism', 'cryptofeed-2.4.1', 'bin', 'python')
  if (!existsSync(python))
    throw new Missing('cryptofeed 2.4.1 is not installed', 'test/bench/peers/install-cryptofeed.sh')
  const script = join(import.meta.dirname, 'replay.py')
  const child = spawn(python, [script, name, ...files], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (command: string): Promise<unknown> => {
    child.stdin.write(`${command}\n`)
    const answer = await answers.next()
    if (answer.done === true)
      throw new Error(`cryptofeed ended instead of answering "${command}"; its error stands above`)
    return JSON.parse(answer.value)
  }
  return {
    pass: (count) => ask(`pass ${count}`) as ReturnType<Cryptofeed['pass']>,
    events: () => ask('events') as Promise<CryptofeedEvents>,
    close: () => child.stdin.end(),
  }
}
