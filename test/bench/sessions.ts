// decode.tardis and decode.cryptofeed: the recorded Binance sessions as a whole, spot and perpetual one after the other.
//
// Books are given their recorded snapshots before the first frame and outside the clock, on both sides; what is timed is
// every recorded frame. Ours ends with encoded bytes and ids in the spool, tardis-dev with JSON text, cryptofeed with
// its objects (nothing is serialised there).
import assert from 'node:assert'
import { rates } from './decode.ts'
import { compare, CpuClock, type Sample } from './measure.ts'
import type { Tape } from './frames.ts'
import { recordedIntake, type Intake } from './ours.ts'
import { startCryptofeed } from './peers/cryptofeed.ts'
import { asTardisSees, loadTardis, mapFrame, mappers } from './peers/tardis.ts'
import { recordedTape } from './recorded-tape.ts'
import { recording, type Recording } from './recordings.ts'
import type { Figure } from './results.ts'
import type { Context } from './suite.ts'

const PASSES = 12
const CRYPTOFEED_PASSES = 3

export async function againstTardis({ rounds }: Context): Promise<Record<string, Figure>> {
  const tardis = loadTardis()
  const recordings = await bothRecordings()
  const sessions = recordings.map((r) => ({
    recording: r,
    frames: r.frames.map(({ bytes, received }) => ({
      bytes: asTardisSees(bytes),
      received: new Date(received / 1000),
    })),
  }))
  const peer = (): Sample => {
    const clock = new CpuClock()
    let units = 0
    let text = 0
    for (const { recording, frames } of sessions) {
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
  const comparison = await compare(ourPlayer(recordings), peer, rounds)
  return { 'decode.tardis': { value: comparison.ratio, detail: rates(comparison, 'tardis-dev') } }
}

export async function againstCryptofeed({ rounds }: Context): Promise<Record<string, Figure>> {
  const recordings = await bothRecordings()
  const feeds = recordings.map(startCryptofeed)
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
    const comparison = await compare(ourPlayer(recordings), peer, rounds)
    return { 'decode.cryptofeed': { value: comparison.ratio, detail: rates(comparison, 'cryptofeed') } }
  } finally {
    for (const feed of feeds) feed.close()
  }
}

async function bothRecordings(): Promise<Recording[]> {
  return [await recording('spot'), await recording('perpetual')]
}

/** Plays both sessions on and on: the books stay in sync, as in a collector that runs for longer than half a minute. */
function ourPlayer(recordings: readonly Recording[]): () => Sample {
  const lanes = recordings.map((recording) => ({ tape: recordedTape(recording), intake: recordedIntake(recording) }))
  // In the first pass, updates older than the snapshots make no message.
  for (const { tape, intake } of lanes) {
    play(tape, intake)
    intake.drain()
  }
  return () => {
    const clock = new CpuClock()
    let units = 0
    for (let pass = 0; pass < PASSES; pass++) {
      for (const { tape, intake } of lanes) {
        tape.advance()
        clock.start()
        play(tape, intake)
        clock.stop()
        const made = intake.drain()
        assert(made === tape.frames.length, `sessions: ${tape.frames.length} frames made ${made} messages`)
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
