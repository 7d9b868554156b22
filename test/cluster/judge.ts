// Was anything lost, or stored twice, while something was done to the collectors? Two judges who know nothing of each other:
// the exchange's ledger, which holds the id of every frame that it wrote to a socket, and the stream.
//
// Always: of what the exchange sent on any connection after the mark each id is looked for in the stream; the id of a
// message is its own, or the last that a window of de-duplication may have dropped. `marketprism audit` is a third one.
import { jetstream } from '@nats-io/jetstream'
import { setTimeout as pause } from 'node:timers/promises'
import type { Report } from '../../collector/quality/audit/report.ts'
import type { LedgerView } from '../exchange/ledger.ts'
import { auditorOf, ledgerOf } from './objects.ts'
import { apply, get, kubectl, until, withNats } from './world.ts'

/** Whose data goes where. */
export interface Case {
  /** Deployment of the simulated exchange. */
  readonly exchange: string
  readonly stream: string
  readonly prefix: string
}

/** A moment from which on is judged. */
export interface Mark {
  /** Last sequence of the stream. */
  readonly sequence: number
  readonly atMs: number
  /** For each connection and stream of the exchange, how many ids had been sent. */
  readonly sent: ReadonlyMap<string, number>
}

export interface Verdict {
  /** Messages that the exchange sent and the stream does not hold; some of them by name. */
  readonly missing: number
  readonly missed: readonly string[]
  /** Messages that the stream holds twice. */
  readonly duplicates: number
  /** Different messages that the exchange sent, and for how long. */
  readonly sent: number
  readonly seconds: number
  /** Messages stored in that time, of every type. */
  readonly stored: number
}

/** Types whose ledger id is in the message's id. */
const SUFFIX: Readonly<Record<string, string>> = { aggTrade: 'trade', bookTicker: 'ticker' }
const SETTLE_MS = 2_000
const TRIES = 4
const FETCHES_EMPTY_MAX = 5
const AUDIT_SECONDS_MAX = 90

export async function mark({ exchange, stream }: Case): Promise<Mark> {
  const sequence = await withNats(async ({ jsm }) => (await jsm.streams.info(stream)).state.last_seq)
  const atMs = Date.now()
  return { sequence, atMs, sent: new Map(accounts(await ledgerOf(exchange)).map(({ key, ids }) => [key, ids.length])) }
}

/** Holds what was sent since the mark against what is stored. */
export async function judge(one: Case, since: Mark): Promise<Verdict> {
  const seconds = (Date.now() - since.atMs) / 1000
  const sent = new Set<string>()
  for (const { key, symbol, type, ids } of accounts(await ledgerOf(one.exchange))) {
    for (const id of ids.slice(since.sent.get(key) ?? 0)) sent.add(`${type} ${symbol} ${id}`)
  }
  for (let tries = 1; ; tries += 1) {
    // What was sent last is still on its way, and trades that were missed are fetched.
    await pause(SETTLE_MS)
    const stored = await storedIds(one, since.sequence)
    const missed = [...sent].filter((id) => !stored.has(id))
    if (missed.length > 0 && tries < TRIES) continue
    const duplicates = [...stored.values()].reduce((sum, times) => sum + times - 1, 0)
    const counts = { missing: missed.length, duplicates, sent: sent.size, stored: stored.size }
    return { ...counts, seconds, missed: missed.slice(0, 10) }
  }
}

interface Account {
  readonly key: string
  readonly symbol: string
  readonly type: string
  readonly ids: readonly number[]
}

function accounts({ connections }: LedgerView): Account[] {
  return connections.flatMap(({ connection, streams }) =>
    Object.entries(streams).flatMap(([stream, { ids = [] }]) => {
      const [symbol = '', suffix = ''] = stream.split('@')
      const type = SUFFIX[suffix]
      return type === undefined ? [] : [{ key: `${connection} ${stream}`, symbol: symbol.toUpperCase(), type, ids }]
    }),
  )
}

/** How often each message after a sequence is stored, by what the ledger would call it. */
function storedIds({ stream, prefix }: Case, after: number): Promise<Map<string, number>> {
  return withNats(async ({ nc }) => {
    const counts = new Map<string, number>()
    const consumer = await jetstream(nc, { timeout: 20_000 }).consumers.get(stream, {
      filter_subjects: [`${prefix}.trade.>`, `${prefix}.ticker.>`],
      headers_only: true,
      opt_start_seq: after + 1,
      deliver_policy: 'by_start_sequence',
    })
    let left = (await consumer.info()).num_pending
    for (let empty = 0; left > 0;) {
      const messages = await consumer.fetch({ max_messages: Math.min(left, 10_000), expires: 5_000 })
      let received = 0
      for await (const message of messages) {
        received += 1
        const [, type = '', , , symbol = '', key = ''] = (message.headers?.get('Nats-Msg-Id') ?? '').split(':')
        const id = `${type} ${symbol.replace('-', '')} ${key}`
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      // A consumer that was not heard of for long on a busy machine is made anew by the client, and goes on.
      empty = received === 0 ? empty + 1 : 0
      if (empty > FETCHES_EMPTY_MAX) throw new Error(`${left} messages of ${stream} did not come`)
      left -= received
    }
    return counts
  })
}

/** What `marketprism audit` says of a stream. It runs in the cluster: through a tunnel a minute's data takes another one. */
export async function audited(stream: string, ...more: string[]): Promise<Report> {
  const auditor = await auditorOf(stream, more)
  const { name } = auditor.metadata
  await apply(auditor)
  try {
    await until('the audit has ended', AUDIT_SECONDS_MAX, async () => {
      const { phase = '' } = (await get('pod', name))?.status ?? {}
      return phase === 'Succeeded' || phase === 'Failed'
    })
    const out = await kubectl('logs', name)
    // What is wrong with a stream is in the report, and makes it fail; why there is no report is a sentence.
    if (!out.startsWith('{')) throw new Error(`audit: ${out}`)
    return JSON.parse(out) as Report
  } finally {
    await kubectl('delete', 'pod', name, '--now', '--wait=false')
  }
}

/** What an audit found to be missing, announced or not, and what else is wrong. */
export function losses({ channels, findings }: Report): { announced: number; unannounced: number; findings: string[] } {
  const sum = (of: 'announced' | 'unannounced') => channels.reduce((total, { missing }) => total + missing[of], 0)
  return {
    announced: sum('announced'),
    unannounced: sum('unannounced'),
    findings: findings.map(({ kind, subject, text }) => `${kind} ${subject}: ${text}`),
  }
}
