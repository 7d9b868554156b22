// Proves that a stream of stored messages is whole, or says what is not.
//
// In: messages as they are stored, in the order of delivery. Out: a report, for each channel what is there and what is
// wrong. Always: what is missing is either announced by a `gap` or a finding; memory is bounded by the number of
// channels, the size of their books and the maxima below, not by the number of messages.
// Never: reads a clock, does I/O, or believes anything that it reads. Start at `audit`; how the messages of a channel
// follow each other is in order.ts,
// periods.ts and book.ts; how they are read, in layout.ts.
import assert from 'node:assert'
import { messageKey, VERSION, type Gap, type Message } from '../../market/messages.ts'
import { Channel, parseSubject, type Continuity, type Subject } from './channel.ts'
import { violation, type Fields } from './check.ts'
import { judge } from './judge.ts'
import type { Hole } from './coverage.ts'
import { Layout } from './layout.ts'
import { Reading } from './reading.ts'
import type { ChannelReport, Finding, FindingKind, Report } from './report.ts'

/** A message as it is stored. */
export interface Stored {
  readonly subject: string
  /** Its `Nats-Msg-Id`; undefined where the store keeps none. */
  readonly id?: string | undefined
  /** The payload lies in [start, end), and may be one of many there; it need not last longer than its batch. */
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** The file whose last line this is, when no line break ends it: its writer may have been killed. */
  readonly unfinished?: string
  /** Why the store cannot give the payload; it is empty then. */
  readonly unreadable?: string
}

export interface AuditOptions {
  readonly continuity: Continuity
  /** Which subjects to report on; all unless given. Gaps are read under any subject. */
  readonly isWanted?: (subject: string) => boolean
}

/** Audits all that the source gives, and reports once it ends. */
export async function audit(source: AsyncIterable<readonly Stored[]>, options: AuditOptions): Promise<Report> {
  const auditor = new Auditor(options)
  for await (const batch of source) {
    for (let i = 0; i < batch.length; i++) auditor.take(batch[i] as Stored)
  }
  return auditor.report()
}

/** Holes and gaps that a channel keeps; when there are more, the oldest are judged by what is known, and forgotten. */
const HOLES_MAX = 10_000
const GAPS_MAX = 10_000
/** Findings that are listed of one kind and channel. */
const LISTED_MAX = 20
/** Notes that are kept. */
const NOTES_MAX = 100
/** Layouts that a subject keeps, and those of all subjects of a type that are tried under a new one. */
const LAYOUTS_MAX = 16

class Auditor {
  readonly #continuity: Continuity
  readonly #isWanted: (subject: string) => boolean
  readonly #subjects = new Map<string, Subject>()
  readonly #findings: Finding[] = []
  readonly #notes: string[] = []
  readonly #reading = new Reading()
  /** The latest layouts of each type, whatever their subject. */
  readonly #known = new Map<Message['type'], Layout[]>()
  #findingsMore = 0
  #messages = 0
  #foreign = 0

  constructor({ continuity, isWanted = () => true }: AuditOptions) {
    this.#continuity = continuity
    this.#isWanted = isWanted
  }

  take(stored: Stored): void {
    this.#messages += 1
    const subject = this.#subject(stored.subject)
    if (subject === undefined) {
      this.#foreign += 1
      return
    }
    const layout = this.#read(subject, stored)
    if (layout === undefined) this.#takeUnknown(subject, stored)
    else this.#takeRead(layout.channel, stored)
  }

  report(): Report {
    const channels = [...this.#subjects.values()]
      .flatMap((subject) => [...subject.channels.values()])
      .filter(({ subject }) => this.#isWanted(subject.name))
      .sort((a, b) => compare(a.subject.name, b.subject.name) || compare(a.interval, b.interval))
    for (const channel of channels) {
      this.#settle(channel, 0)
      if (channel.unread > 0) this.#find(channel, 'unread', unreadText(channel))
    }
    if (this.#foreign > 0) this.#note(`${this.#foreign} messages stand under subjects that are not ours; left out.`)
    return {
      whole: this.#findings.length === 0,
      messages: this.#messages,
      channels: channels.map((channel) => channel.report()).filter(hasAnything),
      findings: this.#findings,
      findingsMore: this.#findingsMore,
      notes: this.#notes,
    }
  }

  #subject(name: string): Subject | undefined {
    let subject = this.#subjects.get(name)
    if (subject === undefined) {
      subject = parseSubject(name)
      if (subject !== undefined) this.#subjects.set(name, subject)
    }
    return subject
  }

  #channel(subject: Subject, interval: string): Channel {
    let channel = subject.channels.get(interval)
    if (channel === undefined) {
      channel = new Channel(subject, interval, this.#continuity)
      subject.channels.set(interval, channel)
    }
    return channel
  }

  /** The layout that reads a message; undefined where none does. */
  #read(subject: Subject, { bytes, start, end }: Stored): Layout | undefined {
    const { layouts } = subject
    for (let i = 0; i < layouts.length; i++) {
      const layout = layouts[i] as Layout
      if (!layout.read(bytes, start, end, this.#reading)) continue
      if (i > 0) layouts.unshift(...layouts.splice(i, 1))
      return layout
    }
    for (const other of this.#known.get(subject.type) ?? []) {
      if (other.channel.subject === subject) continue
      const layout = other.for(this.#channel(subject, other.channel.interval))
      if (!layout.read(bytes, start, end, this.#reading)) continue
      keep(layouts, layout)
      return layout
    }
    return undefined
  }

  #takeRead(channel: Channel, stored: Stored): boolean {
    const unplaceable = whyUnplaceable(this.#reading, channel)
    if (unplaceable === undefined) this.#count(channel, stored)
    else this.#refuse(channel.subject, unplaceable, this.#reading.received)
    return unplaceable === undefined
  }

  /** A message that no layout reads: the schema judges it, and the next one like it is read by its layout. */
  #takeUnknown(subject: Subject, stored: Stored): void {
    const fields = parse(textOf(stored))
    if (fields === undefined) return this.#takeUnreadable(subject, stored)
    const { received } = fields
    const time = Number.isSafeInteger(received) ? (received as number) : undefined
    if (isOtherVersion(fields)) {
      this.#channel(subject, '').unread += 1
      return
    }
    const wrong = misplaced(fields, subject) ?? violation(fields, subject.type)
    if (wrong !== undefined) return this.#refuse(subject, wrong, time)
    const m = fields as unknown as Message
    const layout = this.#learn(subject, m)
    const bytes = Buffer.from(JSON.stringify(m))
    assert(layout.read(bytes, 0, bytes.length, this.#reading, true), 'a layout reads the message that it was made of')
    if (this.#takeRead(layout.channel, stored) && m.type === 'gap') this.#announce(subject, m)
  }

  #learn(subject: Subject, m: Message): Layout {
    const { layouts } = subject
    const layout = new Layout(m, this.#channel(subject, intervalOf(m)))
    const before = layouts.find(({ name }) => name === layout.name)
    if (before !== undefined) return before
    if (layout.proves) {
      keep(layouts, layout)
      const known = this.#known.get(m.type) ?? []
      this.#known.set(m.type, known)
      keep(known, layout)
    }
    return layout
  }

  #takeUnreadable(subject: Subject, stored: Stored): void {
    const { unfinished, unreadable } = stored
    if (unfinished === undefined) {
      return this.#refuse(subject, unreadable ?? `not a JSON object: ${textOf(stored).slice(0, 60)}`, undefined)
    }
    this.#note(`${unfinished}: the last line is torn, as a writer that was killed leaves it; left out.`)
  }

  #refuse(subject: Subject, text: string, time: number | undefined): void {
    const channel = this.#channel(subject, '')
    channel.broken += 1
    this.#find(channel, 'broken', text, time, time)
  }

  /** Takes the message that was read. */
  #count(channel: Channel, stored: Stored): void {
    const m = this.#reading
    const { time } = m
    channel.messages += 1
    if (time < channel.first) channel.first = time
    if (time > channel.last) channel.last = time
    if (m.isFilled) channel.filled += 1
    if (m.isFlagged) channel.flagged += 1
    if (stored.id !== undefined) this.#checkId(channel, stored, time)
    const seen = channel.recent.take(m)
    if (seen === 'other') {
      this.#find(channel, 'conflict', `id ${messageKey(messageOf(stored))} again with other content`, time, time)
    }
    const place = seen === 'new' ? channel.order.take(m) : 'again'
    if (place === 'again') channel.duplicates += 1
    else if (place === 'late') channel.late += 1
    const fault = channel.book?.takeFault()
    if (fault !== undefined) this.#find(channel, fault.kind, fault.text, time, time)
    if (channel.order.holeCount > HOLES_MAX) this.#settle(channel, HOLES_MAX / 2)
  }

  #checkId(channel: Channel, stored: Stored, time: number): void {
    const wanted = channel.subject.idHead + messageKey(messageOf(stored))
    if (stored.id === wanted) return
    this.#find(channel, 'wrong_id', `stored as ${stored.id}, its content gives ${wanted}`, time, time)
  }

  #announce({ prefix, exchange, market, symbol }: Subject, gap: Gap): void {
    const about = this.#subject(`${prefix}${gap.of}.${exchange}.${market}.${symbol}`) as Subject
    const channel = this.#channel(about, gap.interval ?? '')
    channel.gapCounts[gap.reason] = (channel.gapCounts[gap.reason] ?? 0) + 1
    channel.gaps.push(gap)
    if (channel.gaps.length <= GAPS_MAX) return
    for (const one of about.channels.values()) this.#settle(one, 0)
    channel.gaps.splice(0, GAPS_MAX / 2)
  }

  /** Judges the holes of a channel by the gaps that are known, all but the latest `keep`, and forgets them. */
  #settle(channel: Channel, keep: number): void {
    const { order, subject, candles } = channel
    const taken = order.takeHoles(keep)
    if (channel.continuity === 'none' || channel.continuity === 'pushes') {
      if (candles !== undefined) candles.unseen += taken.reduce((sum, hole) => sum + order.size(hole), 0)
    }
    const holes = provenOf(channel, taken)
    if (holes.length === 0) return
    const general = channel.interval === '' ? [] : (subject.channels.get('')?.gaps ?? [])
    const unannounced = judge([...general, ...channel.gaps], order)
    for (const hole of holes) {
      const left = unannounced(hole)
      const size = left.reduce((sum, piece) => sum + order.size(piece), 0)
      channel.unannounced += size
      channel.announced += Math.max(0, order.size(hole) - size)
      for (const piece of left) {
        const kind = piece.isRestart === true ? 'restart' : 'missing'
        this.#find(channel, kind, order.describe(piece), piece.from, piece.to)
      }
    }
  }

  #find({ subject, interval, found }: Channel, kind: FindingKind, text: string, from?: number, to?: number): void {
    if (!this.#isWanted(subject.name)) return
    found[kind] = (found[kind] ?? 0) + 1
    if (found[kind] > LISTED_MAX) {
      this.#findingsMore += 1
      return
    }
    const times = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
    this.#findings.push({ kind, subject: subject.name, ...(interval !== '' && { interval }), ...times, text })
  }

  #note(text: string): void {
    if (this.#notes.length < NOTES_MAX) this.#notes.push(text)
  }
}

/** Puts a layout before the others, and forgets the last of too many. */
function keep(layouts: Layout[], layout: Layout): void {
  if (layouts.unshift(layout) > LAYOUTS_MAX) layouts.pop()
}

/** The object that a payload holds; undefined when it is none. */
function parse(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}

function isOtherVersion({ v }: Fields): boolean {
  return Number.isSafeInteger(v) && v !== VERSION
}

/** Of what was not seen, what must have been. */
function provenOf({ continuity, candles }: Channel, holes: readonly Hole[]): readonly Hole[] {
  if (continuity === 'none') return []
  return continuity === 'pushes' && candles !== undefined ? holes.flatMap((hole) => candles.takeBegun(hole)) : holes
}

function unreadText({ unread }: Channel): string {
  return `${unread} messages have another schema version than ${VERSION}, the one that this version reads`
}

/** Why a message does not belong under its subject; undefined when it does. */
function misplaced(m: Fields, subject: Subject): string | undefined {
  const isRight =
    m['type'] === subject.type &&
    m['exchange'] === subject.exchange &&
    m['market'] === subject.market &&
    m['symbol'] === subject.symbol
  if (isRight) return undefined
  const names = [m['type'], m['exchange'], m['market'], m['symbol']]
  return `it says of itself ${JSON.stringify(names).slice(0, 100)}, its subject says otherwise`
}

/** Why a message cannot be put in order although its schema allows it; undefined when it can. */
function whyUnplaceable(m: Reading, { subject, continuity, candles }: Channel): string | undefined {
  if (subject.type === 'orderbook' && !m.isSnapshot && Number.isNaN(m.prevSeq)) return 'prev_seq: a delta needs it'
  if (candles !== undefined && m.closeTime <= m.openTime) return 'close_time: not after open_time'
  if (continuity === 'numbers' && Number.isNaN(m.number))
    return 'id: no whole number, as it is here, and there is no seq'
  if (continuity === 'periods' && Number.isNaN(m.ts)) return 'ts: what comes once a period needs it'
  return undefined
}

function intervalOf(m: Message): string {
  if (m.type === 'kline') return m.interval
  return 'period' in m ? m.period : ''
}

function textOf({ bytes, start, end }: Stored): string {
  return bytes.toString('utf8', start, end)
}

/** A message that was read already. */
function messageOf(stored: Stored): Message {
  return JSON.parse(textOf(stored)) as Message
}

/** Whether a channel has anything to report: one may be known only because a gap could have been about it. */
function hasAnything({ messages, broken, unread, gaps }: ChannelReport): boolean {
  return messages + broken + unread > 0 || Object.keys(gaps).length > 0
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
