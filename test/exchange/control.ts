// Commands over HTTP, on every listener, below /_exchange/:
//   GET ledger[?ids=1]   GET, POST, DELETE faults[?id=]   POST shutdown-notice   POST start
//   GET, POST, DELETE load   GET truth/book?market=&symbol=[&seq=]
import * as z from 'zod'
import type { Faults } from './faults.ts'
import type { Ledger } from './ledger.ts'
import type { Load, LoadSpec } from './load.ts'
import type { RestAnswer, Truth } from './venue.ts'

/** Answers a request below `/_exchange/`. */
export type Control = (method: string, url: URL, body: string) => RestAnswer

interface Controlled {
  readonly ledger: Ledger
  readonly faults: Faults
  readonly truth: Readonly<Record<string, Truth>>
  shutdownNotice(): void
  start(): void
  load(spec: LoadSpec): Load
}

export function controlOf(exchange: Controlled): Control {
  let load: Load | undefined
  return (method, url, body) => {
    const query = url.searchParams
    switch (`${method} ${url.pathname.slice('/_exchange/'.length)}`) {
      case 'GET ledger':
        return json(exchange.ledger.view({ ids: query.has('ids') }))
      case 'GET faults':
        return json(exchange.faults.list())
      case 'POST faults':
        return attempt(() => ({ id: exchange.faults.add(JSON.parse(body)) }))
      case 'DELETE faults':
        exchange.faults.clear(query.has('id') ? Number(query.get('id')) : undefined)
        return json({})
      case 'POST shutdown-notice':
        exchange.shutdownNotice()
        return json({})
      case 'POST start':
        exchange.start()
        return json({})
      case 'POST load':
        return attempt(() => {
          load?.stop()
          load = exchange.load(JSON.parse(body))
          return load.report()
        })
      case 'GET load':
        return load === undefined ? json({ error: 'no load was started' }, 404) : json(load.report())
      case 'DELETE load':
        load?.stop()
        return json({})
      case 'GET truth/book': {
        const market = Object.keys(exchange.truth).find((name) => name === query.get('market'))
        const truth = market === undefined ? undefined : exchange.truth[market]
        const symbol = query.get('symbol') ?? ''
        const seq = query.has('seq') ? Number(query.get('seq')) : truth?.seq(symbol)
        const book = seq === undefined ? undefined : truth?.bookAt(symbol, seq)
        return book === undefined
          ? json({ error: 'no such book: give market, symbol, and a seq that is remembered' }, 404)
          : json(book)
      }
      default:
        return json({ error: 'no such command; see test/exchange/control.ts' }, 404)
    }
  }
}

function attempt(act: () => unknown): RestAnswer {
  try {
    return json(act())
  } catch (error) {
    const message = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    return json({ error: message }, 400)
  }
}

function json(value: unknown, status: number = 200): RestAnswer {
  return { status, body: JSON.stringify(value) }
}
