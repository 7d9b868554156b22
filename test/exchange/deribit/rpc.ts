// The public methods that have an answer of their own, the same over REST and WebSocket: their parameters are checked
// as the venue does, their results are JSON.
import { array, object, quoted } from './json.ts'
import { infoText, type InstrumentInfo } from './info.ts'
import { RESOLUTIONS } from './charts.ts'
import { ORDER_BOOK_DEPTHS, type Price, TRADES_MAX, VERSION, VOLATILITY_INDICES } from './rules.ts'

/** A trade as REST shows it. */
export interface TradeRow {
  readonly seq: number
  readonly time: number
  text(): string
}

/** Milliseconds, both included. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What REST asks of a source, synthetic or recorded. Texts are JSON. */
export interface Backend {
  /** By the venue's clock, ms. */
  now(): number
  instruments(): readonly InstrumentInfo[]
  /** Oldest first. */
  trades(instrument: string): readonly TradeRow[]
  /** The ticker, and the order book, which holds the ticker's fields too; undefined where nothing is known. */
  ticker(instrument: string): string | undefined
  book(instrument: string, depth: number): string | undefined
  summary(instrument: string): string | undefined
  /** Rows of each hour, oldest first. */
  fundingHistory(instrument: string, span: Span): readonly string[]
  chart(instrument: string, resolution: string, span: Span): string
  /** Candles of an index, oldest first. */
  volatility(index: string, span: Span, stepMs: number): readonly { readonly time: number; readonly text: string }[]
}

export class Refusal extends Error {
  readonly code: number
  readonly data: Readonly<Record<string, string>> | undefined

  constructor(code: number, message: string, data?: Readonly<Record<string, string>>) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** The parameter is missing or cannot be read. */
export function badParameter(param: string, reason: string): Refusal {
  return new Refusal(-32_602, 'Invalid params', { reason, param })
}

/** Parameters as they come: typed in a request over the socket, texts in a query. */
export class Params {
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values
  }

  value(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined
  }

  text(name: string, byDefault?: string): string {
    const value = this.value(name) ?? byDefault
    if (typeof value !== 'string' || value === '') throw badParameter(name, 'must be a non-empty string')
    return value
  }

  oneOf(name: string, values: readonly string[], byDefault?: string): string {
    const text = this.text(name, byDefault)
    if (!values.includes(text)) throw badParameter(name, `must be one of ${values.join(', ')}`)
    return text
  }

  whole(name: string): number | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    const text = typeof value === 'number' ? String(value) : value
    if (typeof text !== 'string' || !/^\d{1,15}$/u.test(text))
      throw badParameter(name, 'must be a non-negative integer')
    return Number(text)
  }

  /** False where it is not given. */
  flag(name: string): boolean {
    const value = this.value(name) ?? false
    if (typeof value === 'boolean') return value
    return this.oneOf(name, ['true', 'false']) === 'true'
  }

  span(required: boolean): Span {
    const [start, end] = [this.whole('start_timestamp'), this.whole('end_timestamp')]
    if (required && start === undefined) throw badParameter('start_timestamp', 'missing required parameter')
    if (required && end === undefined) throw badParameter('end_timestamp', 'missing required parameter')
    return { start: start ?? 0, end: end ?? Infinity }
  }
}

interface Method {
  readonly price: Price
  run(params: Params): string
}

const HOUR_ROWS_MAX = 744
const VOLATILITY_ROWS_MAX = 1_000
const VOLATILITY_STEPS = new Map([
  ['1', 1_000],
  ['60', 60_000],
  ['3600', 3_600_000],
  ['43200', 43_200_000],
  ['1D', 86_400_000],
])

/** Methods by name, `public/` included. */
export function methodsOf(backend: Backend): ReadonlyMap<string, Method> {
  const ordinary = (run: Method['run']): Method => ({ price: 'ordinary', run })
  const instrument = (params: Params) => knownInstrument(backend, params)
  return new Map(
    Object.entries({
      'public/test': ordinary(() => object({ version: quoted(VERSION) })),
      'public/hello': ordinary(() => object({ version: quoted(VERSION) })),
      'public/get_time': ordinary(() => String(Math.floor(backend.now()))),
      'public/status': ordinary(() => object({ locked: quoted('false') })),
      'public/get_instruments': { price: 'instruments', run: (params) => instruments(backend, params) },
      'public/get_instrument': ordinary((params) => {
        const name = instrument(params)
        return infoText(backend.instruments().find((info) => info.instrument_name === name)!)
      }),
      'public/get_last_trades_by_instrument': ordinary((params) => trades(backend, params, params.span(false))),
      'public/get_last_trades_by_instrument_and_time': ordinary((params) => trades(backend, params, params.span(true))),
      'public/ticker': ordinary((params) => backend.ticker(instrument(params)) ?? '{}'),
      'public/get_order_book': ordinary((params) => {
        const depth = params.whole('depth') ?? 5
        if (!ORDER_BOOK_DEPTHS.includes(depth)) throw badParameter('depth', 'wrong depth')
        return backend.book(instrument(params), depth) ?? '{}'
      }),
      'public/get_book_summary_by_currency': ordinary((params) => summaries(backend, params)),
      'public/get_funding_rate_history': ordinary((params) =>
        array(backend.fundingHistory(instrument(params), params.span(true)).slice(-HOUR_ROWS_MAX)),
      ),
      'public/get_volatility_index_data': ordinary((params) => volatility(backend, params)),
      'public/get_tradingview_chart_data': ordinary((params) => {
        const resolution = params.oneOf('resolution', [...RESOLUTIONS.keys()])
        return backend.chart(instrument(params), resolution, params.span(true))
      }),
    } satisfies Record<string, Method>),
  )
}

function knownInstrument(backend: Backend, params: Params): string {
  const name = params.text('instrument_name')
  if (!backend.instruments().some((info) => info.instrument_name === name)) {
    throw new Refusal(10_020, 'invalid_or_unsupported_instrument')
  }
  return name
}

/** Entries of a currency (that they are settled in, before 2023 that they are about) and kind. */
function selected(backend: Backend, params: Params): readonly InstrumentInfo[] {
  const currency = params.text('currency')
  const kind = params.oneOf('kind', ['any', 'future', 'option', 'spot', 'future_combo', 'option_combo'], 'any')
  return backend
    .instruments()
    .filter((info) => currency === 'any' || (info.settlement_currency ?? info.base_currency) === currency)
    .filter((info) => kind === 'any' || info.kind === kind)
}

function instruments(backend: Backend, params: Params): string {
  const expired = params.flag('expired')
  return array(expired ? [] : selected(backend, params).map(infoText))
}

function summaries(backend: Backend, params: Params): string {
  const rows = selected(backend, params).map((info) => backend.summary(info.instrument_name))
  return array(rows.filter((row) => row !== undefined))
}

// The page is the oldest of the range when rows rise, else the newest.
function trades(backend: Backend, params: Params, { start, end }: Span): string {
  const name = knownInstrument(backend, params)
  const count = params.whole('count') ?? 10
  if (count < 1 || count > TRADES_MAX) throw badParameter('count', `must be between 1 and ${TRADES_MAX}`)
  const sorting = params.oneOf('sorting', ['asc', 'desc', 'default'], 'default')
  const from = params.whole('start_seq') ?? 0
  const upTo = params.whole('end_seq') ?? Infinity
  const within = backend
    .trades(name)
    .filter(({ seq, time }) => seq >= from && seq <= upTo && time >= start && time <= end)
  const page = sorting === 'asc' ? within.slice(0, count) : within.slice(-count).reverse()
  return object({ trades: array(page.map((row) => row.text())), has_more: String(within.length > count) })
}

function volatility(backend: Backend, params: Params): string {
  const index = `${params.text('currency')}_usd`.toLowerCase()
  if (!VOLATILITY_INDICES.includes(index)) throw badParameter('currency', 'no volatility index')
  const stepMs = VOLATILITY_STEPS.get(params.oneOf('resolution', [...VOLATILITY_STEPS.keys()]))!
  const { start, end } = params.span(true)
  const last = Math.floor(Math.min(end, backend.now()) / stepMs) * stepMs
  const first = Math.max(Math.ceil(start / stepMs) * stepMs, last - (VOLATILITY_ROWS_MAX - 1) * stepMs)
  const rows = backend.volatility(index, { start: first, end: last }, stepMs)
  // pages walk backwards: the rest ends before the oldest row
  const more = rows.length === VOLATILITY_ROWS_MAX && first - stepMs >= start
  return object({ data: array(rows.map(({ text }) => text)), continuation: more ? String(first - stepMs) : 'null' })
}
