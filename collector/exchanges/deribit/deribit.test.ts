import { describe, expect, it } from 'vitest'
import { Intake } from '../../../test/support/intake.ts'
import { MISSING_RECORDINGS, sessionOf } from '../../../test/support/recorded.ts'
import type { Market } from '../../../crds/names.ts'
import type { Listing, Room } from '../room.ts'
import { deribit } from './room.ts'
import { readInstruments } from './instruments.ts'
import { limited } from './rest.ts'
import { control, protocol } from './socket.ts'

function room(market: Market): Room {
  const found = deribit.find((one) => one.market === market)
  if (found === undefined) throw new Error(`no room of ${market}`)
  return found
}

/** Rows as the venue lists them, of which only what a test is about differs. */
function listed(market: Market, ...rows: readonly object[]): readonly Listing[] {
  const whole = rows.map((row) => ({ is_active: true, tick_size: 0.5, min_trade_amount: 10, state: 'open', ...row }))
  return readInstruments(Buffer.from(JSON.stringify({ result: whole })), market)?.listings ?? []
}

const CHRISTMAS = Date.UTC(2026, 11, 25, 8)
const inverse = { base_currency: 'BTC', quote_currency: 'USD', counter_currency: 'USD', instrument_type: 'reversed' }
const linear = { base_currency: 'XRP', quote_currency: 'USDC', counter_currency: 'USDC', instrument_type: 'linear' }

describe('instruments of Deribit', () => {
  it('C016: names with a decimal strike, a day of one digit, linear and inverse ones are ours, one to one', () => {
    const option = {
      kind: 'option',
      option_type: 'call',
      strike: 0.525,
      expiration_timestamp: Date.UTC(2026, 8, 25, 8),
    }
    const coin = { kind: 'option', option_type: 'put', expiration_timestamp: Date.UTC(2026, 10, 6, 8) }
    const options = listed(
      'option',
      { ...linear, ...option, instrument_name: 'XRP_USDC-25SEP26-0d525-C' },
      { ...linear, ...option, instrument_name: 'XRP_USDC-25SEP26-0d55-C' },
      { ...inverse, quote_currency: 'BTC', ...coin, instrument_name: 'BTC-6NOV26-90000-P' },
    )
    expect(options.map(({ venueSymbol, symbol }) => [venueSymbol, symbol])).toEqual([
      ['XRP_USDC-25SEP26-0d525-C', 'XRP-USDC-20260925-0d525-C'],
      ['XRP_USDC-25SEP26-0d55-C', 'XRP-USDC-20260925-0d55-C'],
      ['BTC-6NOV26-90000-P', 'BTC-USD-20261106-90000-P'],
      ['btc_usd', 'BTC-USD'],
    ])
    const [dated] = listed('future', { ...inverse, kind: 'future', instrument_name: 'BTC-27NOV26' })
    expect(dated).toMatchObject({ symbol: 'BTC-USD-20261127', sizing: { kind: 'inverse', value: '1' } })
    const perpetual = { kind: 'future', settlement_period: 'perpetual' }
    const perpetuals = listed(
      'perpetual',
      { ...inverse, ...perpetual, instrument_name: 'BTC-PERPETUAL' },
      { ...linear, ...perpetual, base_currency: 'BTC', instrument_name: 'BTC_USDC-PERPETUAL' },
    )
    expect(perpetuals.map(({ symbol, sizing }) => [symbol, sizing.kind])).toEqual([
      ['BTC-USD', 'inverse'],
      ['BTC-USDC', 'base'],
    ])
    // A strike with a point would be a token more in the subject.
    for (const { symbol } of [...options, ...perpetuals]) expect(symbol).not.toContain('.')
    const { stream } = room('option').types.trade as { stream: (listing: Listing, options: object) => { name: string } }
    expect(stream(options[0] as Listing, {}).name).toBe('trades.XRP_USDC-25SEP26-0d525-C.100ms')
  })

  it('are left out where their names cannot be ours', () => {
    const row = { ...inverse, kind: 'future', instrument_name: 'BTC-25DEC26', expiration_timestamp: CHRISTMAS }
    const strange = ['BTC-25DEC', 'BTC-25XXX26', 'BTC 25DEC26', 'BTC-*', 'BTC-25DEC26>', '', 7]
    expect(listed('future', ...strange.map((name) => ({ ...row, instrument_name: name })))).toEqual([])
    expect(listed('future', { ...row, base_currency: 'B.C' }, { ...row, counter_currency: 'U D' })).toEqual([])
    expect(listed('future', { ...row, kind: 'future_combo' })).toEqual([])
    expect(readInstruments(Buffer.from('{"result":7}'), 'future')).toBeUndefined()
    expect(listed('future', row)).toHaveLength(1)
  })

  it('have the states that the venue gives them, before and since 2026', () => {
    const row = { ...inverse, kind: 'future', instrument_name: 'BTC-25DEC26' }
    const states = ['created', 'open', 'halted', 'locked', 'delivered', 'archivized', 'unheard-of', undefined]
    expect(states.map((state) => listed('future', { ...row, state })[0]?.status)).toEqual([
      ...['pre_open', 'trading', 'halted', 'halted', 'delisted', 'delisted', 'trading', 'trading'],
    ])
    expect(listed('future', { ...row, state: undefined, is_active: false })[0]?.status).toBe('delisted')
  })

  it('of the recording have each a symbol of its own, whose date is the day on which they expire', ({ skip }) => {
    skip(MISSING_RECORDINGS !== undefined, MISSING_RECORDINGS)
    const bodies = sessionOf({ exchange: 'deribit', market: 'option', name: 'DERIBIT' }).flatMap((item) =>
      item.kind === 'rest' && item.url.pathname.endsWith('get_instruments') ? [Buffer.from(item.body)] : [],
    )
    const instruments = deribit.flatMap(({ market }) =>
      bodies.flatMap((body) =>
        (readInstruments(body, market)?.listings ?? []).map((one) => ({ key: `${market} ${one.symbol}`, ...one })),
      ),
    )
    expect(instruments.length).toBeGreaterThan(900)
    const own = instruments.filter(({ family }) => family === undefined)
    expect(new Set(own.map(({ key }) => key)).size).toBe(new Set(own.map(({ venueSymbol }) => venueSymbol)).size)
    for (const { symbol, expiresMs } of own) {
      if (expiresMs === undefined) continue
      expect(symbol.split('-')[2]).toBe(new Date(expiresMs).toISOString().slice(0, 10).replaceAll('-', ''))
    }
  })
})

describe('the socket of Deribit', () => {
  it('C023: asks for no raw channel, answers whether it is there, and reads the refusal of a whole request', () => {
    const perpetual = room('perpetual')
    const [listing] = listed('perpetual', {
      ...{ ...inverse, kind: 'future', settlement_period: 'perpetual', instrument_name: 'BTC-PERPETUAL' },
    })
    for (const type of Object.values(perpetual.types)) {
      if (type.via === 'websocket') expect(type.stream(listing as Listing, { interval: '1m' }).name).not.toMatch(/raw$/)
    }
    const refusal = { message: 'raw_subscriptions_not_available_for_unauthorized', code: 13778 }
    expect(control(JSON.stringify({ jsonrpc: '2.0', id: 7, error: refusal }))).toEqual({
      kind: 'refused',
      id: 7,
      message: '13778 raw_subscriptions_not_available_for_unauthorized',
    })
    const question = { jsonrpc: '2.0', method: 'heartbeat', params: { type: 'test_request' } }
    expect(control(JSON.stringify(question))).toEqual({
      kind: 'answer',
      text: '{"jsonrpc":"2.0","id":0,"method":"public/test","params":{}}',
    })
    expect(protocol.greeting?.[0]).toContain('public/set_heartbeat')
  })

  it('finds no data in what only resembles a notification', () => {
    const envelope = { nameStart: 0, nameEnd: 0, dataStart: 0, dataEnd: 0 }
    const whole = '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"a","data":[]}}'
    expect(room('option').open(Buffer.from(whole), envelope)).toBe(true)
    for (let length = 0; length < whole.length; length++) {
      expect(room('option').open(Buffer.from(whole.slice(0, length)), envelope)).toBe(false)
    }
    expect(room('option').open(Buffer.from(whole.replace('"a"', `"${'a'.repeat(200)}"`)), envelope)).toBe(false)
  })

  it('knows an answer that says that too much was asked', () => {
    expect(limited(400, Buffer.from('{"jsonrpc":"2.0","error":{"message":"too_many_requests","code":10028}}'))).toBe(
      true,
    )
    expect(limited(200, Buffer.from('{"jsonrpc":"2.0","result":[]}'))).toBe(false)
  })
})

describe('trades of Deribit', () => {
  it('C011: ten dollars of an inverse perpetual are so much coin at the price, and the dollars stand beside it', () => {
    const plan = { type: 'trade', symbol: 'BTC-USD', venueSymbol: 'BTC-PERPETUAL' } as const
    const intake = new Intake(room('perpetual'), [{ ...plan, sizing: { kind: 'inverse', value: '1' } }])
    const trade = { trade_seq: 30289, trade_id: '48079', timestamp: 1790000000090, instrument_name: 'BTC-PERPETUAL' }
    const data = [{ ...trade, price: 62500.5, direction: 'sell', amount: 10.5, contracts: 1 }]
    const frame = { jsonrpc: '2.0', method: 'subscription', params: { channel: 'trades.BTC-PERPETUAL.100ms', data } }
    const text = JSON.stringify(frame).replace('62500.5', '62500.0').replace('10.5', '10.0')
    expect(intake.frame(Buffer.from(text))).toBe(true)
    expect(intake.take().map(({ message }) => message)).toEqual([
      expect.objectContaining({ id: '48079', price: '62500.0', size: '0.00016', raw_size: '10.0', seq: 30289 }),
    ])
  })
})
