import { expect, it } from 'vitest'
import { VirtualClock } from './clock.ts'
import type { Permit } from './gate.ts'
import { AddressLimits, type AddressRules, addresses, retryAfterMs } from './limits.ts'

const RULES: AddressRules = {
  connections: { max: 300, windowMs: 300_000 },
  weight: { max: 6_000, windowMs: 60_000 },
  usedHeader: 'x-used',
}

function limits(clock: VirtualClock, rules: Partial<AddressRules> = {}, share = 1): AddressLimits {
  return new AddressLimits({
    exchange: 'somewhere',
    host: 'api.example',
    rules: { ...RULES, ...rules },
    clock,
    random: () => 0,
    share,
  })
}

/** A venue that counts weight as the real ones do, and answers after a while. */
class Weigher {
  readonly #clock: VirtualClock
  readonly served: { at: number; weight: number; name: string }[] = []
  /** Every request that reached it. */
  readonly asked: { at: number; status: number }[] = []
  /** Statuses with their Retry-After, for the next requests. */
  refusals: [status: number, retryAfter: string][] = []
  /** Weight that somebody else uses at the same address. */
  foreign = 0

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  /** The most weight served in any 60 s. */
  get peak(): number {
    return Math.max(0, ...this.served.map(({ at }) => this.#usedAt(at)))
  }

  answer(name: string, weight: number, to: AddressLimits): number {
    const at = this.#clock.nowMs()
    const [status, retryAfter] = this.refusals.shift() ?? [this.#usedAt(at) + weight > 6_000 ? 429 : 200, '20']
    this.asked.push({ at, status })
    if (status === 200) this.served.push({ at, weight, name })
    const headers = { 'x-used': String(this.#usedAt(at) + this.foreign) }
    to.answered(status, status === 200 ? headers : { ...headers, 'retry-after': retryAfter })
    return status
  }

  #usedAt(at: number): number {
    return this.served.reduce((sum, one) => (one.at > at - 60_000 && one.at <= at ? sum + one.weight : sum), 0)
  }
}

/** Asks until it is served, as the REST client does; 200 ms each way. */
async function ask(to: AddressLimits, venue: Weigher, clock: VirtualClock, name: string, weight: number, priority = 1) {
  for (;;) {
    const permit = await to.request(weight, { priority })
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 200))
    const status = venue.answer(name, weight, to)
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 200))
    permit.done()
    if (status === 200) return
  }
}

it('C019: forty books resync at once and all are answered within 90 s, without a 429', async () => {
  const clock = new VirtualClock()
  const startMs = clock.nowMs()
  const venue = new Weigher(clock)
  const address = limits(clock)
  for (let book = 0; book < 40; book++) void ask(address, venue, clock, `book ${book}`, 250)
  await clock.advance(90_000)
  expect(venue.served.map((one) => one.name)).toEqual(Array.from({ length: 40 }, (_, book) => `book ${book}`))
  expect(venue.asked.filter((one) => one.status !== 200)).toEqual([])
  expect(venue.peak).toBeLessThanOrEqual(6_000)
  expect(venue.served.at(-1)?.at).toBeLessThan(startMs + 90_000)
})

it('C019: after 429 and after 418 nothing reaches the address before Retry-After has passed, polls included', async () => {
  const clock = new VirtualClock()
  const venue = new Weigher(clock)
  const address = limits(clock)
  venue.refusals = [[429, '20']]
  void ask(address, venue, clock, 'book', 250)
  await clock.advance(200)
  const limitedMs = clock.nowMs()
  void ask(address, venue, clock, 'open interest', 1, 2)
  await clock.advance(19_999)
  expect(venue.asked.length).toBe(1)
  expect(address.blockedUntilMs).toBe(limitedMs + 20_000)
  expect(address.banned).toBe(false)

  venue.refusals = [[418, '120']]
  await clock.advance(201)
  const bannedMs = clock.nowMs()
  expect(venue.asked).toContainEqual({ at: bannedMs, status: 418 })
  expect(address.banned).toBe(true)
  // What was in flight when the ban came is no new request.
  const asked = venue.asked.length
  await clock.advance(119_999)
  expect(venue.asked.slice(asked).filter((one) => one.at > bannedMs)).toEqual([])
  await clock.advance(5_000)
  expect(address).toMatchObject({ banned: false, blockedUntilMs: 0 })
  expect(venue.served.map((one) => one.name).sort()).toEqual(['book', 'open interest'])
})

it('C019: two shards on one address stay within its limit together, and a ban of one host leaves another alone', async () => {
  const clock = new VirtualClock()
  const venue = new Weigher(clock)
  const shards = [limits(clock, {}, 0.5), limits(clock, {}, 0.5)]
  for (let book = 0; book < 40; book++) {
    const shard = shards[book % 2]
    if (shard !== undefined) void ask(shard, venue, clock, `book ${book}`, 250)
  }
  await clock.advance(90_000)
  expect(venue.served.length).toBe(40)
  expect(venue.peak).toBeLessThanOrEqual(6_000)

  const process = addresses({ clock, random: () => 0 })
  const spot = process.limits('somewhere', 'api.example', RULES)
  spot.answered(418, { 'retry-after': '120' })
  expect(process.limits('somewhere', 'api.example', RULES)).toBe(spot)
  await expect(process.limits('somewhere', 'fapi.example', RULES).request(1)).resolves.toBeDefined()
  process.close()
})

it('slows down for weight that others use at the same address', async () => {
  const clock = new VirtualClock()
  const venue = new Weigher(clock)
  const address = limits(clock)
  venue.foreign = 5_400
  for (let book = 0; book < 8; book++) void ask(address, venue, clock, `book ${book}`, 250)
  await clock.advance(10_000)
  // Four were under way before the first answer told of the others.
  expect(venue.served.length).toBe(4)
  expect(address.weightUsed).toBe(6_000)
})

it('allows as many connection attempts in a window as the venue does, and not one more', async () => {
  const clock = new VirtualClock(0)
  const address = limits(clock, { connections: { max: 3, windowMs: 1_000 } })
  const at: number[] = []
  for (let i = 0; i < 7; i++) void address.connection().then(() => at.push(clock.nowMs()))
  await clock.advance(10_000)
  expect(at).toEqual([0, 0, 0, 1_050, 1_050, 1_050, 2_100])
})

it('stops connection attempts, too, when an upgrade was answered with 429', async () => {
  const clock = new VirtualClock(0)
  const address = limits(clock)
  address.answered(429, { 'retry-after': '7' })
  const at: number[] = []
  void address.connection().then(() => at.push(clock.nowMs()))
  await clock.advance(7_000)
  expect(at).toEqual([7_000])
})

it.each([
  [undefined, 60_000],
  ['nonsense', 60_000],
  ['-5', 60_000],
  ['0', 0],
  ['20', 20_000],
  ['999999999', 259_200_000],
  ['Mon, 21 Sep 2026 14:13:50 GMT', 30_000],
  ['Mon, 21 Sep 2026 14:00:00 GMT', 0],
])('reads Retry-After %j as %i ms, within bounds', (value, waitMs) => {
  const clock = new VirtualClock(Date.parse('2026-09-21T14:13:20Z'))
  const address = limits(clock)
  address.answered(429, value === undefined ? {} : { 'retry-after': value })
  expect(address.blockedUntilMs).toBe(waitMs === 0 ? 0 : clock.nowMs() + waitMs)
})

it('waits two minutes after a 418 that does not say how long', () => {
  const clock = new VirtualClock(0)
  const address = limits(clock)
  address.answered(418, {})
  expect(address.blockedUntilMs).toBe(120_000)
  expect(retryAfterMs(undefined, 0)).toBeUndefined()
})

it.each(['', '-1', '1e9', '99999999999999', 'NaN', '6000, 1'])('ignores a used weight of %j', (value) => {
  const address = limits(new VirtualClock())
  address.answered(200, { 'x-used': value })
  expect(address.weightUsed).toBe(0)
})

it('spreads those who waited for a block to end', () => {
  const clock = new VirtualClock(0)
  const address = new AddressLimits({ exchange: 'x', host: 'h', rules: RULES, clock, random: () => 0.5 })
  address.answered(429, { 'retry-after': '1' })
  expect(address.blockedUntilMs).toBe(1_500)
})

/** Notes at which times requests may go; each is answered at once. */
function asked(to: AddressLimits, clock: VirtualClock, count: number, weight: number, pool?: string): number[] {
  const at: number[] = []
  for (let i = 0; i < count; i++) {
    void to.request(weight, { pool }).then((permit) => {
      at.push(clock.nowMs())
      permit.done()
    })
  }
  return at
}

it('counts a request that names a pool there and not in the weight, each pool by itself', async () => {
  const clock = new VirtualClock(0)
  const address = limits(clock, { pools: { trades: { max: 2, windowMs: 2_000 }, list: { max: 1, windowMs: 1_000 } } })
  const [trades, list, depth] = [
    asked(address, clock, 5, 1, 'trades'),
    asked(address, clock, 3, 1, 'list'),
    asked(address, clock, 2, 250),
  ]
  await clock.advance(10_000)
  expect([trades, list, depth]).toEqual([
    [0, 0, 2_000, 2_000, 4_000],
    [0, 1_000, 2_000],
    [0, 0],
  ])
  expect(address.weightUsed).toBe(500)
  expect(() => address.request(1, { pool: 'unheard of' })).toThrow("api.example has no pool 'unheard of'")
})

it('holds what is on its way to one number over all pools, and lets none of them starve', async () => {
  const clock = new VirtualClock(0)
  const address = limits(clock, { pools: { a: RULES.weight, b: RULES.weight } })
  const order: string[] = []
  const gone: (() => void)[] = []
  for (const pool of ['a', 'a', 'a', 'a', 'a', 'a', 'b', 'b', undefined, undefined]) {
    void address.request(1, { pool }).then((permit) => {
      order.push(pool ?? 'weight')
      gone.push(() => permit.done())
    })
  }
  await clock.advance(1_000)
  expect(order).toEqual(['a', 'a', 'a', 'a'])
  expect(address.waiting).toBe(6)
  while (gone.length > 0) {
    gone.shift()?.()
    await clock.advance(1)
  }
  expect(order.slice(4)).toEqual(['b', 'b', 'weight', 'weight', 'a', 'a'])
})

it('takes an answer for 429 that says the same in its body, and waits as long as the venue wants it', async () => {
  const clock = new VirtualClock(0)
  const rules = {
    limited: (status: number, body: Buffer) => status === 200 && body.includes('50011'),
    slowDownMs: 2_000,
  }
  const address = limits(clock, { ...rules, pools: { trades: { max: 9, windowMs: 2_000 } } })
  expect(address.answered(200, {}, Buffer.from('{"code":"0"}'))).toBe(false)
  expect(address.blockedUntilMs).toBe(0)
  expect(address.answered(200, {}, Buffer.from('{"code":"50011"}'))).toBe(true)
  expect([address.blockedUntilMs, address.banned]).toEqual([2_000, false])
  const at = [asked(address, clock, 1, 1), asked(address, clock, 1, 1, 'trades')]
  await clock.advance(2_000)
  expect(at).toEqual([[2_000], [2_000]])
  expect(address.answered(429, { 'retry-after': '7' }, Buffer.alloc(0))).toBe(true)
  expect(address.blockedUntilMs).toBe(9_000)
})

it('lets hosts of one name share their weight and their ban, and leaves their sockets apart', async () => {
  const clock = new VirtualClock(0)
  const process = addresses({ clock, random: () => 0 })
  const rules = { ...RULES, shared: 'futures' }
  const [fapi, dapi, sockets] = [
    process.rest('somewhere', 'fapi.example', rules),
    process.rest('somewhere', 'dapi.example', rules),
    process.limits('somewhere', 'fstream.example', rules),
  ]
  fapi.answered(200, { 'x-used': '5999' })
  expect(dapi.weightUsed).toBe(5_999)
  fapi.answered(418, { 'retry-after': '120' })
  expect([dapi.banned, sockets.banned]).toEqual([true, false])
  expect(process.rest('elsewhere', 'dapi.example', rules).banned).toBe(false)
  expect(process.rest('somewhere', 'api.example', RULES)).toBe(process.limits('somewhere', 'api.example', RULES))
  process.close()
})

it('opens no more sockets at once than half of the connections that the venue counts', async () => {
  const clock = new VirtualClock(0)
  const address = limits(clock, { open: 8 })
  const shard = limits(clock, { open: 8 }, 0.5)
  const places: Permit[] = []
  for (let i = 0; i < 6; i++) void address.connection().then((place) => places.push(place))
  let shards = 0
  for (let i = 0; i < 6; i++) void shard.connection().then(() => shards++)
  await clock.advance(60_000)
  expect([places.length, shards]).toEqual([4, 2])
  places[0]?.done()
  places[0]?.done()
  await clock.advance(1)
  expect(places.length).toBe(5)
})

it('leaves the smallest share a socket with its replacement, and requests over a longer window', async () => {
  const clock = new VirtualClock(0)
  const shard = limits(clock, { open: 32, weight: { max: 100, windowMs: 1_000 } }, 1 / 256)
  let sockets = 0
  for (let i = 0; i < 3; i++) void shard.connection().then(() => sockets++)
  await clock.advance(6 * 60_000)
  expect(sockets).toBe(2)
  expect([shard.weightMax, shard.weightWindowMs]).toEqual([1, 2_560])
})

it('keeps no place for a socket whose turn to connect was given up', async () => {
  const clock = new VirtualClock(0)
  const address = limits(clock, { open: 2, connections: { max: 1, windowMs: 1_000 } })
  const first = await address.connection()
  first.done()
  await clock.advance(1)
  const abort = new AbortController()
  const given = address.connection({ signal: abort.signal })
  await clock.advance(1)
  abort.abort()
  await expect(given).rejects.toMatchObject({ code: 'ABORTED' })
  let has = false
  void address.connection().then(() => (has = true))
  await clock.advance(1_050)
  expect(has).toBe(true)
})
