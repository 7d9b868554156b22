// Quiet or dead: a channel is judged by its own history, a socket by its pings (connection/socket.ts).
//
// In: once a second, what is known of a channel. Out: its state. Pure but for the memory of its longest usual silence. All
// times are of the clock that only moves forward (Clock.nowMs): a step of the machine's clock is no silence.
// Never: a quiet market is taken for a fault; C021 of the cases: a symbol that trades once in half an hour is well.
import type { ChannelState } from '../market/messages.ts'

/** A channel whose first frame has not come so long after it was asked for is reported: an acknowledgement proves nothing. */
export const FIRST_FRAME_MS = 10_000
/** Silences shorter than this are never remarkable. */
const LIVE_MS = 10_000
const STALE_MS = 30_000
/** Longest usual silence times this. */
const LIVE_FACTOR = 3
const STALE_FACTOR = 10
/** Frames before a channel's history is worth anything. */
const HISTORY_MIN = 20
/** What a longer silence adds to the memory of shorter ones fades by this much with each frame period. */
const FADE = 0.999

export interface Seen {
  readonly nowMs: number
  /** Why the channel cannot be: unlisted, refused; undefined when it can. */
  readonly impossible: string | undefined
  /** Whether a socket that carries it is open, and since when it was asked for. */
  readonly socketUp: boolean
  readonly askedMs: number
  /** Why silence is as it should be: the type is sparse, the instrument rests; undefined when it is not. */
  readonly mayRest?: string | undefined
  /** Books: whether in step with the venue's; undefined for other types. */
  readonly inSync: boolean | undefined
  /** Frames taken so far, repetitions included. */
  readonly frames: number
}

export interface Judgement {
  readonly state: ChannelState
  readonly detail: string | undefined
  /** What readiness waits for: it was live once, or is known not to come. */
  readonly settled: boolean
}

/** Memory of one channel. */
export class Liveness {
  #frames = 0
  /** When more were there than before; 0: not yet. */
  #lastMs = 0
  #longestMs = 0
  #wasLive = false

  judge(seen: Seen): Judgement {
    this.#learn(seen)
    const { state, detail } = this.#state(seen)
    if (state === 'live') this.#wasLive = true
    const known = seen.impossible !== undefined || this.#wasLive || (state === 'quiet' && detail !== WAITING)
    return { state, detail, settled: known }
  }

  /** Silence from which the channel is stale, ms; undefined while its history is too short to tell. */
  get staleAfterMs(): number | undefined {
    return this.#frames < HISTORY_MIN ? undefined : Math.max(STALE_MS, STALE_FACTOR * this.#longestMs)
  }

  /** What was taken for a stale channel is as it should be: another socket brought nothing either. */
  accept(nowMs: number): void {
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs)
  }

  #learn({ nowMs, frames }: Seen): void {
    const came = frames - this.#frames
    if (came === 0) return
    const fade = FADE ** Math.min(came, 10_000)
    const silence = this.#lastMs === 0 ? 0 : (nowMs - this.#lastMs) / came
    this.#longestMs = Math.max(silence, this.#longestMs * fade)
    this.#frames = frames
    this.#lastMs = nowMs
  }

  #state({ nowMs, impossible, socketUp, askedMs, mayRest, inSync, frames }: Seen): Omit<Judgement, 'settled'> {
    if (impossible !== undefined) return { state: 'down', detail: impossible }
    if (!socketUp) return { state: 'down', detail: 'no socket to the venue' }
    if (frames === 0) {
      return { state: 'quiet', detail: mayRest ?? (nowMs - askedMs > FIRST_FRAME_MS ? NO_FRAME : WAITING) }
    }
    const silence = nowMs - this.#lastMs
    if (mayRest !== undefined && silence > LIVE_MS) return { state: 'quiet', detail: mayRest }
    if (frames >= HISTORY_MIN && silence > Math.max(STALE_MS, STALE_FACTOR * this.#longestMs)) {
      return { state: 'stale', detail: `silent for ${Math.round(silence / 1000)} s, usually ${usual(this.#longestMs)}` }
    }
    if (inSync === false) return { state: 'down', detail: 'book waits for a snapshot' }
    if (silence > Math.max(LIVE_MS, LIVE_FACTOR * this.#longestMs))
      return { state: 'quiet', detail: 'silent for a while' }
    return { state: 'live', detail: undefined }
  }
}

/** What is known of a channel that is asked for by REST. */
export interface PollSeen {
  readonly nowMs: number
  readonly impossible: string | undefined
  /** Why it is not asked for now; undefined when it is. */
  readonly mayRest: string | undefined
  /** When it was asked for first, and when an answer came last; 0: not yet. */
  readonly askedMs: number
  readonly answeredMs: number
  /** Whether a question is under way. */
  readonly isAsking: boolean
  /** Why the last question has no answer; undefined when it has one. */
  readonly fault: string | undefined
  /** How often the venue has news. */
  readonly everyMs: number
}

/** Questions in a row without an answer, one for each time that the venue has news, after which a channel is stale. */
const MISSED_MAX = 3

/** Silence from which a channel that is asked for by REST is stale, ms. */
export function polledStaleAfterMs(everyMs: number): number {
  return MISSED_MAX * everyMs
}

/** Judges a channel that is asked for by REST. */
export function judgePolled(seen: PollSeen): Judgement {
  const { nowMs, impossible, mayRest, askedMs, answeredMs, isAsking, fault, everyMs } = seen
  if (impossible !== undefined) return { state: 'down', detail: impossible, settled: true }
  if (mayRest !== undefined) return { state: 'quiet', detail: mayRest, settled: true }
  const silence = nowMs - (answeredMs || askedMs)
  const isMissed = silence > polledStaleAfterMs(everyMs)
  const settled = answeredMs > 0 || nowMs - askedMs > FIRST_FRAME_MS
  if (fault !== undefined) return { state: isMissed ? 'stale' : 'quiet', detail: `not answered: ${fault}`, settled }
  if (isMissed && isAsking) return { state: 'stale', detail: `no answer for ${Math.round(silence / 1000)} s`, settled }
  if (answeredMs === 0) return { state: 'quiet', detail: 'waiting for the first answer', settled }
  return isMissed ? { state: 'quiet', detail: LIMITED, settled } : { state: 'live', detail: undefined, settled }
}

const LIMITED = 'waits for its turn: the limits of the venue allow no more'

/** Detail of a channel that was asked for and has not been heard of. */
export const NO_FRAME = 'no first frame yet'
const WAITING = 'waiting for the first frame'

function usual(ms: number): string {
  return ms < 1000 ? 'under 1 s' : `up to ${Math.round(ms / 1000)} s`
}
