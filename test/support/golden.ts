// Golden pairs: line n of NAME.messages.ndjson is what comes out after line n of NAME.frames.ndjson went in.
//
// A frame stands as it came, one a line. Beside frames there are
//   {"channels":[…]}                      first line of both files: what is subscribed
//   {"note":"…","evidence":"…","as":"…"}   before a group, in both files; `as` says what each frame of the group is
//   /path -> BODY                         an answer of REST; `/path -> refused` when the venue does not give one
import { readFileSync } from 'node:fs'
import type { Control } from '../../collector/connection/protocol.ts'
import type { Room } from '../../collector/exchanges/room.ts'
import { type ChannelPlan, Intake } from './intake.ts'

/** What a frame is: data (unless told otherwise), refused as malformed, or what the room reads in a control text. */
export type As = 'data' | 'malformed' | Control['kind']

interface Note {
  readonly note: string
  readonly evidence: string
  readonly as?: As
}

export interface Line {
  /** From 1, as editors count. */
  readonly number: number
  /** The frame or answer that went in, or the header or note. */
  readonly text: string
  /** What came out: a JSON array; the same text for a header or note. */
  readonly out: string
  /** What the frame was to be and was; undefined for other lines. */
  readonly as?: { readonly wanted: As; readonly was: string }
}

export function readLines(file: string | URL): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1)
}

/** Plays a file of frames into a room. */
export async function play(room: Room, lines: readonly string[]): Promise<Line[]> {
  const header = JSON.parse(lines[0] ?? '{}') as { readonly channels?: readonly ChannelPlan[] }
  if (header.channels === undefined) throw new Error('line 1: must be {"channels":[…]}')
  const intake = new Intake(room, header.channels)
  let note: Note | undefined
  const played: Line[] = []
  for (const [i, text] of lines.entries()) {
    if (i === 0 || text.startsWith('{"note":')) {
      if (i > 0) note = JSON.parse(text) as Note
      played.push({ number: i + 1, text, out: text })
      continue
    }
    await intake.clock.advance(1)
    const was = text.startsWith('/') ? await answer(intake, text) : classify(intake, text)
    const out = `[${intake
      .take()
      .map((made) => made.text)
      .join(',')}]`
    played.push({ number: i + 1, text, out, ...(was === undefined ? {} : { as: { wanted: note?.as ?? 'data', was } }) })
  }
  return played
}

async function answer(intake: Intake, text: string): Promise<undefined> {
  const [path = '', body = ''] = text.split(/ -> (.*)/s)
  await intake.answer(path, body === 'refused' ? undefined : Buffer.from(body))
}

function classify(intake: Intake, text: string): string {
  const { counts, room } = intake
  const before = { data: counts.data, malformed: counts.refused.malformed }
  if (!intake.frame(Buffer.from(text))) return room.protocol.control(text).kind
  if (counts.data > before.data) return 'data'
  return counts.refused.malformed > before.malformed ? 'malformed' : 'not counted'
}

/** What differs between two lines of messages, field by field; empty when they are the same to the byte. */
export function difference(wanted: string, got: string): string[] {
  if (wanted === got) return []
  const fields = [...compare(JSON.parse(wanted), JSON.parse(got), '')]
  return fields.length > 0 ? fields : ['the same values in another form']
}

function* compare(wanted: unknown, got: unknown, path: string): Generator<string> {
  if (isObject(wanted) && isObject(got)) {
    for (const key of new Set([...Object.keys(wanted), ...Object.keys(got)])) {
      yield* compare(wanted[key], got[key], path === '' ? key : `${path}.${key}`)
    }
  } else if (wanted !== got) {
    yield `${path}: expected ${JSON.stringify(wanted) ?? 'nothing'}, got ${JSON.stringify(got) ?? 'nothing'}`
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
