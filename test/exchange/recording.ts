// Reads recorded sessions: NAME.0, NAME.http.*, NAME.ws.* of a folder, or one NDJSON file with everything in it.
//   URL <-> T [#n]           a socket opened         URL <- T: BODY   a frame of the client
//   [#n ]T: BODY             a frame of the venue    URL <x> T: CODE  the socket closed
//   URL -> T [HTTP S [retry-after=N]]: BODY          a REST answer
//   T: (ping P), T: (text)   a protocol ping; something that is no frame
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** One line of a session; `at` is in ms since the epoch, `socket` numbers the sockets of a session. */
export type Item =
  | { readonly kind: 'open'; readonly at: number; readonly url: URL; readonly socket: string }
  | { readonly kind: 'asked'; readonly at: number; readonly url: URL; readonly socket: string; readonly body: string }
  | { readonly kind: 'frame'; readonly at: number; readonly url: URL; readonly socket: string; readonly body: string }
  | { readonly kind: 'ping'; readonly at: number; readonly url: URL; readonly socket: string; readonly body: string }
  | { readonly kind: 'close'; readonly at: number; readonly url: URL; readonly socket: string; readonly code: number }
  | { readonly kind: 'rest'; readonly at: number; readonly url: URL; readonly status: number; readonly body: string }

const REST = /^(\S+) -> ([\d.]+)(?: HTTP (\d+)(?: retry-after=\d+)?)?: (.*)$/su
const OPEN = /^(\S+) <-> ([\d.]+)(?: (#\S+))?\s*$/u
const ASKED = /^(?:(#\S+) )?(\S+) <- ([\d.]+): (.*)$/su
const CLOSE = /^(?:(#\S+) )?(\S+) <x> ([\d.]+): (\d+)/u
const FRAME = /^(?:(#\S+) )?([\d.]+): (.*)$/su
const PING = /^\(ping (.*)\)$/u
const NO_SOCKET = '#1'

/**
 * All items of a session, in the order in which they happened.
 * @param path `DIR/NAME` of a recording, or an `.ndjson` file
 * @throws Error that names the file and line where it cannot be read
 */
export function readRecording(path: string): Item[] {
  const files = recordingFiles(path)
  const items = files.flatMap((file, i) => readLines(readFileSync(file, 'utf8'), file, files.length > 1 ? `${i} ` : ''))
  return items.toSorted((a, b) => a.at - b.at)
}

/** The files that belong to a recording. */
export function recordingFiles(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return [path]
  const folder = dirname(path)
  const name = basename(path)
  const parts = new RegExp(`^${name.replace(/[^\w]/gu, '\\$&')}\\.(\\d+|(http|ws)\\..+)$`, 'u')
  const files = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder) : []
  const found = files.filter((file) => parts.test(file)).sort()
  if (found.length === 0) {
    throw new Error(
      `no recording at '${path}': give DIR/NAME of NAME.0, NAME.http.0.0, NAME.ws.1.0, or an .ndjson file`,
    )
  }
  return found.map((file) => join(folder, file))
}

/** The lines of one file. `prefix` keeps apart the sockets of several files. */
export function readLines(text: string, file: string, prefix: string = ''): Item[] {
  const items: Item[] = []
  const urls = new Map<string, URL>()
  let last = NO_SOCKET
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('configuration: ')) continue
    const item = readLine(line, prefix, urls, last)
    if (item === undefined) throw new Error(`${file}:${index + 1}: not a line of a session: '${line.slice(0, 80)}'`)
    if (item === 'note') continue
    if (item.kind === 'open') {
      urls.set(item.socket, item.url)
      last = item.socket.slice(prefix.length)
    }
    // clocks of recorders jump; a line never comes before the one above it
    items.push({ ...item, at: Math.max(item.at, items.at(-1)?.at ?? 0) })
  }
  return items
}

function readLine(
  line: string,
  prefix: string,
  urls: ReadonlyMap<string, URL>,
  last: string,
): Item | 'note' | undefined {
  const frame = FRAME.exec(line)
  if (frame !== null) {
    const [, named = last, time = '', body = ''] = frame
    const socket = prefix + named
    const ping = PING.exec(body)
    if (ping === null && body.startsWith('(')) return 'note'
    const url = urls.get(socket)
    if (url === undefined) return undefined
    const head = { at: ms(time), url, socket }
    return ping === null ? { kind: 'frame', ...head, body } : { kind: 'ping', ...head, body: ping[1]! }
  }
  const open = OPEN.exec(line)
  if (open !== null)
    return { kind: 'open', at: ms(open[2]!), url: new URL(open[1]!), socket: prefix + (open[3] ?? NO_SOCKET) }
  const asked = ASKED.exec(line)
  if (asked !== null) {
    const [, socket = last, url = '', time = '', body = ''] = asked
    return { kind: 'asked', at: ms(time), url: new URL(url), socket: prefix + socket, body }
  }
  const close = CLOSE.exec(line)
  if (close !== null) {
    const [, socket = last, url = '', time = '', code = ''] = close
    return { kind: 'close', at: ms(time), url: new URL(url), socket: prefix + socket, code: Number(code) }
  }
  const rest = REST.exec(line)
  if (rest === null) return undefined
  const [, url = '', time = '', status = '200', body = ''] = rest
  return { kind: 'rest', at: ms(time), url: new URL(url), status: Number(status), body }
}

function ms(seconds: string): number {
  return Number(seconds) * 1_000
}
