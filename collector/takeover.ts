// How a channel begins of which something is stored: whether anything is missing before its first message.
//
//   holding ── what is stored reaches the first message ──> passing, no gap
//      └── it does not after LOOKS_MAX looks, or TICKS_MAX ticks ──> passing, a gap `restart` first
//   passing ── all has gone where it belongs ──> over: the outlet writes there itself
// In a rollout, and where a channel is collected twice, somebody else still publishes it. What they stored by the time
// that our first message is there tells whether they had come so far: then nothing is missing, whatever happens to them.
// Always: the messages go out in the order in which they were made, behind the gap if there is one. Never: a message
// before it is decided, so a run that is cut off leaves to the next one what it did not decide.
import type { Channel } from './market/channel.ts'
import { type Message, messageKey } from './market/messages.ts'
import { GAP_BYTES_MAX, type Outlet, OwnMessages } from './market/outlet.ts'
import { type Resume, laterOf, resumeAfter } from './resume.ts'
import { messageIn } from './sinks/sink.ts'
import { SHARES, Spool } from './sinks/spool.ts'

/** What others publish is stored a moment after it came; where it is not by the second look, nobody is there. */
const LOOKS_MAX = 2
/** A sink that does not answer must not hold up the channel; ticks are a second apart. */
const TICKS_MAX = 5
/** Beyond that messages find no room, as in a spool that is full. */
const HELD_BYTES_MAX = 1024 * 1024
/** Most channels hold little, and there are many. */
const CHUNKS = { bytes: 4 * 1024, records: 64 }

export class Takeover {
  readonly #outlet: Outlet
  readonly #own: OwnMessages
  readonly #held = new Spool(HELD_BYTES_MAX, CHUNKS)
  #stored: Resume
  #looks = 0
  #ticks = 0
  #phase: 'holding' | 'passing' | 'over' = 'holding'
  /** Up to where something is missing; undefined once it was said, or nothing is. */
  #missing: Resume | undefined

  /** Holds back what the outlet makes from now on. @param stored where the channel takes up */
  constructor(outlet: Outlet, stored: Resume) {
    this.#outlet = outlet
    this.#own = outlet.own
    this.#stored = stored
    outlet.own = new OwnMessages(this.#own.channels, this.#held, () => this.#own.nowUs())
  }

  get channel(): Channel {
    return this.#outlet.channel
  }

  /** Whether what is stored now would tell something. */
  get isDue(): boolean {
    return this.#phase === 'holding' && this.#held.pending > 0
  }

  get isOver(): boolean {
    return this.#phase === 'over'
  }

  /** Messages held back. */
  get pending(): number {
    return this.#held.pending
  }

  /** Once a second. */
  tick(): void {
    if (this.isDue) this.#ticks += 1
    if (this.#ticks >= TICKS_MAX) this.end()
    else this.#pass()
  }

  /** Takes what is stored last of the channel, looked up after {@link isDue}; undefined where the sink could not say it. */
  look(last: Message | undefined): void {
    const first = this.#phase === 'holding' ? this.#firstOfData() : undefined
    if (first === undefined) return
    this.#stored = laterOf(this.#stored, resumeAfter(last)) ?? this.#stored
    this.#looks += 1
    if (this.#follows(first) || (last !== undefined && reaches(last, first))) this.#decide(undefined)
    else if (this.#looks >= LOOKS_MAX) this.#decide(placeOf(first))
  }

  /** Decides by what is known: nobody else publishes the channel, or there is no time to ask. */
  end(): void {
    const first = this.#phase === 'holding' ? this.#firstOfData() : undefined
    if (first !== undefined) this.#decide(this.#follows(first) ? undefined : placeOf(first))
    else this.#pass()
  }

  /** The end of the run: what is held goes out, as far as there is room. Of a channel that was silent nothing was heard. */
  close(): void {
    this.end()
    if (this.#phase === 'holding') this.#decide({ time: this.#own.nowUs() })
  }

  #decide(missing: Resume | undefined): void {
    this.#phase = 'passing'
    this.#missing = missing
    this.#pass()
  }

  /** Whether it needs nobody else: a book that is where it was, or what the track has seen. */
  #follows(first: Message): boolean {
    const at = resumeAfter(first)?.at
    return this.#outlet.isContinued || (at !== undefined && at === this.#stored.at)
  }

  #firstOfData(): Message | undefined {
    const { cursor } = this.#held
    for (let chunk: typeof cursor.chunk | undefined = cursor.chunk; chunk !== undefined; chunk = chunk.next) {
      for (let i = 0; i < chunk.count; i++) {
        const message = messageIn(chunk, i)
        if (message.type !== 'gap') return message
      }
    }
    return undefined
  }

  /** Moves what is held, as far as there is room. */
  #pass(): void {
    if (this.#phase !== 'passing') return
    if (this.#missing !== undefined && !this.#announce(this.#missing)) return
    this.#missing = undefined
    const { channels, spool } = this.#own
    const held = this.#held
    while (held.next()) {
      const { chunk, index } = held.cursor
      const start = chunk.start[index] as number
      const end = chunk.end[index] as number
      // Gaps are of another channel than what they are about.
      const channel = channels.list[chunk.channel[index] as number] as Channel
      const room = spool.open(end - start, SHARES[channel.type])
      if (room === undefined) return
      const shift = spool.at - start
      chunk.bytes.copy(room, spool.at, start, end)
      spool.commit(
        channel.index,
        (chunk.payload[index] as number) + shift,
        end + shift,
        chunk.received[index] as number,
      )
      held.cursor.index += 1
      held.settle(chunk, index)
    }
    this.#phase = 'over'
    this.#own.lastGap = this.#outlet.own.lastGap ?? this.#own.lastGap
    this.#outlet.own = this.#own
  }

  /** Says what is missing since what is stored; where there is room for the first message, too. */
  #announce(until: Resume): boolean {
    const { channel } = this.#outlet
    const { at, time } = this.#stored
    const bytes = GAP_BYTES_MAX + this.#held.cursor.chunk.bytes.length
    if (this.#own.spool.open(bytes, SHARES[channel.type]) === undefined) return false
    const ends = {
      ...(at === undefined ? {} : { after_seq: at }),
      ...(until.at === undefined ? {} : { before_seq: until.at }),
    }
    return this.#own.gap(channel, 'restart', time, until.time, ends)
  }
}

function placeOf(first: Message): Resume {
  return resumeAfter(first) ?? { time: first.received }
}

/**
 * Whether who stored `last` had come to `first`, or further, so that all before `first` is stored or announced. Sequences
 * tell it of books. Elsewhere the venue's time must, and ours as well: some venues stamp many messages alike, some none.
 * Ours are of two machines; that they differ by less than a restart takes is all that is asked of them.
 */
export function reaches(last: Message, first: Message): boolean {
  const [there, here] = [resumeAfter(last), resumeAfter(first)]
  if (there === undefined || here === undefined) return false
  if (here.at !== undefined && there.at !== undefined) {
    return there.at === here.at || (there.at > here.at && there.time >= here.time)
  }
  const isSame = last.ts !== undefined && last.ts === first.ts && messageKey(last) === messageKey(first)
  return isSame || (there.time >= here.time && last.received >= first.received)
}
