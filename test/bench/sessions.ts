// decode.tardis and decode.cryptofeed: all recorded sessions as a whole, one market after the other.
//
// Books whose snapshots come from REST are given their recorded ones before the first frame and outside the clock, on
// both sides; what is timed is every recorded data frame. Ours ends with encoded bytes and ids in the spool, tardis-dev
// with JSON text, cryptofeed with its objects (nothing is serialised there).
import assert from 'node:assert'
import { rates } from './decode.ts'
import { compare, CpuClock, type Sample, type Side } from './measure.ts'
import type { Tape } from './frames.ts'
import { recordedIntake, type Intake } from './ours.ts'
import { startCryptofeed } from './peers/cryptofeed.ts'
import { asTardisSees, loadTardis, mapFrame, mappers } from './peers/tardis.ts'
import { recordedTape } from './recorded-tape.ts'
import { recordedSessions, type Session, type Recording } from './recordings.ts'
import type { Figure } from './results.ts'
import type { Context } from './suite.ts'

const PASSES = 8
const CRYPTOFEED_PASSES = 2

export async function againstTardis({ rounds }: Context): Promise<Record<string, Figure>> {
  const tardis = loadTardis()
  const sessions = await recordedSessions()
  const markets = sessions.flatMap(({ recordings }) =>
    recordings.map((recording) => ({
      recording,
      frames: recording.frames.map((frame) => ({
        bytes: asTardisSees(recording, frame),
        received: new Date(frame.received / 1000),
      })),
    })),
  )
  const peer = (): Sample => {
    const clock = new CpuClock()
    let units = 0
    let text = 0
    for (const { recording, frames } of markets) {
      // One set of mappers for all passes: they do not mind that sequences begin again.
      const all = mappers(tardis, recording)
      clock.start()
      for (let pass = 0; pass < PASSES; pass++) {
        for (const { bytes, received } of frames) {
          mapFrame(all, bytes, received, (event) => {
            text += JSON.stringify(event).length
          })
        }
        units += frames.length
      }
      clock.stop()
    }
    assert(text > 0)
    return { units, seconds: clock.seconds }
  }
  const comparison = await compare(ourPlayer(sessions), peer, rounds)
  return { 'decode.tardis': { value: comparison.ratio, detail: rates(comparison, 'tardis-dev') } }
}

export async function againstCryptofeed({ rounds }: Context): Promise<Record<string, Figure>> {
  const sessions = await recordedSessions()
  const feeds = sessions.map(startCryptofeed)
  const peer = async (): Promise<Sample> => {
    let [units, seconds] = [0, 0]
    for (const feed of feeds) {
      const played = await feed.pass(CRYPTOFEED_PASSES)
      units += played.frames
      seconds += played.seconds
    }
    return { units, seconds }
  }
  try {
    const comparison = await compare(ourPlayer(sessions), peer, rounds)
    return { 'decode.cryptofeed': { value: comparison.ratio, detail: rates(comparison, 'cryptofeed') } }
  } finally {
    for (const feed of feeds) feed.close()
  }
}

/** A recorded market that is played again and again. */
interface Lane {
  readonly tape: Tape
  readonly intake: Intake
  readonly messages: number
  passesLeft: number
}

function openLane(recording: Recording): Lane {
  const [tape, intake] = [recordedTape(recording), recordedIntake(recording)]
  // In the first pass, updates older than the snapshots make no message; in the second, what repeats itself is known.
  play(tape, intake)
  intake.drain()
  tape.advance()
  play(tape, intake)
  return { tape, intake, messages: intake.drain(), passesLeft: tape.passes - 1 }
}

/** Plays all sessions on and on, as in a collector that runs for longer than half a minute. */
function ourPlayer(sessions: readonly Session[]): Side {
  const recordings = sessions.flatMap((session) => session.recordings)
  const lanes = recordings.map(openLane)
  return () => {
    const clock = new CpuClock()
    let units = 0
    for (let pass = 0; pass < PASSES; pass++) {
      for (const [i, recording] of recordings.entries()) {
        // Old ids are short: where one would need another digit, the recording begins anew.
        const lane = (lanes[i] as Lane).passesLeft > 0 ? (lanes[i] as Lane) : openLane(recording)
        lanes[i] = lane
        lane.passesLeft -= 1
        const { tape, intake, messages } = lane
        tape.advance()
        clock.start()
        play(tape, intake)
        clock.stop()
        const made = intake.drain()
        assert(made === messages, `sessions: ${tape.frames.length} frames made ${made} messages, not ${messages}`)
        units += tape.frames.length
      }
    }
    return { units, seconds: clock.seconds }
  }
}

function play({ frames }: Tape, intake: Intake): void {
  const now = Date.now() * 1000
  for (let i = 0; i < frames.length; i++) intake.frame(frames[i] as Buffer, now + i)
}
