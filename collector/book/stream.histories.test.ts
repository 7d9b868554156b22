// Random histories of a venue that sends snapshots in the stream, and of two collectors that follow it through loss,
// repetition, changed order, cuts, replaced sockets, new numberings and restarts of their own. Drawn from one seed each.
import assert from 'node:assert'
import { expect, it } from 'vitest'
import { between, random } from '../../test/history.ts'
import { auditMessages, texts } from '../../test/support/audit.ts'
import { Intake } from '../../test/support/intake.ts'
import { sides, Socket, STYLES, type Style, Venue } from '../../test/support/streamed.ts'
import { roomOf } from '../exchanges/registry.ts'
import type { Gap, Message, OrderBook } from '../market/messages.ts'
import type { Resume } from '../resume.ts'
import { type BookSide, ConsumerBook } from './consumer.ts'
import type { StreamBook } from './stream.ts'

/** What must happen beside what happens to all. */
const MORE: Record<Style, readonly string[]> = {
  'stamped when made': ['gap sequence', 'gap sequence_restart', 'renumbered'],
  'stamped when sent': ['gap sequence', 'gap sequence_restart', 'renumbered', 'delta dropped', 'merged out of sync'],
  'with checksums': ['gap sequence', 'gap sequence_restart', 'renumbered', 'delta dropped', 'merged out of sync'],
  'of 2022': ['gap checksum'],
  'whose clock is set': ['gap sequence', 'gap sequence_restart', 'renumbered', 'delta dropped', 'merged out of sync'],
}

const TROUBLE_TICKS = 400
const CALM_TICKS = 900
/** At the end, so that everything is told. */
const STILL_TICKS = 100
const SPOOL_BYTES = 4 * 1024 * 1024

interface Sent {
  readonly id: string
  readonly message: Message
  readonly at: number
}

class Collector {
  readonly sent: Sent[] = []
  readonly #venue: Venue
  #intake: Intake
  #sockets: Socket[] = []
  #lastSocket: number
  #opensAt = 0
  #startsAt = 0
  readonly #lag: number

  constructor(venue: Venue, firstSocket: number) {
    this.#venue = venue
    this.#lastSocket = firstSocket
    this.#lag = between(venue.rng, 0, 1) * between(venue.rng, 0, 80)
    this.#intake = this.#start(undefined)
  }

  get #track(): StreamBook {
    return this.#intake.tracks[0] as StreamBook
  }

  async tick(tick: number, isCalm: boolean): Promise<void> {
    const { rng, nowMs } = this.#venue
    if (nowMs < this.#startsAt) return
    await this.#intake.clock.advance(nowMs - this.#intake.clock.nowMs())
    if (!isCalm) this.#trouble()
    if (this.#sockets.length === 0 && this.#opensAt === 0) this.#opensAt = nowMs + between(rng, 20, 200)
    if (this.#opensAt > 0 && nowMs >= this.#opensAt) this.#open()
    for (const socket of this.#sockets) socket.tick(isCalm)
    this.#handOver()
    if (tick % 50 === 0) this.#track.refresh()
    if (tick % 25 === 0) this.#track.check()
    for (const id of this.#intake.resubscribed.splice(0)) {
      this.#sockets.find((socket) => socket.id === id)?.resubscribe()
    }
    for (const { id, message } of this.#intake.take()) {
      const at = Math.max(this.sent.at(-1)?.at ?? 0, nowMs + this.#lag + between(rng, 0, 40))
      this.sent.push({ id, message, at })
    }
  }

  /** Every connection ends. */
  cut(): void {
    for (const socket of this.#sockets) this.#down(socket, false)
  }

  #trouble(): void {
    const { rng, nowMs } = this.#venue
    const luck = rng()
    const socket = this.#sockets[between(rng, 0, this.#sockets.length - 1)]
    if (luck < 0.004) {
      // It crashes, and comes back.
      this.#sockets = []
      this.#opensAt = 0
      this.#startsAt = nowMs + between(rng, 20, 400)
      this.#intake = this.#start(this.#lastStored())
    } else if (socket === undefined) return
    else if (luck < 0.012) this.#down(socket, false)
    else if (luck < 0.03 && this.#sockets.length === 1) this.#open()
    else if (luck < 0.034) this.#intake.frame(Buffer.from('{"what":'), { socketId: socket.id })
  }

  #lastStored(): Resume | undefined {
    const last = this.sent.findLast(({ message }) => message.type === 'orderbook')?.message as OrderBook | undefined
    return last === undefined ? undefined : { at: last.seq, time: last.ts as number }
  }

  #start(resume: Resume | undefined): Intake {
    const room = roomOf('okx', 'spot')
    assert(room !== undefined)
    const plan = { type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTC-USDT', depth: 50 } as const
    return new Intake(room, [resume === undefined ? plan : { ...plan, resume }], SPOOL_BYTES)
  }

  #open(): void {
    this.#opensAt = 0
    const id = ++this.#lastSocket
    const intake = this.#intake
    const take = (frame: string) => void intake.frame(Buffer.from(frame), { socketId: id })
    this.#sockets.push(new Socket(id, this.#venue, take))
  }

  #handOver(): void {
    const [old, young] = this.#sockets
    if (old === undefined || young === undefined) return
    const isLate = this.#venue.nowMs - young.openedMs > 1_000
    if (isLate || (young.delivered && this.#track.follows(young.id))) this.#down(old, true)
  }

  #down(socket: Socket, planned: boolean): void {
    this.#sockets = this.#sockets.filter((one) => one !== socket)
    if (planned) this.#track.leave(socket.id)
    else this.#track.interrupt('disconnect', socket.id)
  }
}

async function play(style: Style, seed: number): Promise<{ venue: Venue; collectors: Collector[] }> {
  const venue = new Venue(style, random(seed))
  const collectors = [new Collector(venue, 0), new Collector(venue, 1_000)]
  for (let tick = 0; tick < TROUBLE_TICKS + CALM_TICKS + STILL_TICKS; tick++) {
    const isCalm = tick >= TROUBLE_TICKS
    const isStill = tick >= TROUBLE_TICKS + CALM_TICKS
    if (venue.tick(isCalm, isStill)) for (const collector of collectors) collector.cut()
    for (const collector of collectors) await collector.tick(tick, isCalm)
  }
  return { venue, collectors }
}

/** A consumer that is compared with the venue's book whenever it claims to be in sync. */
class Checked {
  readonly book = new ConsumerBook()
  readonly #venue: Venue

  constructor(venue: Venue) {
    this.#venue = venue
  }

  take(m: OrderBook) {
    const taken = this.book.take(m)
    if (!this.book.inSync) return taken
    const { last, bids, asks } = this.book
    const state = this.#venue.truth(last as number)
    const what = `at ${last}, after a ${m.kind} that was ${taken}`
    assert(state !== undefined, `${what}: the venue had no such book`)
    const got = [bids, asks].map((side: BookSide) => side.levels().map(([p, s]) => [Number(p), Number(s)]))
    assert.deepEqual(got, sides(state.book), what)
    return taken
  }
}

/** One collector's book: never wrong, never a jump without a gap, never out of sync, and the newest at the end. */
function checkOne(venue: Venue, sent: readonly Sent[], seen: Map<string, number>): void {
  const consumer = new Checked(venue)
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)
  let gap: Gap | undefined
  let dropped: number | undefined
  let newest = 0
  for (const { message: m } of sent) {
    if (m.type === 'gap') {
      assert.equal(m.after_seq, consumer.book.last, 'a gap begins where the book stands')
      count(`gap ${m.reason}`)
      gap = m
    }
    if (m.type !== 'orderbook') continue
    // A snapshot makes up for them: they may be several where another socket goes on.
    const isMadeUp = m.kind === 'snapshot' ? m.seq === dropped : (m.prev_seq as number) <= (dropped ?? Infinity)
    assert(dropped === undefined || isMadeUp, `nothing makes up for ${dropped}`)
    const { last } = consumer.book
    const taken = consumer.take(m)
    count(`${m.kind} ${taken}`)
    const numbering = numberingOf(venue, m.seq)
    assert(numbering >= newest, `from ${last} back to ${m.seq}, of an older numbering`)
    newest = numbering
    if (gap !== undefined) {
      assert.equal(m.kind, 'snapshot', 'behind a gap comes a snapshot')
      assert.equal(gap.before_seq, m.seq, 'the gap ends at the snapshot')
    } else if (last === undefined) assert.equal(m.kind, 'snapshot', 'begins with a snapshot')
    else if (m.kind === 'snapshot' && m.seq !== last && m.seq !== dropped) {
      assert(m.seq < last && venue.steps.has(`${last} ${m.seq}`), `silent jump from ${last} to ${m.seq}`)
      assert.equal(m.prev_seq, last, 'a snapshot of a new numbering says what it continues')
      count('renumbered')
    } else if (m.kind === 'delta') {
      assert(taken !== 'waiting' || dropped !== undefined, `silent jump from ${last} to ${m.prev_seq}`)
    }
    dropped = m.kind === 'delta' && taken !== 'applied' ? m.seq : undefined
    assert(consumer.book.inSync || dropped !== undefined, `out of sync at ${m.seq}`)
    gap = undefined
  }
  assert.equal(dropped, undefined, 'the last thing is not taken')
  checkEnd(venue, consumer, 'at the end')
}

/** Numberings are counted by what the numbers leave when divided. */
function numberingOf({ style }: Venue, seq: number): number {
  return style === 'of 2022' ? 0 : seq % 8
}

/** What one collector says is whole, as a stream keeps it: each id once. */
async function checkAudit(sent: readonly Sent[]): Promise<void> {
  const ids = new Set<string>()
  const kept = sent.filter(({ id }) => !ids.has(id) && ids.add(id))
  assert.deepEqual(texts(await auditMessages(kept.map(({ message }) => message))), [], 'audit finds it whole')
}

function checkEnd(venue: Venue, consumer: Checked, what: string): void {
  const { inSync, last } = consumer.book
  assert(inSync, `${what} not in sync`)
  assert.deepEqual(venue.truth(last as number)?.book, venue.state(venue.last).book, `${what} not the newest`)
}

/** Both in one stream, as it is stored: never wrong, and in sync at the end. */
function checkBoth(venue: Venue, collectors: readonly Collector[], seen: Map<string, number>): void {
  const consumer = new Checked(venue)
  const ids = new Set<string>()
  for (const { id, message } of collectors.flatMap(({ sent }) => sent).sort((a, b) => a.at - b.at)) {
    if (message.type !== 'orderbook' || ids.has(id)) continue
    ids.add(id)
    consumer.take(message)
    const what = consumer.book.inSync ? 'merged in sync' : 'merged out of sync'
    seen.set(what, (seen.get(what) ?? 0) + 1)
  }
  checkEnd(venue, consumer, 'merged: at the end')
}

/** HISTORIES=500 plays so many fresh seeds, SEED=7 that one alone. */
function seeds(): number[] {
  const { SEED, HISTORIES } = process.env
  if (SEED !== undefined) return [Number(SEED)]
  const fresh = Array.from({ length: Number(HISTORIES ?? 4) }, () => Math.floor(Math.random() * 2 ** 31))
  return HISTORIES === undefined ? [...Array.from({ length: 12 }, (_, i) => i + 1), ...fresh] : fresh
}

it.each(STYLES)(
  'a stream %s: no consumer believes a wrong book, and nothing is missing without a gap',
  { timeout: 600_000 },
  async (style) => {
    const seen = new Map<string, number>()
    for (const seed of seeds()) {
      const { venue, collectors } = await play(style, seed)
      try {
        for (const { sent } of collectors) {
          checkOne(venue, sent, seen)
          await checkAudit(sent)
        }
        checkBoth(venue, collectors, seen)
      } catch (error) {
        assert(error instanceof Error)
        error.message = `${error.message}\n  replay: SEED=${seed} npx vitest run collector/book/stream.histories.test.ts`
        throw error
      }
    }
    if (process.env['SEED'] !== undefined) return
    // What never happened was not proven.
    const happened = [
      'delta applied',
      'gap restart',
      'gap disconnect',
      'gap malformed',
      'merged in sync',
      ...MORE[style],
    ]
    expect(happened.filter((what) => !seen.has(what))).toEqual([])
  },
)
