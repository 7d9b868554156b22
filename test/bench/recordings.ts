// Recorded sessions of ../shared/recordings, as their README describes them.
import { readFile } from 'node:fs/promises'
import { Missing } from './missing.ts'

export type RecordedMarket = 'spot' | 'perpetual'

export interface RecordedFrame {
  /** Recorder's clock, µs. */
  readonly received: number
  readonly bytes: Buffer
}

export interface Recording {
  readonly market: RecordedMarket
  /** REST answer to exchangeInfo, as JSON text. */
  readonly exchangeInfo: string
  /** REST depth answers by venue symbol, as JSON text. */
  readonly snapshots: ReadonlyMap<string, string>
  /** Frames of the WebSocket, in the order of arrival. */
  readonly frames: readonly RecordedFrame[]
  /** The files, for those who read them by themselves. */
  readonly files: readonly string[]
}

const FOLDER = new URL('../../../shared/recordings/', import.meta.url)
const NAMES: Record<RecordedMarket, string> = { spot: 'BINANCE', perpetual: 'BINANCE_FUTURES' }

/** @throws Missing where the folder is not there. */
export async function recording(market: RecordedMarket): Promise<Recording> {
  const name = NAMES[market]
  const [start, http, ws] = [`${name}.0`, `${name}.http.0.0`, `${name}.ws.1.0`].map((file) => new URL(file, FOLDER))
  const exchangeInfo = restAnswers(await text(start as URL)).find(({ url }) => url.endsWith('/exchangeInfo'))
  if (exchangeInfo === undefined) throw new Error(`${name}.0: no answer to exchangeInfo`)
  const snapshots = restAnswers(await text(http as URL)).map(({ url, body }) => {
    return [new URL(url).searchParams.get('symbol') ?? '', body] as const
  })
  return {
    market,
    exchangeInfo: exchangeInfo.body,
    snapshots: new Map(snapshots),
    frames: frames(await text(ws as URL)),
    files: [start, http, ws].map((url) => decodeURIComponent((url as URL).pathname)),
  }
}

async function text(file: URL): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    const name = file.pathname.split('/').at(-1)
    throw new Missing(`recording ${name} is not there`, 'put the recordings into ../shared/recordings')
  }
}

function restAnswers(content: string): { url: string; body: string }[] {
  return content.split('\n').flatMap((line) => {
    const match = /^(https:\S+) -> [\d.]+: (.*)$/.exec(line)
    return match === null ? [] : [{ url: match[1] as string, body: match[2] as string }]
  })
}

function frames(content: string): RecordedFrame[] {
  return content.split('\n').flatMap((line) => {
    const match = /^([\d.]+): (.*)$/.exec(line)
    if (match === null) return []
    return [{ received: Math.round(Number(match[1]) * 1e6), bytes: Buffer.from(match[2] as string, 'utf8') }]
  })
}
