import { expect, it } from 'vitest'
import { silentWith } from './carrier.ts'
import { Channels } from './market/channel.ts'

const SECOND = 1_000_000
const channels = new Channels('market')

/** A channel that was heard last so many seconds ago. */
function heard(type: 'ticker' | 'kline' | 'trade', secondsAgo: number) {
  const channel = channels.of({ exchange: 'binance', market: 'spot', symbol: `S${secondsAgo}-USDT`, type })
  channel.tally.lastReceived = -secondsAgo * SECOND
  return { channel }
}

it('takes all channels of a socket for silent that fell silent with the stale one: candles come seldom by themselves', () => {
  const [ticker, candles, trades] = [heard('ticker', 11), heard('kline', 10), heard('trade', 12)]
  expect(silentWith([ticker], [ticker, candles, trades], 0)).toEqual([ticker, candles, trades])
})

it('takes the stale channel alone where the socket goes on', () => {
  const [ticker, candles, trades] = [heard('ticker', 11), heard('kline', 9), heard('trade', 1)]
  expect(silentWith([ticker], [ticker, candles, trades], 0)).toEqual([ticker])
})
