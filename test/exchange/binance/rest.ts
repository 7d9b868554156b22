// REST of all markets: checks parameters as the venue does, takes the weight, asks the backend.
import { Budget, type Verdict } from '../budget.ts'
import type { Clock } from '../clock.ts'
import type { RestAnswer, RestRequest } from '../venue.ts'
import type { Desk } from './desk.ts'
import { exchangeInfo, isCoin, type SymbolInfo } from './exchange-info.ts'
import { checkSpan, Query, type Range, Refusal, type Routes } from './query.ts'
import { type Api, type Rules, UNWEIGHED } from './rules.ts'
import { figureRoutes, statisticRoutes } from './statistics.ts'

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
  /** Of contracts; recordings have none. */
  readonly desk?: Desk | undefined
}

/** What REST says where a fault has it fail. */
export const FAILURE = '{"code":-1003,"msg":"fault on command"}'

/** Answers requests of one listener, which is one address to the venue's limits. */
export function restOf(rules: Rules, clock: Clock, backend: Backend): (request: RestRequest) => Promise<RestAnswer> {
  const { weightPerMinute, banMs, restTimes = 1 } = rules.limits
  const budget = new Budget(clock, { weight: weightPerMinute * restTimes, windowMs: 60_000, banMs })
  const own = (weight: number) =>
    new Budget(clock, { weight: weight * restTimes, windowMs: UNWEIGHED.windowMs, banMs: 0 })
  const unweighed = { statistics: own(UNWEIGHED.statistics), funding: own(UNWEIGHED.funding) }
  const find = finder(rules, backend)
  return async ({ method, url }) => {
    const found = find(url.pathname)
    if (found === undefined || method !== 'GET') return { status: 404, body: '{"code":-5000,"msg":"Path not found."}' }
    const { route, symbols } = found
    const query = new Query(url.searchParams, symbols())
    const spent = budget.spend(route.weight(query))
    const headers = { 'X-MBX-USED-WEIGHT': String(spent.used), 'X-MBX-USED-WEIGHT-1M': String(spent.used) }
    if (spent.kind !== 'granted') return refused(spent, rules, backend.now(), headers)
    const beside = route.unweighed === undefined ? spent : unweighed[route.unweighed].spend(1)
    if (beside.kind !== 'granted') return refused(beside, rules, backend.now(), headers)
    try {
      return { status: 200, headers, body: await route.answer(query) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { status: 400, headers, body: JSON.stringify({ code: error.code, msg: error.message }) }
    }
  }
}

/** What answers at a path, and the symbols that are known there. */
function finder(rules: Rules, backend: Backend) {
  const { desk } = backend
  const heads = rules.apis.map((api) => {
    const symbols = () => backend.symbols().filter((info) => isCoin(info) === api.coin)
    const own = {
      ...routesOf(rules, api, backend, symbols),
      ...(desk === undefined ? {} : figureRoutes(desk, api, symbols)),
    }
    return { head: `${api.prefix}/`, routes: new Map(Object.entries(own)), symbols }
  })
  if (desk !== undefined) {
    const routes = new Map(Object.entries(statisticRoutes(desk, () => backend.now())))
    heads.push({ head: '/futures/data/', routes, symbols: () => [...backend.symbols()] })
  }
  return (path: string) => {
    const found = heads.find(({ head }) => path.startsWith(head))
    const route = found?.routes.get(path.slice(found.head.length))
    return found === undefined || route === undefined ? undefined : { route, symbols: found.symbols }
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

function routesOf(rules: Rules, api: Api, backend: Backend, symbols: () => readonly SymbolInfo[]): Routes {
  const { weight } = rules
  return {
    ping: { weight: () => 1, answer: () => '{}' },
    time: { weight: () => 1, answer: () => `{"serverTime":${Math.floor(backend.now())}}` },
    exchangeInfo: {
      weight: () => weight.exchangeInfo,
      answer: (query) => exchangeInfo(rules, api, backend.now(), query.selected()),
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
        const rows = symbols().map(({ symbol }) => backend.bookTicker(symbol))
        return list(rows.filter((row) => row !== undefined))
      },
    },
  }
}

function list(rows: readonly string[]): string {
  return `[${rows.join(',')}]`
}

function tier(tiers: readonly (readonly [number, number])[], limit: number): number {
  return (tiers.find(([upTo]) => limit <= upTo) ?? tiers.at(-1)!)[1]
}
