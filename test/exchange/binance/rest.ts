// REST of both markets: checks parameters as the venue does, takes the weight, asks the backend.
import { Budget, type Verdict } from '../budget.ts'
import type { Clock } from '../clock.ts'
import { INTERVALS } from '../market/candles.ts'
import type { RestAnswer, RestRequest } from '../venue.ts'
import { exchangeInfo, type SymbolInfo } from './exchange-info.ts'
import type { Rules } from './rules.ts'

/** Which rows: from an id, or between times (ms, inclusive); neither: the newest. */
export interface Range {
  readonly fromId: number | undefined
  readonly start: number | undefined
  readonly end: number | undefined
  readonly limit: number
}

/** What REST asks of a source, synthetic or recorded. Texts are JSON. */
export interface Backend {
  /** By the venue's clock, ms. */
  now(): number
  symbols(): readonly SymbolInfo[]
  depth(symbol: string, limit: number): string | Promise<string>
  aggTrades(symbol: string, range: Range): string[]
  klines(symbol: string, interval: string, range: Range): string[]
  /** undefined when there is no book. */
  bookTicker(symbol: string): string | undefined
}

class Refusal extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

interface Route {
  weight(query: Query): number
  answer(query: Query): string | Promise<string>
}

/** Answers requests of one listener, which is one address to the venue's limits. */
export function restOf(rules: Rules, clock: Clock, backend: Backend): (request: RestRequest) => Promise<RestAnswer> {
  const budget = new Budget(clock, rules.limits.weightPerMinute, rules.limits.banMs)
  const routes = routesOf(rules, backend)
  return async ({ method, url }) => {
    const route = url.pathname.startsWith(`${rules.rest}/`)
      ? routes.get(url.pathname.slice(rules.rest.length + 1))
      : undefined
    if (route === undefined || method !== 'GET') return { status: 404, body: '{"code":-5000,"msg":"Path not found."}' }
    const query = new Query(url.searchParams, backend)
    const verdict = budget.spend(route.weight(query))
    const headers = { 'X-MBX-USED-WEIGHT': String(verdict.used), 'X-MBX-USED-WEIGHT-1M': String(verdict.used) }
    if (verdict.kind !== 'granted') return refused(verdict, rules, backend.now(), headers)
    try {
      return { status: 200, headers, body: await route.answer(query) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { status: 400, headers, body: JSON.stringify({ code: error.code, msg: error.message }) }
    }
  }
}

function refused(verdict: Verdict & { seconds: number }, rules: Rules, now: number, headers: object): RestAnswer {
  const limit = `current limit is ${rules.limits.weightPerMinute} request weight per 1 MINUTE.`
  const until = Math.floor(now + verdict.seconds * 1_000)
  const hint = 'Please use WebSocket Streams for live updates to avoid bans.'
  const banned = verdict.kind === 'banned'
  const msg = banned
    ? `Way too much request weight used; IP banned until ${until}. ${hint}`
    : `Too much request weight used; ${limit}`
  const body = JSON.stringify({ code: -1003, msg })
  return { status: banned ? 418 : 429, headers: { ...headers, 'Retry-After': String(verdict.seconds) }, body }
}

function routesOf(rules: Rules, backend: Backend): ReadonlyMap<string, Route> {
  const { weight } = rules
  const routes: Record<string, Route> = {
    ping: { weight: () => 1, answer: () => '{}' },
    time: { weight: () => 1, answer: () => `{"serverTime":${Math.floor(backend.now())}}` },
    exchangeInfo: {
      weight: () => weight.exchangeInfo,
      answer: (query) => exchangeInfo(rules, backend.now(), query.selected()),
    },
    depth: {
      weight: (query) => tier(weight.depth, query.rawLimit(rules.split ? 500 : 100)),
      answer: (query) => {
        const symbol = query.symbol()
        const limit = query.limit(rules.split ? 500 : 100, 5_000)
        if (rules.depthLimits?.includes(limit) === false) {
          throw new Refusal(-4021, `${limit} is not valid depth limit.`)
        }
        return backend.depth(symbol, limit)
      },
    },
    aggTrades: {
      weight: () => weight.aggTrades,
      answer: (query) => {
        const range = query.range(500, 1_000, 'fromId')
        if (rules.split) checkSpan(range)
        const oldest = backend.now() - rules.tradesMs
        const start = rules.tradesMs === Infinity ? range.start : Math.max(range.start ?? oldest, oldest)
        const asked = range.fromId === undefined && range.start === undefined && range.end === undefined
        return list(backend.aggTrades(query.symbol(), asked ? range : { ...range, start }))
      },
    },
    klines: {
      weight: (query) => tier(weight.klines, query.rawLimit(500)),
      answer: (query) => {
        const symbol = query.symbol()
        return list(backend.klines(symbol, query.interval(), query.range(500, rules.klinesMax)))
      },
    },
    'ticker/bookTicker': {
      weight: (query) => weight.bookTicker[query.has('symbol') ? 0 : 1],
      answer: (query) => {
        if (query.has('symbol')) return backend.bookTicker(query.symbol()) ?? '{}'
        return list(
          backend
            .symbols()
            .map(({ symbol }) => backend.bookTicker(symbol))
            .filter((row) => row !== undefined),
        )
      },
    },
  }
  return new Map(Object.entries(routes))
}

function list(rows: readonly string[]): string {
  return `[${rows.join(',')}]`
}

function tier(tiers: readonly (readonly [number, number])[], limit: number): number {
  return (tiers.find(([upTo]) => limit <= upTo) ?? tiers.at(-1)!)[1]
}

const HOUR = 3_600_000

function checkSpan({ fromId, start, end }: Range): void {
  if (fromId !== undefined && (start !== undefined || end !== undefined)) {
    throw new Refusal(-1128, 'Combination of optional parameters invalid.')
  }
  if (start !== undefined && end !== undefined && end - start >= HOUR) {
    throw new Refusal(-1127, 'More than 1 hours between startTime and endTime.')
  }
}

class Query {
  readonly #parameters: URLSearchParams
  readonly #backend: Backend

  constructor(parameters: URLSearchParams, backend: Backend) {
    this.#parameters = parameters
    this.#backend = backend
  }

  has(name: string): boolean {
    return this.#parameters.has(name)
  }

  symbol(): string {
    const symbol = this.#parameters.get('symbol')
    if (symbol === null || symbol === '') {
      throw new Refusal(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    }
    if (!this.#backend.symbols().some((info) => info.symbol === symbol)) throw new Refusal(-1121, 'Invalid symbol.')
    return symbol
  }

  /** The symbols that `symbol`, `symbols` and `symbolStatus` ask for; all without them. */
  selected(): readonly SymbolInfo[] {
    const all = this.#backend.symbols()
    if (this.has('symbol')) {
      const symbol = this.symbol()
      return all.filter((info) => info.symbol === symbol)
    }
    const status = this.#parameters.get('symbolStatus')
    const symbols = this.#parameters.get('symbols')
    if (symbols === null) return status === null ? all : all.filter((info) => info.status === status)
    const names = symbolNames(symbols)
    if (names.some((name) => !all.some((info) => info.symbol === name))) throw new Refusal(-1121, 'Invalid symbol.')
    return all.filter((info) => names.includes(info.symbol))
  }

  interval(): string {
    const interval = this.#parameters.get('interval') ?? ''
    if (!INTERVALS.has(interval)) throw new Refusal(-1120, 'Invalid interval.')
    return interval
  }

  /** As asked, for the weight: a wrong one counts as the default. */
  rawLimit(byDefault: number): number {
    return Number(this.#parameters.get('limit') ?? byDefault) || byDefault
  }

  limit(byDefault: number, max: number): number {
    const limit = this.#whole('limit') ?? byDefault
    if (limit < 1) throw new Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
    return Math.min(limit, max)
  }

  range(byDefault: number, max: number, id?: 'fromId'): Range {
    return {
      fromId: id === undefined ? undefined : this.#whole(id),
      start: this.#whole('startTime'),
      end: this.#whole('endTime'),
      limit: this.limit(byDefault, max),
    }
  }

  #whole(name: string): number | undefined {
    const text = this.#parameters.get(name)
    if (text === null) return undefined
    if (!/^\d{1,16}$/u.test(text)) {
      throw new Refusal(-1100, `Illegal characters found in parameter '${name}'; legal range is '^[0-9]{1,20}$'.`)
    }
    return Number(text)
  }
}

function symbolNames(json: string): string[] {
  try {
    const names: unknown = JSON.parse(json)
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  } catch {
    // refused below
  }
  throw new Refusal(-1100, "Illegal characters found in parameter 'symbols'.")
}

/** The rows of a page, oldest first. `rows` rise in id and time. */
export function page<T>(rows: readonly T[], range: Range, id: (row: T) => number, time: (row: T) => number): T[] {
  const { fromId, start, end, limit } = range
  if (fromId === undefined && start === undefined && end === undefined) return rows.slice(-limit)
  const within = rows.filter(
    (row) =>
      (fromId === undefined || id(row) >= fromId) &&
      (start === undefined || time(row) >= start) &&
      (end === undefined || time(row) <= end),
  )
  return start === undefined && fromId === undefined ? within.slice(-limit) : within.slice(0, limit)
}
