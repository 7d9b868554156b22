import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Item, readRecording } from '../../../test/exchange/recording.ts'
import { mutated } from '../../../test/support/mutate.ts'
import { VirtualClock } from '../../connection/clock.ts'
import { Subscriptions } from '../../connection/subscriptions.ts'
import type { Listing } from '../room.ts'
import { okx } from './room.ts'
import { openArgument, protocol, streamOf } from './socket.ts'

type Fields = Record<string, unknown>

const CASES = fileURLToPath(new URL('../../../../shared/cases/', import.meta.url))
const MISSING_CASES = !existsSync(CASES)

function sessionOf(id: string): Item[] {
  const folder = readdirSync(CASES).find((name) => name.startsWith(id)) ?? id
  return readRecording(`${CASES}${folder}/input.ndjson`)
}

describe('the socket', () => {
  const listing = { venueSymbol: 'BTC-USD-261225', symbol: 'BTC-USD-20261225' } as Listing
  const options = { interval: '1m', period: '5m' }
  const streams = okx.flatMap(({ types }) =>
    Object.values(types).flatMap((type) => (type.via === 'websocket' ? [type.stream(listing, options)] : [])),
  )

  test('trades and candles live on the business path, all else on the public one', () => {
    const paths = Map.groupBy(streams, ({ path }) => path)
    const channels = (path: string) => [
      ...new Set(paths.get(path)?.map(({ name }) => (JSON.parse(name) as Fields)['channel'])),
    ]
    expect(channels('/ws/v5/business')).toEqual(['trades-all', 'candle1m'])
    expect(channels('/ws/v5/public')).toEqual([
      'books',
      'tickers',
      'open-interest',
      'liquidation-orders',
      'funding-rate',
    ])
  })

  test.each(streams)('$name is acknowledged and refused by the name under which it was asked for', ({ name }) => {
    const arg = JSON.parse(name) as Record<string, string>
    expect(JSON.parse(protocol.subscribe([name, name], 7))).toEqual({ id: '7', op: 'subscribe', args: [arg, arg] })
    const reversed = Object.fromEntries(Object.entries(arg).toReversed())
    for (const one of [arg, reversed]) {
      const text = JSON.stringify({ id: '7', event: 'unsubscribe', arg: one, connId: 'a' })
      expect(protocol.control(text)).toEqual({ kind: 'ack', id: 7, streams: [name], to: 'unsubscribe' })
    }
    const words = Object.entries(arg).map((pair) => pair.join(':'))
    const text = JSON.stringify({
      event: 'error',
      code: '60018',
      msg: `Wrong URL or ${words.join(',')} doesn't exist. …`,
    })
    expect(protocol.control(text)).toMatchObject({ kind: 'refused', id: undefined, streams: [name] })
  })

  test('days of candles and ratios begin at UTC', () => {
    const { kline, lsr_all_account: ratio } = (okx.find(({ market }) => market === 'perpetual') as (typeof okx)[number])
      .types
    const bar = (interval: string) => (kline?.via === 'websocket' ? kline.stream(listing, { interval }).name : '')
    expect(bar('4h')).toContain('"candle4H"')
    expect(bar('1d')).toContain('"candle1Dutc"')
    expect(bar('1M')).toContain('"candle1Mutc"')
    expect(kline?.offers?.(listing, { interval: '8h' })).toBe(false)
    const query = (period: string) => (ratio?.via === 'rest' ? ratio.query(listing, { period }).path : '')
    expect(query('1h')).toContain('period=1H&')
    expect(query('12h')).toContain('period=12Hutc&')
  })

  test('whatever comes, a frame is opened inside its bytes or not at all', () => {
    const frames = [
      `{"arg":${streamOf({ channel: 'books', instId: 'BTC-USDT' })},"action":"update","data":[{"a":1}]}`,
      `{"arg":${streamOf({ channel: 'trades-all', instId: 'BTC-USDT' })},"data":[]}`,
    ]
    fc.assert(
      fc.property(mutated(fc.constantFrom(...frames)), (bytes) => {
        const envelope = { nameStart: 0, nameEnd: 0, dataStart: 0, dataEnd: 0 }
        if (!openArgument(bytes, envelope)) return
        const { nameStart, nameEnd, dataStart, dataEnd } = envelope
        expect(nameStart < nameEnd && nameEnd < dataStart && dataStart <= dataEnd && dataEnd < bytes.length).toBe(true)
        protocol.control(bytes.toString())
      }),
      { numRuns: 3_000 },
    )
  })

  test.skipIf(MISSING_CASES)('C033: two of four arguments are refused, and the others go on', () => {
    const items = sessionOf('C033')
    const asked = items.flatMap((item) => (item.kind === 'asked' ? [item.body] : []))
    const { args } = JSON.parse(asked[0] ?? '{}') as { args: Fields[] }
    const said: string[] = []
    const clock = new VirtualClock()
    const subscriptions = new Subscriptions(protocol, clock, () => {}, {
      onRefused: (stream, message) => said.push(`${stream} ${message.slice(0, 5)}`),
      onAccepted: (stream) => said.push(`${stream} accepted`),
      onDivided: (all) => said.push(...all),
      onUnanswered: (all) => said.push(...all),
      onLater: (message) => said.push(message),
    })
    subscriptions.want(new Set(args.map(streamOf)))
    for (const item of items) {
      if (item.kind !== 'frame') continue
      const control = protocol.control(item.body)
      if (control.kind === 'ack') subscriptions.acknowledged(control)
      else if (control.kind === 'refused') subscriptions.refused(control.id, control.message, control.streams)
      else if (item.body.includes('channel-conn-count')) expect(control.kind).toBe('ignored')
    }
    expect(said).toEqual([
      '{"channel":"books","instId":"BTC-USDT"} accepted',
      '{"channel":"candle1m","instId":"BTC-USDT"} 60018',
      '{"channel":"trades","instId":"FTM-USDT"} 60018',
      '{"channel":"trades","instId":"BTC-USDT"} accepted',
    ])
    expect(subscriptions.settled).toBe(true)
  })
})
