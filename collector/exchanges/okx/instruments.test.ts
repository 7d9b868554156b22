import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readRecording } from '../../../test/exchange/recording.ts'
import { MISSING_RECORDINGS } from '../../../test/support/recorded.ts'
import type { Market } from '../../../crds/names.ts'
import type { Listing, Query, Room } from '../room.ts'
import { okx } from './room.ts'

type Fields = Record<string, unknown>

const RECORDING = fileURLToPath(new URL('../../../../shared/recordings/OKX', import.meta.url))
const MARKETS: Readonly<Record<string, Market>> = {
  SPOT: 'spot',
  SWAP: 'perpetual',
  FUTURES: 'future',
  OPTION: 'option',
}

function roomOf(market: Market): Room {
  const room = okx.find((one) => one.market === market)
  if (room === undefined) throw new Error(`no room ${market}`)
  return room
}

/** Everything that the recorded answers list, each once, though they repeat. */
function recorded(): { market: Market; listing: Listing }[] {
  const all = readRecording(RECORDING).flatMap((item) => {
    const market = item.kind === 'rest' ? MARKETS[item.url.searchParams.get('instType') ?? ''] : undefined
    if (item.kind !== 'rest' || market === undefined) return []
    const query = { path: item.url.pathname + item.url.search, weight: 1 }
    const listings = roomOf(market).instruments.read(Buffer.from(item.body), query)?.listings ?? []
    return listings.map((listing) => ({ market, listing }))
  })
  return [...new Map(all.map((one) => [one.listing.venueSymbol, one])).values()]
}

describe('instruments', () => {
  const row = (instType: string, instId: string, more: Fields = {}) => {
    const contract = instType === 'SPOT' ? {} : { ctVal: '0.01', ctMult: '1', ctValCcy: instId.split('-')[0] }
    return { instType, instId, state: 'live', tickSz: '0.1', lotSz: '1', ...contract, ...more }
  }
  const read = (instType: string, ...rows: unknown[]) => {
    const { instruments } = roomOf(MARKETS[instType] as Market)
    const body = Buffer.from(JSON.stringify({ code: '0', msg: '', data: rows }))
    return instruments.read(body, { path: `/api/v5/public/instruments?instType=${instType}`, weight: 1 })?.listings
  }
  const symbols = (instType: string, ...rows: unknown[]) => read(instType, ...rows)?.map(({ symbol }) => symbol)
  const expTime = String(Date.UTC(2026, 11, 25, 8))

  test.skipIf(MISSING_RECORDINGS !== undefined)(
    'of the recording have each a symbol of its own, which leads back to the name',
    () => {
      const all = recorded()
      const found = new Map(all.map(({ market, listing }) => [`${market} ${listing.symbol}`, listing.venueSymbol]))
      expect(found.size).toBe(513 + 166 + 104 + 346 + 350)
      expect(new Set(all.map(({ listing }) => listing.venueSymbol)).size).toBe(found.size)
      for (const [name, venueSymbol] of found) {
        const [market = '', symbol = ''] = name.split(' ')
        const [base, quote, date = '', ...option] = symbol.split('-')
        const tail = { spot: [], perpetual: ['SWAP'] }[market] ?? [date.slice(2), ...option]
        expect([base, quote, ...tail].join('-')).toBe(venueSymbol)
      }
      expect(all.filter(({ listing }) => listing.status !== 'trading')).toEqual([])
      const sizings = all.map(({ market, listing: { symbol, sizing } }) => ({ name: `${market} ${symbol}`, sizing }))
      expect(sizings).toEqual(
        expect.arrayContaining([
          { name: 'spot BTC-USDT', sizing: { kind: 'base' } },
          { name: 'perpetual BTC-USDT', sizing: { kind: 'linear', multiplier: '0.01' } },
          { name: 'perpetual BTC-USD', sizing: { kind: 'inverse', value: '100' } },
          { name: 'future BTC-USD-20220527', sizing: { kind: 'inverse', value: '100' } },
          { name: 'option BTC-USD-20220527-30000-C', sizing: { kind: 'linear', multiplier: '0.1' } },
        ]),
      )
    },
  )

  test('two families of one pair have two symbols, and an X-Perp stands beside the swap', () => {
    expect(symbols('SWAP', row('SWAP', 'BTC-USD-SWAP'), row('SWAP', 'BTC-USD_UM-SWAP'))).toEqual([
      'BTC-USD',
      'BTC-USDUM',
    ])
    const xperp = row('FUTURES', 'BTC-USD_UM_XPERP-310404', {
      expTime: String(Date.UTC(2031, 3, 4, 8)),
      ruleType: 'xperp',
    })
    const [found, dated] = read('FUTURES', xperp, row('FUTURES', 'BTC-USD_UM-261225', { expTime })) ?? []
    expect(found).toMatchObject({ symbol: 'BTC-USDUMXPERP-20310404', quote: 'USD', sizing: { kind: 'linear' } })
    const offers = roomOf('future').types.funding_rate?.offers
    expect([found, dated].map((listing) => offers?.(listing as Listing, {}))).toEqual([true, false])
  })

  test('a date must be the day of expiry, a strike may have a point', () => {
    const option = (name: string, more: Fields = {}) => row('OPTION', name, { expTime, optType: 'C', ...more })
    const rows = [option('XRP-USD-261225-0.525-C'), option('BTC-USD-261225-100000-P'), option('BTC-USD-261224-1-C')]
    expect(symbols('OPTION', ...rows)).toEqual(['XRP-USD-20261225-0d525-C', 'BTC-USD-20261225-100000-P'])
    const dates = ['261225', '261224', '261332', '000000']
    expect(symbols('FUTURES', ...dates.map((date) => row('FUTURES', `BTC-USD-${date}`, { expTime })))).toEqual([
      'BTC-USD-20261225',
    ])
    expect(symbols('FUTURES', ...dates.map((date) => row('FUTURES', `BTC-USD-${date}`)))).toEqual([
      'BTC-USD-20261225',
      'BTC-USD-20261224',
    ])
  })

  test.each([
    ['live', 'trading'],
    ['preopen', 'pre_open'],
    ['suspend', 'halted'],
    ['rebase', 'halted'],
    ['post_only', 'halted'],
    ['expired', 'delisted'],
    ['something new', 'halted'],
  ])('that are %s are %s', (state, status) => {
    expect(read('SPOT', row('SPOT', 'BTC-USDT', { state }))?.[0]?.status).toBe(status)
  })

  test('a contract is worth what ctVal, ctMult and ctValCcy say', () => {
    const sizing = (more: Fields) => read('SWAP', row('SWAP', 'BTC-USD-SWAP', more))?.[0]?.sizing
    expect(sizing({ ctVal: '0.1', ctMult: '0.10' })).toEqual({ kind: 'linear', multiplier: '0.01' })
    expect(sizing({ ctVal: '100', ctValCcy: 'USD', ctType: 'inverse' })).toEqual({ kind: 'inverse', value: '100' })
    expect(sizing({ ctVal: '10', ctMult: '', ctValCcy: '', ctType: 'inverse' })).toEqual({
      kind: 'inverse',
      value: '10',
    })
    for (const ctVal of ['', '0', 'x', '-1', '1e3', undefined]) expect(sizing({ ctVal })).toBeUndefined()
    // Neither of the two: taken for dollars it would give sizes, and wrong ones.
    expect(sizing({ ctVal: '10', ctValCcy: 'ETH' })).toBeUndefined()
  })

  test('rows of another market and names that are no symbols are left out', () => {
    const names = ['BTC', 'BTC-', 'BTC-USDT-SWAP', 'BTC-USDT.', 'B*C-USDT', '', 7, undefined]
    const rows = names.map((instId) => ({ instType: 'SPOT', instId, state: 'live' }))
    expect(symbols('SPOT', ...rows, row('SWAP', 'BTC-USDT'), null, 'x', [], row('SPOT', '1INCH-USDT'))).toEqual([
      '1INCH-USDT',
    ])
  })

  test('of options are asked for by underlying', () => {
    const { queries, read: readAnswer } = roomOf('option').instruments
    const answer = (data: unknown) => readAnswer(Buffer.from(JSON.stringify({ code: '0', data })), queries[0] as Query)
    expect(answer([['BTC-USD', 'ETH-USD', 'BTC-USD', 'a&b', 3]])?.more?.map(({ path }) => path)).toEqual([
      '/api/v5/public/instruments?instType=OPTION&uly=BTC-USD',
      '/api/v5/public/instruments?instType=OPTION&uly=ETH-USD',
    ])
    for (const body of ['{"code":"50011","msg":"","data":[]}', '{"code":"0"}', 'no', '[]', '']) {
      expect(readAnswer(Buffer.from(body), queries[0] as Query)).toBeUndefined()
    }
  })
})
