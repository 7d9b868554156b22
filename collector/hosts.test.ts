// A market on two hosts, over real sockets, on a clock that the test moves.
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Message } from './market/messages.ts'
import { MAIN, OTHER, Stand } from '../test/support/stand.ts'

async function open(...options: Parameters<typeof Stand.open>): Promise<Stand> {
  const stand = await Stand.open(...options)
  stand.main.listings = [MAIN]
  stand.other.listings = [OTHER]
  onTestFinished(() => stand.venue.close())
  return stand
}

describe('two hosts of one market', () => {
  it('are asked each for its own: instruments, streams and REST', async () => {
    const stand = await open()
    await stand.want({ symbols: ['BTC-USDT', 'BTC-USD'], types: ['trade', 'open_interest'] })
    const kinds = (asked: readonly string[]) => [...new Set(asked)].toSorted()
    await stand.until(() => [stand.main, stand.other].every(({ asked }) => kinds(asked).length === 3))
    expect(kinds(stand.main.asked)).toEqual(['+BTCUSDT@trade', '/instruments', '/interest?symbol=BTCUSDT&period='])
    expect(kinds(stand.other.asked)).toEqual(['+BTCUSD@trade', '/instruments', '/interest?symbol=BTCUSD&period='])
    expect(new Set(stand.venue.addresses.map(({ host }) => host)).size).toBe(2)
  })

  it('do not wait for one another: names that are not known yet are not called unlisted', async () => {
    const stand = await open()
    stand.other.listings = undefined
    await stand.want({ symbols: ['BTC-USDT', 'BTC-USD', 'NO-USD'] })
    await stand.until(() => stand.main.asked.includes('+BTCUSDT@trade'))
    stand.main.push('BTCUSDT@trade', { s: 'BTCUSDT', n: 1, i: 'T-1', p: '1', q: '1', t: stand.clock.nowMs(), b: true })
    await stand.until(() => stand.states.includes('BTC-USDT trade: live'))
    const waiting = "down the venue's list of instruments is being loaded (not settled)"
    expect(stand.states).toEqual([`BTC-USD trade: ${waiting}`, 'BTC-USDT trade: live', `NO-USD trade: ${waiting}`])
    stand.other.listings = [OTHER]
    await stand.until(() => stand.other.asked.includes('+BTCUSD@trade'))
    expect(stand.states[0]).toMatch(/^BTC-USD trade: quiet/)
    expect(stand.states[2]).toMatch(/^NO-USD trade: down not listed by the venue/)
  })

  it('that answer no more do not hold up a manifest that names what is not listed', async () => {
    const stand = await open()
    await stand.want({ symbols: ['BTC-USDT', 'NO-USD'] })
    await stand.until(() => stand.states[1]?.includes('not listed') === true)
    stand.main.hangs = true
    stand.other.hangs = true
    const beganMs = stand.clock.nowMs()
    void stand.want({ symbols: ['BTC-USD', 'NO-USD'] })
    await stand.until(() => stand.other.asked.includes('+BTCUSD@trade'))
    expect(stand.clock.nowMs() - beganMs).toBeLessThan(30_000)
  })

  it('are one where the user names an address', async () => {
    const stand = await open((main) => main.endpoints)
    stand.main.listings = [MAIN, OTHER]
    await stand.want({ symbols: ['BTC-USDT', 'BTC-USD'] })
    await stand.until(() => stand.main.asked.length === 4)
    expect(stand.main.asked.toSorted()).toEqual(['+BTCUSD@trade', '+BTCUSDT@trade', '/instruments', '/instruments'])
    expect([stand.main.sockets, stand.other.asked, stand.venue.addresses.length]).toEqual([1, [], 1])
  })
})

describe('an instrument', () => {
  const trade = (stand: Stand, n: number) => {
    const row = { s: 'BTCUSD', n, i: `T-${n}`, p: '50000', q: '10', t: stand.clock.nowMs(), b: true }
    stand.other.push('BTCUSD@trade', row)
  }

  it('whose contract is worth something else is told, and its sizes follow, without a gap', async () => {
    const stand = await open()
    await stand.want({ symbols: ['BTC-USD'] })
    await stand.until(() => stand.other.asked.includes('+BTCUSD@trade'))
    trade(stand, 1)
    await stand.until(() => stand.states[0] === 'BTC-USD trade: live')
    stand.other.listings = [{ ...OTHER, sizing: { kind: 'inverse', value: '10' }, expiresMs: 1_800_000_000_000 }]
    await stand.live(601)
    await stand.until(() => stand.logged.some(({ msg }) => /made anew/.test(String(msg))))
    trade(stand, 2)
    await stand.until(() => stand.states[0] === 'BTC-USD trade: live')
    const messages = stand.take()
    expect(messages.filter(({ type }) => type === 'instrument')).toMatchObject([
      { contract_type: 'inverse', contract_multiplier: '100' },
      { contract_type: 'inverse', contract_multiplier: '10', expiry: 1_800_000_000_000_000 },
    ])
    expect(messages.filter(({ type }) => type === 'trade' || type === 'gap')).toMatchObject([
      { size: '0.02', raw_size: '10' },
      { size: '0.002', raw_size: '10' },
    ])
    // The stream is the same.
    expect(stand.other.asked.filter((one) => /^[+-]/.test(one))).toEqual(['+BTCUSD@trade'])
  })

  it('that is wanted again before the sink has stored what came goes on from there', async () => {
    const stand = await open()
    await stand.want({ symbols: ['BTC-USD'] })
    await stand.until(() => stand.other.asked.includes('+BTCUSD@trade'))
    trade(stand, 1)
    await stand.until(() => stand.states[0] === 'BTC-USD trade: live')
    await stand.want({ symbols: ['BTC-USDT'] })
    stand.other.answers.set('/trades', [
      { s: 'BTCUSD', n: 2, i: 'T-2', p: '1', q: '1', t: stand.clock.nowMs(), b: true },
    ])
    await stand.want({ symbols: ['BTC-USD'] })
    await stand.until(() => stand.other.asked.filter((one) => one === '+BTCUSD@trade').length === 2)
    trade(stand, 3)
    await stand.until(() => stand.states[0] === 'BTC-USD trade: live')
    await stand.live(2)
    const trades = stand.take().filter(({ type }) => type === 'trade' || type === 'gap')
    expect(trades).toMatchObject([{ seq: 1 }, { seq: 2, filled: true }, { seq: 3 }])
  })

  it('whose contract is worth something else is made anew though the sink cannot say what it holds', async () => {
    const stand = await open()
    await stand.want({ symbols: ['*-USD'] })
    await stand.until(() => stand.other.asked.includes('+BTCUSD@trade'))
    trade(stand, 1)
    await stand.until(() => stand.states[0] === 'BTC-USD trade: live')
    stand.stored = new Promise(() => {})
    const added = { ...OTHER, symbol: 'ETH-USD', venueSymbol: 'ETHUSD' }
    stand.other.listings = [{ ...OTHER, sizing: { kind: 'inverse', value: '10' } }, added]
    await stand.live(601)
    await stand.until(() => stand.logged.some(({ msg }) => /made anew/.test(String(msg))))
    trade(stand, 2)
    await stand.until(() => stand.states[0] === 'BTC-USD trade: live')
    expect(stand.take().filter(({ type }) => type === 'trade')).toMatchObject([{ size: '0.02' }, { size: '0.002' }])
  })

  it('that is renamed is collected under its new name, and what it missed is filled', async () => {
    const stand = await open()
    await stand.want({ symbols: ['BTC-USD'] })
    await stand.until(() => stand.other.asked.includes('+BTCUSD@trade'))
    trade(stand, 1)
    await stand.until(() => stand.states[0] === 'BTC-USD trade: live')
    stand.other.listings = [{ ...OTHER, venueSymbol: 'XBTUSD' }]
    const row = (n: number) => ({ s: 'XBTUSD', n, i: `T-${n}`, p: '50000', q: '10', t: stand.clock.nowMs(), b: true })
    stand.other.answers.set('/trades', [row(2)])
    await stand.live(601)
    await stand.until(() => stand.other.asked.includes('+XBTUSD@trade'))
    expect(stand.other.asked).toContain('-BTCUSD@trade')
    stand.other.push('XBTUSD@trade', row(3))
    await stand.until(() => stand.other.asked.some((one) => one.startsWith('/trades')))
    await stand.live(2)
    const trades = stand.take().filter(({ type }) => type === 'trade' || type === 'gap')
    expect(trades).toMatchObject([{ seq: 1 }, { seq: 2, filled: true }, { seq: 3 }])
  })

  it('that is to be opened is subscribed, rests, and comes with its first trade', async () => {
    const stand = await open()
    stand.other.listings = [{ ...OTHER, status: 'pre_open' }]
    await stand.want({ symbols: ['*-USD'], types: ['trade', 'open_interest'] })
    await stand.until(() => stand.other.asked.includes('+BTCUSD@trade'))
    await stand.live(60)
    expect(stand.states).toEqual([
      'BTC-USD open_interest: quiet not open for trading yet',
      'BTC-USD trade: quiet not open for trading yet',
    ])
    expect(stand.logged.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
    trade(stand, 1)
    await stand.until(() => stand.states[1] === 'BTC-USD trade: live')
    stand.other.listings = [OTHER]
    await stand.live(601)
    await stand.until(() => stand.other.asked.some((one) => one.startsWith('/interest')))
    expect(stand.take().filter(({ type }) => type === 'gap')).toEqual([])
  })

  it('of which no channel can be made does not hold up the others', async () => {
    const stand = await open()
    stand.other.listings = [{ ...OTHER, host: 'nowhere' }]
    await stand.want({ symbols: ['BTC-USD', 'BTC-USDT'] })
    await stand.until(() => stand.main.asked.includes('+BTCUSDT@trade'))
    await stand.until(() => stand.logged.some(({ msg }) => msg === 'the channel cannot be opened'))
    expect(stand.logged.find(({ level }) => level === 'error')).toMatchObject({ symbol: 'BTC-USD', type: 'trade' })
  })

  it('that is delisted is told, and refused where it is named', async () => {
    const stand = await open()
    await stand.want({ symbols: ['BTC-USD', 'BTC-USDT'] })
    await stand.until(() => stand.other.asked.includes('+BTCUSD@trade'))
    stand.other.listings = [{ ...OTHER, status: 'delisted' }]
    await stand.live(601)
    await stand.until(() => stand.other.asked.includes('-BTCUSD@trade') || stand.venue.sessions.length === 1)
    expect(stand.states[0]).toBe('BTC-USD trade: down delisted by the venue')
    const told = stand.take().flatMap((m) => (m.type === 'instrument' ? [`${m.symbol} ${m.status}`] : []))
    expect([told.slice(0, 2).toSorted(), told.slice(2)]).toEqual([
      ['BTC-USD trading', 'BTC-USDT trading'],
      ['BTC-USD delisted'],
    ])
  })
})

it('a market that is closed says nothing more, so that the sink can be drained', async () => {
  const stand = await open()
  await stand.want({ symbols: ['BTC-USDT'], types: ['trade'] })
  await stand.live(2)
  stand.venue.close()
  stand.take()
  // A state is repeated each minute.
  await stand.live(70)
  expect(stand.take()).toEqual([])
})

describe('what is polled', () => {
  it('and is not answered for long does not keep missed trades from being fetched', async () => {
    const stand = await open()
    stand.main.broken.add('/interest')
    await stand.want({ symbols: ['BTC-USDT'], types: ['trade', 'open_interest'] })
    const asked = (path: string) => stand.main.asked.filter((one) => one.startsWith(path)).length
    await stand.until(() => stand.states[0]?.includes('REST_CIRCUIT_OPEN') === true)
    const row = (n: number) => ({ s: 'BTCUSDT', n, i: `T-${n}`, p: '1', q: '1', t: stand.clock.nowMs(), b: true })
    stand.main.answers.set('/trades', [row(2)])
    stand.main.push('BTCUSDT@trade', row(1))
    stand.main.push('BTCUSDT@trade', row(3))
    await stand.until(() => asked('/trades') === 1)
    await stand.live(2)
    const trades = stand.take().filter(({ type }) => type === 'trade' || type === 'gap')
    expect(trades).toMatchObject([{ seq: 1 }, { seq: 2, filled: true }, { seq: 3 }])
    expect(stand.states[0]).toMatch(/^BTC-USDT open_interest: (quiet|stale) not answered: /)
  })

  it('goes on after what an earlier run stored', async () => {
    const first = await open()
    const minutes = (n: number) => {
      const period = 5 * 60_000
      return { s: 'BTCUSDT', x: `${n}`, t: Math.floor(first.clock.nowMs() / period) * period - n * period }
    }
    first.main.answers.set('/ratio', [minutes(9), minutes(8)])
    await first.want({ symbols: ['BTC-USDT'], types: ['lsr_all_account'] })
    await first.until(() => first.states[0]?.endsWith('live') === true)
    const ratios = (stand: Stand) => stand.take().filter(({ type }) => type === 'lsr_all_account' || type === 'gap')
    const stored = ratios(first)
    expect(stored).toMatchObject([{ ratio: '9' }, { ratio: '8' }])
    const last = new Map([['market.lsr_all_account.kraken.perpetual.BTC-USDT', stored[1] as Message]])
    const second = await open(undefined, last)
    second.main.answers.set('/ratio', [minutes(8), minutes(7), minutes(6)])
    await second.want({ symbols: ['BTC-USDT'], types: ['lsr_all_account'] })
    await second.until(() => second.states[0]?.endsWith('live') === true)
    expect(ratios(second)).toMatchObject([{ ratio: '7' }, { ratio: '6' }])
    // Those of another period are a series of their own.
    const third = await open(undefined, last)
    third.main.answers.set('/ratio', [minutes(8), minutes(0)])
    await third.want({
      symbols: ['BTC-USDT'],
      types: ['lsr_all_account'],
      options: { longShortRatio: { period: '1h' } },
    })
    await third.until(() => third.states[0]?.endsWith('live') === true)
    expect(ratios(third)).toMatchObject([{ ratio: '8', period: '1h' }, { ratio: '0' }])
  })
})

describe('a stream of several channels', () => {
  const types = ['funding_rate', 'volatility_index'] as const

  async function both(): Promise<Stand> {
    const stand = await open()
    stand.main.listings = [{ ...MAIN, symbol: 'BTC-USD' }]
    stand.other.listings = []
    await stand.want({ symbols: ['BTC-USD'], types: [...types] })
    await stand.until(() => stand.main.asked.includes('+BTCUSDT@state'))
    return stand
  }

  it('is subscribed once, and left when nobody needs it any more', async () => {
    const stand = await both()
    await stand.want({ symbols: ['BTC-USD'], types: ['volatility_index'] })
    await stand.live(5)
    stand.main.push('BTCUSDT@state', { s: 'BTCUSDT', x: '50.5', t: stand.clock.nowMs() })
    await stand.until(() => stand.states[0] === 'BTC-USD volatility_index: live')
    expect(stand.main.asked.filter((one) => /^[+-]/.test(one))).toEqual(['+BTCUSDT@state'])
    await stand.want({ symbols: ['BTC-USD'], types: ['trade'] })
    await stand.until(() => stand.main.asked.includes('+BTCUSDT@trade'))
    expect(stand.main.asked.filter((one) => /^[+-]/.test(one)).toSorted()).toEqual([
      '+BTCUSDT@state',
      '+BTCUSDT@trade',
      '-BTCUSDT@state',
    ])
  })

  it('each has what is its own', async () => {
    const stand = await both()
    const t = stand.clock.nowMs()
    stand.main.push('BTCUSDT@state', { s: 'BTCUSDT', x: '50.5', t })
    stand.main.push('BTCUSDT@state', { s: 'BTCUSDT', r: '0.0001', f: t + 1, t })
    await stand.until(() => stand.states.every((state) => state.endsWith('live')))
    const values = stand.take().filter(({ type }) => type === 'funding_rate' || type === 'volatility_index')
    expect(values).toMatchObject([{ value: '50.5' }, { rate: '0.0001' }])
  })

  it('that is refused is refused for each, and accepted for each', async () => {
    const stand = await open()
    stand.main.listings = [{ ...MAIN, symbol: 'BTC-USD' }]
    stand.other.listings = []
    stand.main.refused.add('BTCUSDT@state')
    await stand.want({ symbols: ['BTC-USD'], types: ['funding_rate'] })
    await stand.until(() => stand.states[0]?.includes('refused') === true)
    // One that joins later is told, too.
    await stand.want({ symbols: ['BTC-USD'], types: [...types] })
    const refused = types.map((type) => `BTC-USD ${type}: down refused by the venue: no such stream`)
    await stand.until(() => stand.states.join() === refused.join())
    stand.main.refused.clear()
    await stand.until(() => stand.states.every((state) => state.includes('quiet')))
    stand.main.push('BTCUSDT@state', { s: 'BTCUSDT', r: '0.0001', f: '', t: stand.clock.nowMs() })
    await stand.until(() => stand.states[0]?.endsWith('live') === true)
    expect(stand.states[0]).toBe('BTC-USD funding_rate: live')
  })
})

describe('a channel that nothing comes on', () => {
  it('C003: is quiet for hours where the type is sparse, and no socket is replaced for it', async () => {
    const stand = await open()
    await stand.want({ symbols: ['BTC-USDT'], types: ['liquidation'] })
    await stand.until(() => stand.main.asked.includes('+BTCUSDT@liquidation'))
    await stand.live(3)
    expect(stand.states).toEqual(['BTC-USDT liquidation: quiet nothing happened; usual for this type'])
    await stand.live(1_200)
    expect(stand.states).toEqual(['BTC-USDT liquidation: quiet nothing happened; usual for this type'])
    expect(stand.logged.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
  })
})
