import { describe, expect, it } from 'vitest'
import { FIRST_FRAME_MS, Liveness, NO_FRAME, type PollSeen, type Seen, judgePolled } from './liveness.ts'

const SECOND = 1_000
const HOUR = 3_600 * SECOND
const BEGIN = 1_790_000_000 * SECOND

/** A channel that is judged once a second, as lane.ts does it. */
class Watched {
  readonly #liveness = new Liveness()
  #nowMs = BEGIN
  #frames = 0

  /** Lets time pass, a frame every so many seconds (0: none), and gives the last judgement. */
  live(seconds: number, everySeconds: number, more: Partial<Seen> = {}) {
    let judgement = this.judge(more)
    for (let s = 1; s <= seconds; s++) {
      this.#nowMs += SECOND
      if (everySeconds > 0 && s % everySeconds === 0) this.#frames += 1
      judgement = this.judge(more)
    }
    return judgement
  }

  judge(more: Partial<Seen> = {}) {
    const frames = this.#frames
    const usual = { nowMs: this.#nowMs, impossible: undefined, socketUp: true, askedMs: BEGIN, inSync: undefined }
    return this.#liveness.judge({ ...usual, frames, ...more })
  }

  accept(): void {
    this.#liveness.accept(this.#nowMs)
  }
}

interface Row {
  readonly lived: readonly (readonly [seconds: number, everySeconds: number])[]
  readonly now?: Partial<Seen>
  readonly state: string
  readonly detail?: string
  readonly settled: boolean
}

const ROWS: Record<string, Row> = {
  'a symbol that the venue does not list is down, and settled': {
    lived: [[1, 0]],
    now: { impossible: 'not listed' },
    state: 'down',
    detail: 'not listed',
    settled: true,
  },
  'without a socket a channel is down, and not settled': {
    lived: [[1, 0]],
    now: { socketUp: false },
    state: 'down',
    detail: 'no socket to the venue',
    settled: false,
  },
  'a channel waits for its first frame': {
    lived: [[5, 0]],
    state: 'quiet',
    detail: 'waiting for the first frame',
    settled: false,
  },
  'a first frame that does not come is told after ten seconds': {
    lived: [[FIRST_FRAME_MS / SECOND + 1, 0]],
    state: 'quiet',
    detail: NO_FRAME,
    settled: true,
  },
  'a busy channel is live': { lived: [[60, 1]], state: 'live', settled: true },
  'a busy channel is quiet after ten seconds of silence': {
    lived: [
      [60, 1],
      [12, 0],
    ],
    state: 'quiet',
    detail: 'silent for a while',
    settled: true,
  },
  'a busy channel is stale after thirty seconds of silence': {
    lived: [
      [60, 1],
      [31, 0],
    ],
    state: 'stale',
    detail: 'silent for 31 s, usually up to 1 s',
    settled: true,
  },
  'a stale channel is live with its next frame': {
    lived: [
      [60, 1],
      [31, 0],
      [1, 1],
    ],
    state: 'live',
    settled: true,
  },
  'a channel that was heard a few times has no history to be stale by': {
    lived: [
      [15, 1],
      [3600, 0],
    ],
    state: 'quiet',
    detail: 'silent for a while',
    settled: true,
  },
  'a slow channel is live for as long as it usually is silent': {
    lived: [
      [30 * 100, 100],
      [250, 0],
    ],
    state: 'live',
    settled: true,
  },
  'a slow channel is quiet when it is silent for longer': {
    lived: [
      [30 * 100, 100],
      [700, 0],
    ],
    state: 'quiet',
    detail: 'silent for a while',
    settled: true,
  },
  'a slow channel is stale when it is silent for ten times as long': {
    lived: [
      [30 * 100, 100],
      [1_001, 0],
    ],
    state: 'stale',
    detail: 'silent for 1001 s, usually up to 100 s',
    settled: true,
  },
  'a busy time does not wipe out the memory of a slow one at once': {
    lived: [
      [25 * 60, 60],
      [300, 1],
      [40, 0],
    ],
    state: 'live',
    settled: true,
  },
  'a book that waits for its snapshot is down': {
    lived: [[60, 1]],
    now: { inSync: false },
    state: 'down',
    detail: 'book waits for a snapshot',
    settled: true,
  },
  'a book that waits and is not heard of is stale': {
    lived: [
      [60, 1],
      [31, 0],
    ],
    now: { inSync: false },
    state: 'stale',
    detail: 'silent for 31 s, usually up to 1 s',
    settled: true,
  },
}

const SPARSE = { mayRest: 'usual for this type' }
const QUIET = { state: 'quiet', detail: SPARSE.mayRest, settled: true }

describe('a channel of a sparse type', () => {
  it('C003: that has never been heard of is quiet and settled at once, and is never told as unheard', () => {
    const watched = new Watched()
    expect(watched.live(1, 0, SPARSE)).toEqual(QUIET)
    expect(watched.live((3 * HOUR) / SECOND, 0, SPARSE)).toEqual(QUIET)
  })

  it('C003: that was busy is quiet for hours after it, never stale', () => {
    const watched = new Watched()
    expect(watched.live(60, 1, SPARSE).state).toBe('live')
    expect(watched.live(11, 0, SPARSE)).toEqual(QUIET)
    expect(watched.live((3 * HOUR) / SECOND, 0, SPARSE)).toEqual(QUIET)
    expect(watched.live(1, 1, SPARSE).state).toBe('live')
  })

  it('is down without a socket all the same', () => {
    expect(new Watched().live(60, 1, { ...SPARSE, socketUp: false }).state).toBe('down')
  })
})

const ANSWERED: PollSeen = {
  nowMs: BEGIN + 100 * SECOND,
  impossible: undefined,
  mayRest: undefined,
  askedMs: BEGIN,
  answeredMs: BEGIN + 95 * SECOND,
  isAsking: false,
  fault: undefined,
  everyMs: 10 * SECOND,
}
const FAILED = { fault: 'answered 500', answeredMs: 0 }

const POLLED: Record<string, { seen: Partial<PollSeen>; is: object }> = {
  'with an answer is live': { seen: {}, is: { state: 'live', detail: undefined, settled: true } },
  'is live while it is asked again': {
    seen: { answeredMs: BEGIN + 75 * SECOND, isAsking: true },
    is: { state: 'live', detail: undefined, settled: true },
  },
  'whose question is under way for several turns is stale': {
    seen: { answeredMs: BEGIN + 60 * SECOND, isAsking: true },
    is: { state: 'stale', detail: 'no answer for 40 s', settled: true },
  },
  'that does not come to be asked is quiet': {
    seen: { answeredMs: BEGIN + 60 * SECOND },
    is: { state: 'quiet', detail: 'waits for its turn: the limits of the venue allow no more', settled: true },
  },
  'without an answer yet waits': {
    seen: { answeredMs: 0, nowMs: BEGIN + 5 * SECOND },
    is: { state: 'quiet', detail: 'waiting for the first answer', settled: false },
  },
  'that fails at first is not settled': {
    seen: { ...FAILED, nowMs: BEGIN + 5 * SECOND },
    is: { state: 'quiet', detail: 'not answered: answered 500', settled: false },
  },
  'that goes on failing is known not to come': {
    seen: { ...FAILED, nowMs: BEGIN + 11 * SECOND },
    is: { state: 'quiet', detail: 'not answered: answered 500', settled: true },
  },
  'that failed once is quiet': {
    seen: { fault: 'answered 500' },
    is: { state: 'quiet', detail: 'not answered: answered 500', settled: true },
  },
  'is stale after several turns without an answer': {
    seen: { fault: 'answered 500', answeredMs: BEGIN + 69 * SECOND },
    is: { state: 'stale', detail: 'not answered: answered 500', settled: true },
  },
  'that is not asked rests': {
    seen: { mayRest: 'not open yet', answeredMs: 0 },
    is: { state: 'quiet', detail: 'not open yet', settled: true },
  },
  'that cannot be is down': {
    seen: { impossible: 'not listed' },
    is: { state: 'down', detail: 'not listed', settled: true },
  },
}

describe('a channel that is asked for', () => {
  it.each(Object.entries(POLLED))('%s', (_, { seen, is }) => {
    expect(judgePolled({ ...ANSWERED, ...seen })).toEqual(is)
  })
})

describe('a channel', () => {
  it.each(Object.entries(ROWS))('%s', (_, { lived, now, state, detail, settled }) => {
    const watched = new Watched()
    for (const [seconds, everySeconds] of lived) watched.live(seconds, everySeconds)
    expect(watched.judge(now)).toEqual({ state, detail, settled })
  })

  it('once was live, so that a loss later does not unsettle it', () => {
    const watched = new Watched()
    watched.live(60, 1)
    expect(watched.judge({ socketUp: false })).toMatchObject({ state: 'down', settled: true })
  })

  it('that another socket did not wake is taken as it is, and is stale again when silent for much longer', () => {
    const watched = new Watched()
    watched.live(60, 1)
    expect(watched.live(40, 0).state).toBe('stale')
    watched.accept()
    expect(watched.judge().state).toBe('live')
    expect(watched.live(300, 0).state).toBe('quiet')
    expect(watched.live(100, 0).state).toBe('stale')
  })

  it('that trades once in half an hour is never stale', () => {
    const watched = new Watched()
    let seen = 0
    for (let n = 0; n < 40; n++) {
      expect(watched.live(1_800, 1_800).state).toBe('live')
      seen += 1
    }
    expect(watched.live((4 * HOUR) / SECOND, 0).state).toBe('quiet')
    expect(seen).toBe(40)
  })
})
