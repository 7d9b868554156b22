import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { difference, type Line, play, readLines } from '../../test/support/golden.ts'
import { ROOMS } from './registry.ts'
import type { Room } from './room.ts'

const FRAMES = '.frames.ndjson'
const isUpdate = process.env['UPDATE_GOLDEN'] === '1'
if (isUpdate && process.env['CI'] === 'true')
  throw new Error('UPDATE_GOLDEN is for people who read the diff, not for CI')

/** A pair of files without their endings, as a path. */
function pairs({ exchange, market }: Room): string[] {
  const folder = fileURLToPath(new URL(`${exchange}/golden/`, import.meta.url))
  return (existsSync(folder) ? readdirSync(folder) : [])
    .filter((file) => file.startsWith(`${market}.`) && file.endsWith(FRAMES))
    .map((file) => folder + file.slice(0, -FRAMES.length))
}

function messages(pair: string): string {
  return `${pair}.messages.ndjson`
}

/** `binance/golden/spot.trade` */
function name(pair: string): string {
  return pair.split('/').slice(-3).join('/')
}

describe.each(ROOMS.map((room) => ({ room, title: `${room.exchange} ${room.market}` })))('$title', ({ room }) => {
  const files = pairs(room).map((pair) => ({ pair, title: name(pair) }))

  test('has golden pairs of every type and of control frames', () => {
    const wanted = [...Object.keys(room.types), 'control'].map(
      (type) => `${room.exchange}/golden/${room.market}.${type}`,
    )
    expect(files.map(({ title }) => title)).toEqual(expect.arrayContaining(wanted))
  })

  test.each(files)('$title: each frame gives what stands on the same line', async ({ pair, title }) => {
    const played = await play(room, readLines(pair + FRAMES))
    if (isUpdate) writeFileSync(messages(pair), played.map(({ out }) => `${out}\n`).join(''))
    const wanted = readLines(messages(pair))
    expect(wanted, 'one line of messages for each line of frames').toHaveLength(played.length)
    const wrong = played.flatMap((line, i) => {
      const found = faults(line, wanted[i] ?? '')
      return found.length === 0 ? [] : [`${title}${FRAMES}:${line.number} ${short(line.text)}`, ...found]
    })
    expect(wrong).toEqual([])
  })

  test.each(files)('$title: a note before each group says what it shows and where that is written down', ({ pair }) => {
    const lines = readLines(pair + FRAMES)
    expect(lines[1]).toMatch(/^\{"note":/)
    const said = { note: expect.stringMatching(/./) as string, evidence: expect.stringMatching(/./) as string }
    for (const line of lines.filter((text) => text.startsWith('{"note":'))) {
      expect(JSON.parse(line)).toEqual(expect.objectContaining(said))
    }
  })
})

test('where making code of texts is forbidden, every golden pair comes out the same', () => {
  const all = ROOMS.flatMap((room, i) => pairs(room).map((pair) => ({ argument: `${i}:${pair}${FRAMES}`, pair })))
  const program = fileURLToPath(new URL('../../test/support/play.ts', import.meta.url))
  const options = ['--disallow-code-generation-from-strings', program, ...all.map(({ argument }) => argument)]
  const out = execFileSync(process.execPath, options, { encoding: 'utf8' })
  expect(out.split('\n').slice(0, -1)).toEqual(all.flatMap(({ pair }) => readLines(messages(pair))))
})

function faults({ out, as }: Line, wanted: string): string[] {
  const kind = as === undefined || as.wanted === as.was ? [] : [`expected to be ${as.wanted}, was ${as.was}`]
  return [...kind, ...difference(wanted, out)]
}

function short(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 157)}…`
}
