import { expect, it } from 'vitest'
import { Channels } from './channel.ts'

const BTC = { exchange: 'binance', market: 'spot', symbol: 'BTC-USDT' } as const

it('a channel is made once, and its index finds it', () => {
  const channels = new Channels('market')
  const trades = channels.of({ ...BTC, type: 'trade' })
  const books = channels.of({ ...BTC, type: 'orderbook' })
  expect(channels.of({ ...BTC, type: 'trade' })).toBe(trades)
  expect(channels.list).toEqual([trades, books])
  expect(channels.list.map(({ index }) => index)).toEqual([0, 1])
})

it('a channel has the subject and the id that users know', () => {
  const { subject, idHead } = new Channels('eu.market').of({ ...BTC, type: 'trade' })
  expect([subject, idHead]).toEqual(['eu.market.trade.binance.spot.BTC-USDT', 'eu.market:trade:binance:spot:BTC-USDT:'])
})

it('klines of two intervals are two channels under one subject', () => {
  const channels = new Channels('market')
  const [minute, hour] = ['1m', '1h'].map((interval) => channels.of({ ...BTC, type: 'kline', interval }))
  expect(minute).not.toBe(hour)
  expect([minute?.subject, minute?.idHead]).toEqual([hour?.subject, hour?.idHead])
})
