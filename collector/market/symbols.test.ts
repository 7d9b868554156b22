import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Listing } from '../exchanges/room.ts'
import { select } from './symbols.ts'

function listing(symbol: string, status: Listing['status'] = 'trading'): Listing {
  const [base = '', quote = ''] = symbol.split('-')
  const unknown = { tickSize: undefined, lotSize: undefined, sizing: { kind: 'base' } } as const
  return { symbol, venueSymbol: base + quote, base, quote, status, ...unknown }
}

const LISTINGS = new Map(
  [
    ...['BTC-USDT', 'ETH-USDT', 'ETH-BTC', '1INCH-USDT', '币安人生-USDT', 'BTC-USDC'].map((name) => listing(name)),
    listing('LUNA-USDT', 'halted'),
    listing('OLD-USDT', 'delisted'),
    listing('NEW-EUR', 'pre_open'),
    listing('SOL-USD-20261225'),
    listing('XRP-USD-20261225-0d525-P'),
  ].map((one) => [one.symbol, one]),
)

interface Row {
  readonly symbols: readonly string[]
  readonly exclude?: readonly string[]
  readonly taken?: readonly string[]
  readonly listed: readonly string[]
  readonly unlisted?: Record<string, string>
}

const USDT = ['BTC-USDT', 'ETH-USDT', '1INCH-USDT', '币安人生-USDT']

const ROWS: Record<string, Row> = {
  'names are taken as they are': { symbols: ['ETH-BTC', 'BTC-USDT'], listed: ['ETH-BTC', 'BTC-USDT'] },
  'a name is taken once': { symbols: ['BTC-USDT', 'BTC-*', 'BTC-USDT'], listed: ['BTC-USDT', 'BTC-USDC'] },
  'a halted symbol is taken by its name': { symbols: ['LUNA-USDT'], listed: ['LUNA-USDT'] },
  'a name that is not listed says which one is near': {
    symbols: ['BTC-USTD', 'ETH-USDT'],
    listed: ['ETH-USDT'],
    unlisted: { 'BTC-USTD': 'not listed by the venue; did you mean BTC-USDT?' },
  },
  'a name that is near nothing': {
    symbols: ['QQQQQQ-ZZZZ'],
    listed: [],
    unlisted: { 'QQQQQQ-ZZZZ': 'not listed by the venue' },
  },
  'a pattern takes what is being traded': { symbols: ['*-USDT'], listed: USDT },
  'a pattern leaves out what is excluded, by name or pattern': {
    symbols: ['*-USDT'],
    exclude: ['ETH-USDT', '1*'],
    listed: ['BTC-USDT', '币安人生-USDT'],
  },
  'what is named is taken although it is excluded': {
    symbols: ['ETH-USDT', 'E*'],
    exclude: ['ETH*'],
    listed: ['ETH-USDT'],
  },
  'a pattern keeps what it took through a halt, until it is delisted': {
    symbols: ['*-USDT'],
    taken: ['LUNA-USDT', 'OLD-USDT'],
    listed: [...USDT, 'LUNA-USDT'],
  },
  'a pattern takes what will be traded, so that its first trades are had': { symbols: ['*-EUR'], listed: ['NEW-EUR'] },
  'a delisted symbol is refused by its name': {
    symbols: ['OLD-USDT'],
    listed: [],
    unlisted: { 'OLD-USDT': 'delisted by the venue' },
  },
  'dated contracts and options have names': {
    symbols: ['SOL-USD-20261225', '*-0d525-P'],
    listed: ['SOL-USD-20261225', 'XRP-USD-20261225-0d525-P'],
  },
  'a name in other letters is near one in the same': {
    symbols: ['币安人主-USDT'],
    listed: [],
    unlisted: { '币安人主-USDT': 'not listed by the venue; did you mean 币安人生-USDT?' },
  },
  'a pattern that fits nothing is no fault: listings come': { symbols: ['DOGE-*'], listed: [] },
  'dots and brackets in a pattern are letters': { symbols: ['B.C-*', '[A-Z]*'], listed: [] },
}

describe('symbols of a feed', () => {
  it.each(Object.entries(ROWS))('%s', (_, { symbols, exclude, taken, listed, unlisted = {} }) => {
    const selection = select(symbols, exclude, LISTINGS, new Set(taken))
    expect(selection.listed.map(({ symbol }) => symbol)).toEqual(listed)
    expect(Object.fromEntries(selection.unlisted)).toEqual(unlisted)
  })

  it('fit a pattern exactly where a regular expression does', () => {
    const letters = fc.array(fc.constantFrom('A', 'B', '-'), { maxLength: 8 }).map((all) => all.join(''))
    const pattern = fc.array(fc.constantFrom('A', 'B', '-', '*'), { maxLength: 6 }).map((all) => `*${all.join('')}`)
    fc.assert(
      fc.property(letters, pattern, (symbol, text) => {
        const fits = new RegExp(`^${text.replaceAll('*', '.*')}$`).test(symbol)
        const { listed } = select([text], undefined, new Map([[symbol, listing(symbol)]]))
        expect(listed.length).toBe(fits ? 1 : 0)
      }),
    )
  })

  it('fit a pattern of many stars in no time', () => {
    const name = 'A'.repeat(60)
    const { listed } = select([`${'*A'.repeat(30)}*B`], undefined, new Map([[name, listing(name)]]))
    expect(listed).toEqual([])
  })
})
