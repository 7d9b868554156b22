// PLACEHOLDER
export interface Intake { frame(bytes: Buffer): void; drain(): number }
export function intake(_: unknown): Intake { let n = 0; let s = 0; return { frame(b) { n++; s += JSON.stringify(JSON.parse(b.toString('latin1'))).length }, drain() { const m = n; n = 0; return m } } }
export function recordedIntake(_: unknown): Intake { return intake(0) }
export function playRecording(r: any): any[] {
  const last = new Map<string, number>()
  for (const [s, b] of r.snapshots) last.set(s, JSON.parse(b).lastUpdateId)
  return r.frames.map(({ bytes }: any) => {
    const { stream, data: d } = JSON.parse(bytes.toString())
    const ts = (n: any) => n === undefined ? undefined : n * 1000
    if (stream.includes('@aggTrade')) return { type: 'trade', id: d.a, price: d.p, size: d.q, side: d.m ? 'sell' : 'buy', ts: ts(d.T) }
    if (stream.includes('@bookTicker')) return { type: 'ticker', bid: d.b, bid_size: d.B, ask: d.a, ask_size: d.A, seq: d.u, ts: ts(d.T ?? d.E) }
    if (stream.includes('@kline')) return { type: 'kline', interval: d.k.i, open_time: ts(d.k.t), close_time: ts(d.k.T), open: d.k.o, high: d.k.h, low: d.k.l, close: d.k.c, volume: d.k.v, count: d.k.n, closed: d.k.x, ts: ts(d.E) }
    if (d.u < last.get(d.s)! + (r.market === 'spot' ? 1 : 0)) return undefined
    return { type: 'orderbook', seq: d.u, bids: d.b, asks: d.a, ts: ts(d.T ?? d.E) }
  })
}
