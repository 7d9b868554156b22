// Books in scenarios: levels in words, messages in words, and a spool without room for books.
import type { Message } from '../../collector/market/messages.ts'
import type { Outlet } from '../../collector/market/outlet.ts'
import { SHARES } from '../../collector/sinks/spool.ts'

/** `… bid 10 1 bid 9 2 …` */
export function levelsOf(words: readonly string[], side: string): [price: string, size: string][] {
  return words.flatMap((word, i) => (word === side ? [[words[i + 1] as string, words[i + 2] as string]] : []))
}

/** `delta 1->4`, `snapshot 4 bid 10 1`, `gap sequence 4..9`; nothing for other messages. */
export function describeBook(m: Message): string[] {
  if (m.type === 'gap') {
    const ends = `${m.after_seq ?? ''}..${m.before_seq ?? ''}`
    return [`gap ${m.reason} ${ends}${m.missing === undefined ? '' : ` missing ${m.missing}`}`]
  }
  if (m.type !== 'orderbook') return []
  if (m.kind === 'delta') return [`delta ${m.prev_seq}->${m.seq}`]
  const sides = [...m.bids.map((l) => `bid ${l.join(' ')}`), ...m.asks.map((l) => `ask ${l.join(' ')}`)]
  return [['snapshot', m.seq, ...sides].join(' ')]
}

/** Takes the room that books may have. */
export function fillSpool({ own, channel }: Outlet): void {
  const { exchange, market, symbol } = channel
  const state = { type: 'state', v: 1, exchange, market, symbol, of: 'orderbook', state: 'live', since: 0 } as const
  for (let received = own.nowUs(); own.spool.open(150, SHARES.orderbook) !== undefined; received++) {
    own.publish({ ...state, received })
  }
}
