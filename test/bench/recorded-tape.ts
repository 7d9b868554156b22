// A recorded session without an end: played again and again, each time with ids and times that follow on.
import { Tape, type Advance, type Frame } from './frames.ts'
import type { Recording } from './recordings.ts'

interface Recorded {
  readonly stream: string
  readonly data: Readonly<Record<string, unknown>>
}

/** The keys of a stream that number its frames; the first of `ids` from frame to frame, the rest along with it. */
interface Numbering {
  readonly ids: readonly string[]
  /** What the first number of the next pass must be, from the first and the last frame of this one. */
  readonly next: (first: Readonly<Record<string, number>>, last: Readonly<Record<string, number>>) => number
  readonly times: readonly string[]
}

const NUMBERINGS: Record<string, Numbering> = {
  aggTrade: { ids: ['a', 'f', 'l'], next: (_, { a = 0 }) => a + 1, times: ['E', 'T'] },
  bookTicker: { ids: ['u'], next: (_, { u = 0 }) => u + 1, times: ['E', 'T'] },
  kline_1m: { ids: [], next: () => 0, times: ['E'] },
  // Spot's updates follow one another (`U` is the last `u` + 1); of perpetuals `pu` names the one before.
  'depth@100ms': {
    ids: ['U', 'u', 'pu'],
    next: ({ U = 0, pu }, { u = 0 }) => (pu === undefined ? u + 1 : u + U - pu),
    times: ['E', 'T'],
  },
}

/** Frames of the session; each `advance` makes them those of the next half minute. */
export function recordedTape(recording: Recording): Tape {
  const frames = recording.frames.map(({ bytes }) => {
    const text = bytes.toString('latin1')
    return { text, ...(JSON.parse(text) as Recorded) }
  })
  const received = recording.frames.map((frame) => frame.received)
  const lastsMs = Math.ceil((Math.max(...received) - Math.min(...received)) / 1000) + 1
  const shifts = new Map<string, number>()
  for (const [stream, group] of Object.entries(Object.groupBy(frames, ({ stream }) => stream))) {
    const numbering = numberingOf(stream)
    const [first, last] = [group?.at(0)?.data, group?.at(-1)?.data] as Record<string, number>[]
    const id = numbering.ids[0]
    if (first === undefined || last === undefined || id === undefined) continue
    shifts.set(stream, numbering.next(first, last) - (first[id] as number))
  }
  return new Tape(
    frames.map(({ text, stream, data }): Frame => {
      const { ids, times } = numberingOf(stream)
      const moves: Advance[] = [
        ...ids.map((key) => ({ key, by: shifts.get(stream) as number })),
        ...times.map((key) => ({ key, by: lastsMs })),
      ]
      return { text, advances: moves.filter(({ key }) => key in data) }
    }),
  )
}

function numberingOf(stream: string): Numbering {
  const kind = stream.slice(stream.indexOf('@') + 1)
  const numbering = NUMBERINGS[kind]
  if (numbering === undefined) throw new Error(`recording: a stream ${stream} that is not known here`)
  return numbering
}
