// REST of OKX: checks parameters as the venue does, counts requests per endpoint, asks the backend.
// Refusals have the status 200 for the most part, a code in the body, and an empty `data`.
import { Budget } from '../budget.ts'
import type { Clock } from '../clock.ts'
import type { Ratio, RestAnswer, RestRequest } from '../venue.ts'
import type { Row } from './instruments.ts'
import { barOf, PERIODS, RATIO_LAG_MS, type Rules } from './rules.ts'

/** A row of a list, and what it is paged by. */
export interface Keyed {
  readonly key: number
  readonly text: string
}

/** What REST asks of a source, synthetic or recorded. Texts are JSON; lists are newest first. */
export interface Backend {
  /** By the venue's clock, ms. */
  now(): number
  rows(): readonly Row[]
  /** By id, those between the bounds, at most so many; `key` is the id. */
  trades(instId: string, bounds: Bounds): readonly Keyed[]
  /** The newest that are older than a time. */
  tradesBefore(instId: string, time: number, limit: number): readonly Keyed[]
  book(instId: string, depth: number): string | undefined
  candles(instId: string, bar: string): readonly Keyed[]
  ticker(instId: string): string | undefined
  funding(instId: string): string | undefined
  openInterest(instId: string): string | undefined
  ratio(instId: string, of: Ratio, periodMs: number, start: number): string | undefined
}

/** Exclusive. */
export interface Bounds {
  readonly after: number
  readonly before: number
  readonly limit: number
}

interface Route {
  /** Requests in a window, for each value of the parameter. */
  readonly limit: readonly [requests: number, windowMs: number, per?: string]
  answer(query: Query): readonly string[]
}

class Refusal extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status: number = 200) {
    super(message)
    this.code = code
    this.status = status
  }
}

export const FAILURE = '{"code":"50001","msg":"Service temporarily unavailable. Try again later.","data":[]}'
const ROOT = '/api/v5/'
const TWO_SECONDS = 2_000
const RATIOS_MAX = 1_440

/** Answers requests of one listener, which is one address to the venue's limits. */
export function restOf(rules: Rules, clock: Clock, backend: Backend): (request: RestRequest) => RestAnswer {
  const routes = { ...marketRoutes(backend), ...publicRoutes(rules, backend), ...ratioRoutes(backend) }
  const budgets = new Map<string, Budget>()
  let refusals = 0
  const granted = (path: string, [requests, windowMs, per]: Route['limit'], parameters: URLSearchParams) => {
    const key = `${path} ${per === undefined ? '' : parameters.get(per)}`
    const weight = requests * (rules.limits.restTimes ?? 1)
    const budget = budgets.get(key) ?? new Budget(clock, { weight, windowMs, banMs: 0 })
    budgets.set(key, budget)
    return budget.spend(1).kind === 'granted'
  }
  return ({ method, url }) => {
    const path = url.pathname.startsWith(ROOT) ? url.pathname.slice(ROOT.length) : ''
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined
    if (route === undefined || method !== 'GET') return refused('404', 'Not Found', 404)
    if (!granted(path, route.limit, url.searchParams)) {
      // the venue does the one or the other
      return refused('50011', 'Too Many Requests', refusals++ % 2 === 0 ? 200 : 429)
    }
    try {
      return { status: 200, body: `{"code":"0","msg":"","data":[${route.answer(new Query(url, backend)).join(',')}]}` }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return refused(error.code, error.message, error.status)
    }
  }
}

function refused(code: string, msg: string, status: number): RestAnswer {
  return { status, body: JSON.stringify({ code, msg, data: [] }) }
}

function marketRoutes(backend: Backend): Record<string, Route> {
  const candles: Route['answer'] = (query) => {
    const bar = query.text('bar') ?? '1m'
    if (barOf(bar) === undefined) throw new Refusal('51000', 'Parameter bar error', 400)
    const { after, before, limit } = query.bounds(100, 300)
    const rows = backend.candles(query.instId(), bar).filter(({ key }) => key < after && key > before)
    return rows.slice(0, limit).map(({ text }) => text)
  }
  return {
    'market/history-trades': {
      limit: [20, TWO_SECONDS],
      answer: (query) => {
        const instId = query.instId()
        const bounds = query.bounds(100, 100)
        const byTime = query.text('type') === '2'
        const rows = byTime ? backend.tradesBefore(instId, bounds.after, bounds.limit) : backend.trades(instId, bounds)
        return rows.map(({ text }) => text)
      },
    },
    'market/trades': {
      limit: [100, TWO_SECONDS],
      answer: (query) => {
        const limit = query.limit(100, 500)
        return backend.trades(query.instId(), { after: Infinity, before: -1, limit }).map(({ text }) => text)
      },
    },
    'market/books': {
      limit: [40, TWO_SECONDS],
      answer: (query) => listed(backend.book(query.instId(), query.whole('sz', 1, 400))),
    },
    'market/candles': { limit: [40, TWO_SECONDS], answer: candles },
    'market/history-candles': { limit: [20, TWO_SECONDS], answer: candles },
    'market/ticker': { limit: [20, TWO_SECONDS], answer: (query) => listed(backend.ticker(query.instId())) },
    'market/tickers': {
      limit: [20, TWO_SECONDS],
      answer: (query) => query.selected().flatMap(({ instId }) => listed(backend.ticker(instId))),
    },
  }
}

function publicRoutes(rules: Rules, backend: Backend): Record<string, Route> {
  return {
    'public/time': { limit: [10, TWO_SECONDS], answer: () => [`{"ts":"${Math.floor(backend.now())}"}`] },
    'public/instruments': {
      limit: [20, TWO_SECONDS, 'instType'],
      answer: (query) => {
        const instType = query.instType()
        if (instType === 'OPTION' && !query.has('uly', 'instFamily')) {
          throw new Refusal('50015', 'Either parameter uly or instFamily is required', 400)
        }
        return query.selected().map((row) => JSON.stringify(row))
      },
    },
    'public/underlying': {
      limit: [20, TWO_SECONDS],
      answer: (query) => {
        const instType = query.instType()
        const families = new Set(backend.rows().flatMap((row) => (row.instType === instType ? [row.uly ?? ''] : [])))
        return [JSON.stringify([...families].filter((uly) => uly !== ''))]
      },
    },
    'public/funding-rate': {
      limit: [10, TWO_SECONDS],
      answer: (query) => {
        if (query.text('instId') !== 'ANY') return listed(backend.funding(query.instId()))
        return backend.rows().flatMap(({ instId }) => listed(backend.funding(instId)))
      },
    },
    'public/open-interest': {
      limit: [20, TWO_SECONDS],
      answer: (query) => {
        const instType = query.instType()
        if (instType === 'OPTION' && !query.has('uly', 'instFamily')) {
          throw new Refusal('50015', 'Either parameter uly or instFamily is required', 400)
        }
        return query.selected().flatMap(({ instId }) => listed(backend.openInterest(instId)))
      },
    },
    // nothing is planned on a venue that is made up
    'system/status': { limit: [1, 5_000], answer: () => [] },
  }
}

function ratioRoutes(backend: Backend): Record<string, Route> {
  const route = (of: Ratio): Route => ({
    limit: [5, TWO_SECONDS, 'instId'],
    answer: (query) => {
      const instId = query.instId()
      const periodMs = PERIODS[query.text('period') ?? '5m']
      if (periodMs === undefined) throw new Refusal('51000', 'Parameter period error', 400)
      const [begin, end] = [query.whole('begin', 0, Infinity), query.whole('end', Infinity, Infinity)]
      // a period is there when it is over
      const newest = Math.floor((backend.now() - RATIO_LAG_MS) / periodMs) - 1
      const starts = Array.from({ length: RATIOS_MAX }, (_, i) => (newest - i) * periodMs)
      return starts
        .filter((start) => start >= begin && start <= end)
        .slice(0, query.limit(100, 100))
        .flatMap((start) => {
          const ratio = backend.ratio(instId, of, periodMs, start)
          return ratio === undefined ? [] : [`["${start}","${ratio}"]`]
        })
    },
  })
  return {
    'rubik/stat/contracts/long-short-position-ratio-contract-top-trader': route('lsr_top_position'),
    'rubik/stat/contracts/long-short-account-ratio-contract': route('lsr_all_account'),
  }
}

function listed(text: string | undefined): string[] {
  return text === undefined ? [] : [text]
}

class Query {
  readonly #parameters: URLSearchParams
  readonly #backend: Backend

  constructor({ searchParams }: URL, backend: Backend) {
    this.#parameters = searchParams
    this.#backend = backend
  }

  text(name: string): string | undefined {
    return this.#parameters.get(name) ?? undefined
  }

  has(...names: string[]): boolean {
    return names.some((name) => (this.text(name) ?? '') !== '')
  }

  instId(): string {
    const instId = this.text('instId') ?? ''
    if (instId === '') throw new Refusal('50014', 'Parameter instId can not be empty', 400)
    if (!this.#backend.rows().some((row) => row.instId === instId)) {
      throw new Refusal('51001', "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
    }
    return instId
  }

  instType(): string {
    const instType = this.text('instType') ?? ''
    if (instType === '') throw new Refusal('50014', 'Parameter instType can not be empty', 400)
    if (!/^(SPOT|MARGIN|SWAP|FUTURES|OPTION|EVENTS)$/u.test(instType)) {
      throw new Refusal('51000', 'Parameter instType error', 400)
    }
    return instType
  }

  /** The instruments that `instType`, `uly`, `instFamily` and `instId` ask for. */
  selected(): readonly Row[] {
    const wanted = ['instType', 'uly', 'instFamily', 'instId'] as const
    return this.#backend
      .rows()
      .filter((row) => wanted.every((key) => !this.has(key) || (row[key] ?? row['uly']) === this.text(key)))
  }

  limit(byDefault: number, max: number): number {
    return Math.max(1, this.whole('limit', byDefault, max))
  }

  /** `after` is older, `before` is newer; with `before` alone the newest rows come all the same. */
  bounds(byDefault: number, max: number): Bounds {
    const limit = this.limit(byDefault, max)
    return { after: this.whole('after', Infinity, Infinity), before: this.whole('before', -1, Infinity), limit }
  }

  whole(name: string, byDefault: number, max: number): number {
    const text = this.text(name)
    if (text === undefined || text === '') return byDefault
    if (!/^\d{1,16}$/u.test(text)) throw new Refusal('51000', `Parameter ${name} error`, 400)
    return Math.min(Number(text), max)
  }
}
