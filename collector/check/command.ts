// `marketprism check`: before anything runs, everything that can be tried: addresses, venues, channels, sink.
//
// Always: nothing is stored or changed anywhere. Exit codes: 0 nothing fails, 1 something does, 2 usage.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Collector, Feed } from '../../crds/collector.ts'
import { parseDuration } from '../../crds/duration.ts'
import { roomOf } from '../exchanges/registry.ts'
import type { Room } from '../exchanges/room.ts'
import { asciiJson, printable } from '../terminal/escape.ts'
import { findingText, readManifest } from '../validate.ts'
import { tryAddress } from './address.ts'
import { tryChannels } from './channels.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { checkSink } from './sink.ts'
import { tryRest } from './venue.ts'

const USAGE = `marketprism check -f FILE
  -f FILE      the manifest
  --wait 15s   how long each channel may take for its first message
  --json       one JSON line for each thing that was tried
`
const WAIT_MS_MAX = 600_000
const SAYS_MAX = 300

export interface CheckIo {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

/** Resolves to the exit code and never rejects. */
export async function checkCommand(args: readonly string[], io: CheckIo): Promise<0 | 1 | 2> {
  let asked: Asked
  try {
    asked = parseAsked(args)
  } catch (error) {
    io.stderr.write(`check: ${printable((error as Error).message, SAYS_MAX)}\n\n${USAGE}`)
    return 2
  }
  let failed = false
  const show = (findings: readonly Finding[]) => {
    for (const finding of findings) {
      failed ||= finding.verdict === 'fail'
      io.stdout.write(asked.isJson ? `${asciiJson(finding)}\n` : line(finding))
    }
  }
  for await (const findings of findingsOf(asked)) show(findings)
  if (!asked.isJson) io.stdout.write(failed ? '\nNot ready: see what fails above.\n' : '\nReady.\n')
  return failed ? 1 : 0
}

interface Asked {
  readonly file: string
  readonly waitMs: number
  readonly isJson: boolean
}

function parseAsked(args: readonly string[]): Asked {
  const { values } = parseArgs({
    args: [...args],
    options: {
      file: { type: 'string', short: 'f' },
      wait: { type: 'string', default: '15s' },
      json: { type: 'boolean', default: false },
    },
  })
  if (values.file === undefined) throw new Error('no manifest named; write marketprism check -f collector.yaml.')
  const waitMs = parseDuration(values.wait)
  if (waitMs > WAIT_MS_MAX) throw new Error(`--wait ${values.wait} is too long; write at most 10m.`)
  return { file: values.file, waitMs, isJson: values.json }
}

const MARKS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const
const WHAT_WIDTH = 9
const ABOUT_WIDTH = 34

function line({ verdict, what, about, says }: Finding): string {
  const where = printable(about, ABOUT_WIDTH * 2)
  return `${MARKS[verdict]}  ${what.padEnd(WHAT_WIDTH)} ${where.padEnd(ABOUT_WIDTH)} ${printable(says, SAYS_MAX)}\n`
}

/** In the order of what depends on what, as it is found. */
async function* findingsOf({ file, waitMs }: Asked): AsyncGenerator<readonly Finding[]> {
  const { collector, findings } = manifest(file)
  yield findings
  if (collector === undefined) return
  const places = placesOf(collector)
  for (const { url, proxy } of places.values()) yield await tryAddress(url, proxy)
  let answers = false
  for (const { room, rest, proxy } of placesOfRest(collector)) {
    const findings = await tryRest(room, rest, proxy === undefined ? undefined : { url: proxy })
    answers ||= findings.some(({ what, verdict }) => what === 'rest' && verdict === 'ok')
    yield findings
  }
  // Without a list of instruments there is no channel.
  if (answers) yield await tryChannels(collector, waitMs)
  yield await checkSink(collector.spec.sink)
}

function manifest(file: string): { collector: Collector | undefined; findings: readonly Finding[] } {
  let text: string
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return {
      collector: undefined,
      findings: [fail('manifest', file, `cannot be read (${code}); name a file that can`)],
    }
  }
  const { collector, faults, notes } = readManifest(text, file)
  const good = collector === undefined ? [] : [ok('manifest', file, `Collector ${collector.metadata.name}`)]
  return {
    collector,
    findings: [
      ...good,
      ...faults.map((fault) => fail('manifest', file, findingText(fault))),
      ...notes.map((note) => warn('manifest', file, findingText(note))),
    ],
  }
}

interface Place {
  readonly url: URL
  readonly proxy: string | undefined
}

/** Every host of every feed, once. */
function placesOf({ spec }: Collector): Map<string, Place> {
  const places = new Map<string, Place>()
  for (const feed of spec.feeds) {
    const proxy = feed.proxy?.url
    for (const url of urlsOf(feed)) places.set(proxy ?? url.host, { url, proxy })
  }
  return places
}

function urlsOf({ exchange, market, endpoints }: Feed): URL[] {
  const room = roomOf(exchange, market)
  if (room === undefined) return []
  const own = [room.endpoints, ...Object.values(room.hosts ?? {})]
  const used = own.flatMap(({ websocket, rest }) => [endpoints?.websocket ?? websocket, endpoints?.rest ?? rest])
  return used.map((text) => new URL(text))
}

interface RestPlace {
  readonly room: Room
  readonly rest: string
  readonly proxy: string | undefined
}

/** The main host of each market that a feed names, once. */
function placesOfRest({ spec }: Collector): RestPlace[] {
  const places = spec.feeds.flatMap(({ exchange, market, endpoints, proxy }): RestPlace[] => {
    const room = roomOf(exchange, market)
    if (room === undefined) return []
    return [{ room, rest: endpoints?.rest ?? room.endpoints.rest, proxy: proxy?.url }]
  })
  return [...new Map(places.map((place) => [`${place.rest} ${place.proxy}`, place])).values()]
}
