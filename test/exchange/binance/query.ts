// A request to Binance's REST: its parameters, checked as the venue does it, and what a path is.
import { INTERVALS } from '../market/candles.ts'
import type { SymbolInfo } from './exchange-info.ts'

/** Which rows: from an id, or between times (ms, inclusive); neither: the newest. */
export interface Range {
  readonly fromId: number | undefined
  readonly start: number | undefined
  readonly end: number | undefined
  readonly limit: number
}

/** What one path answers, and what it costs: weight, or a request of a budget beside it. */
export interface Route {
  weight(query: Query): number
  readonly unweighed?: 'statistics' | 'funding'
  answer(query: Query): string | Promise<string>
}

export type Routes = Readonly<Record<string, Route>>

export class Refusal extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export class Query {
  readonly #parameters: URLSearchParams
  readonly #symbols: readonly SymbolInfo[]

  /** @param symbols those that the path knows */
  constructor(parameters: URLSearchParams, symbols: readonly SymbolInfo[]) {
    this.#parameters = parameters
    this.#symbols = symbols
  }

  has(name: string): boolean {
    return this.#parameters.has(name)
  }

  /** A parameter that must be there. */
  text(name: string): string {
    const text = this.#parameters.get(name)
    if (text === null || text === '') {
      throw new Refusal(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`)
    }
    return text
  }

  symbol(): string {
    const symbol = this.text('symbol')
    if (!this.#symbols.some((info) => info.symbol === symbol)) throw new Refusal(-1121, 'Invalid symbol.')
    return symbol
  }

  /** The symbols that `symbol`, `symbols` and `symbolStatus` ask for; all without them. */
  selected(): readonly SymbolInfo[] {
    const all = this.#symbols
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

const HOUR = 3_600_000

export function checkSpan({ fromId, start, end }: Range): void {
  if (fromId !== undefined && (start !== undefined || end !== undefined)) {
    throw new Refusal(-1128, 'Combination of optional parameters invalid.')
  }
  if (start !== undefined && end !== undefined && end - start >= HOUR) {
    throw new Refusal(-1127, 'More than 1 hours between startTime and endTime.')
  }
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
