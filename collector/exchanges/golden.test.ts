import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { difference, type Line, play, readLines } from '../../test/support/golden.ts'
import { ROOMS } from './registry.ts'

const FRAMES = '.frames.ndjson'
const isUpdate = process.env['UPDATE_GOLDEN'] === '1'
if (isUpdate && process.env['CI'] === 'true') throw new Error('UPDATE_GOLDEN is for people who read the diff, not for CI')

for (const room of ROOMS) {
  const folder = new URL(`${room.exchange}/golden/`, import.meta.url)
  const names = (existsSync(folder) ? readdirSync(folder) : [])
    .filter((file) => file.startsWith(`${room.market}.`) && file.endsWith(FRAMES))
    .map((file) => file.slice(0, -FRAMES.length))

  describe(`${room.exchange} ${room.market}`, () => {
    test('has golden pairs of every type and of control frames', () => {
      const wanted = [...Object.keys(room.types), 'control'].map((type) => `${room.market}.${type}`)
      expect(names).toEqual(expect.arrayContaining(wanted))
    })

    test.each(names)('%s: each frame gives what stands on the same line', async (name) => {
      const [framesFile, messagesFile] = [new URL(name + FRAMES, folder), new URL(`${name}.messages.ndjson`, folder)]
      const played = await play(room, readLines(framesFile))
      if (isUpdate) writeFileSync(messagesFile, played.map(({ out }) => `${out}\n`).join(''))
      const wanted = readLines(messagesFile)
      const where = (number: number) => `${fileURLToPath(framesFile).split('/').slice(-4).join('/')}:${number}`
      expect(wanted, 'one line of messages for each line of frames').toHaveLength(played.length)
      for (const [i, line] of played.entries()) expect(faults(line, wanted[i] ?? ''), `${where(line.number)} ${short(line.text)}`).toEqual([])
    })

    test.each(names)('%s: a note before each group says what it shows and where that is written down', (name) => {
      const lines = readLines(new URL(name + FRAMES, folder))
      const notes = lines.filter((line) => line.startsWith('{"note":')).map((line) => JSON.parse(line) as object)
      expect(lines[1]).toMatch(/^\{"note":/)
      for (const note of notes) {
        expect(note).toEqual(expect.objectContaining({ note: expect.stringMatching(/./), evidence: expect.stringMatching(/./) }))
      }
    })
  })
}

function faults({ out, as }: Line, wanted: string): string[] {
  const kind = as === undefined || as.wanted === as.was ? [] : [`expected to be ${as.wanted}, was ${as.was}`]
  return [...kind, ...difference(wanted, out)]
}

function short(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 157)}…`
}
