// Recorded sessions of ../shared/recordings, as their README describes them.
//
// They are of other years. Where only a stream's name has changed since, our decoder is given its name of today, as the
// peers are given theirs; and all but data frames (acknowledgements) is left out for everyone.
import { readFile } from 'node:fs/promises'
import type { ExchangeName, Market } from '../../crds/names.ts'
import { roomOf } from '../../collector/exchanges/registry.ts'
import type { Listing, Query } from '../../collector/exchanges/room.ts'
import { Missing } from './missing.ts'

export interface RecordedFrame {
  /** Recorder's clock, µs. */
  readonly received: number
  /** As it was recorded. */
  readonly bytes: Buffer
  readonly listing: Listing
  /** In which it lies. */
  readonly market: Market
  /** The stream, without the instrument: `aggTrade`, `books`, `ticker`. */
  readonly stream: string
  /** What it says: the first element of its data. */
  readonly data: Readonly<Record<string, unknown>>
}

/** Frames of one market of a session. */
export interface Recording {
  readonly session: Session
  readonly market: Market
  readonly frames: readonly RecordedFrame[]
  /** Instruments that frames are of. */
  readonly listings: readonly Listing[]
}

export interface Session {
  readonly exchange: ExchangeName
  /** Of its files, and of cryptofeed's feed. */
  readonly name: string
  /** REST depth answers by venue symbol, as JSON text; empty where the stream sends its snapshots. */
  readonly snapshots: ReadonlyMap<string, string>
  /** Data frames of the WebSocket, in the order of arrival. */
  readonly frames: readonly RecordedFrame[]
  /** The files, for those who read them by themselves. */
  readonly files: readonly string[]
  readonly recordings: readonly Recording[]
  /** A frame as the venue would name its stream today. */
  readonly renamed: (frame: Buffer) => Buffer
}

type Said = Pick<RecordedFrame, 'stream' | 'data'> & { readonly venueSymbol: string }

interface Source {
  readonly exchange: ExchangeName
  readonly name: string
  readonly files: readonly string[]
  readonly markets: readonly Market[]
  /** undefined for what is no data. */
  said(text: string): Said | undefined
  renamed(text: string): string
}

const FOLDER = new URL('../../../shared/recordings/', import.meta.url)

const binance = {
  exchange: 'binance',
  said: (text: string): Said => {
    const { stream, data } = JSON.parse(text) as { stream: string; data: Record<string, unknown> }
    return { stream: stream.slice(stream.indexOf('@') + 1), data, venueSymbol: String(data['s']) }
  },
  renamed: (text: string) => text,
} as const

export const SOURCES: readonly Source[] = [
  {
    ...binance,
    name: 'BINANCE',
    files: ['BINANCE.0', 'BINANCE.http.0.0', 'BINANCE.ws.1.0'],
    markets: ['spot'],
  },
  {
    ...binance,
    name: 'BINANCE_FUTURES',
    files: ['BINANCE_FUTURES.0', 'BINANCE_FUTURES.http.0.0', 'BINANCE_FUTURES.ws.1.0'],
    markets: ['perpetual'],
  },
  {
    exchange: 'okx',
    name: 'OKX',
    files: ['OKX.0', 'OKX.ws.1.0'],
    markets: ['spot', 'perpetual', 'future'],
    said: (text) => {
      const { arg, action, data } = JSON.parse(text) as {
        arg: { channel: string; instId: string }
        action?: string
        data?: [Record<string, unknown>]
      }
      if (data === undefined) return undefined
      return { stream: arg.channel, data: { ...data[0], action }, venueSymbol: arg.instId }
    },
    // Each trade of the recording stands for one match, as those of today's `trades-all` do.
    renamed: (text) => text.replace('"channel":"trades"', '"channel":"trades-all"'),
  },
  {
    exchange: 'deribit',
    name: 'DERIBIT',
    files: ['DERIBIT.0', 'DERIBIT.ws.1.0'],
    markets: ['option'],
    said: (text) => {
      const { params } = JSON.parse(text) as { params?: { channel: string; data: Record<string, unknown> } }
      if (params === undefined) return undefined
      const { channel, data } = params
      return { stream: channel.slice(0, channel.indexOf('.')), data, venueSymbol: String(data['instrument_name']) }
    },
    // Raw streams need a login today.
    renamed: (text) => text.replace('.raw","data":', '.100ms","data":'),
  },
]

/** @throws Missing where the folder is not there. */
export async function recordedSessions(): Promise<Session[]> {
  return Promise.all(SOURCES.map(open))
}

async function open({ exchange, name, files, markets, said, renamed }: Source): Promise<Session> {
  const texts = await Promise.all(files.map(async (file) => text(new URL(file, FOLDER))))
  const answers = texts.flatMap(restAnswers)
  const listed = markets.flatMap((market) =>
    listings(exchange, market, answers).map((listing) => [listing.venueSymbol, { market, listing }] as const),
  )
  const byName = new Map(listed)
  const session = {
    exchange,
    name,
    snapshots: new Map(
      answers
        .filter(({ url }) => url.pathname.endsWith('/depth'))
        .map(({ url, body }) => [url.searchParams.get('symbol') ?? '', body]),
    ),
    frames: frames(texts.at(-1) ?? '').flatMap(({ received, body }): RecordedFrame[] => {
      const one = said(body)
      const of = one && byName.get(one.venueSymbol)
      if (one === undefined) return []
      if (of === undefined) throw new Error(`${name}: ${one.venueSymbol} is not listed`)
      return [{ received, bytes: Buffer.from(body), stream: one.stream, data: one.data, ...of }]
    }),
    files: files.map((file) => decodeURIComponent(new URL(file, FOLDER).pathname)),
    renamed: (bytes: Buffer) => Buffer.from(renamed(bytes.toString())),
    recordings: [] as Recording[],
  }
  for (const market of markets) {
    const own = session.frames.filter((frame) => frame.market === market)
    session.recordings.push({ session, market, frames: own, listings: [...new Set(own.map(({ listing }) => listing))] })
  }
  return session
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

interface RestAnswer {
  readonly url: URL
  readonly body: string
}

/** Instruments of a market in the answers that list some: what lists none is read as none. */
function listings(exchange: ExchangeName, market: Market, answers: readonly RestAnswer[]): Listing[] {
  const instruments = roomOf(exchange, market)?.instruments
  return answers
    .filter(({ url }) => /instruments$|exchangeInfo$/i.test(url.pathname))
    .flatMap(({ body }) => instruments?.read(Buffer.from(body), instruments.queries[0] as Query)?.listings ?? [])
}

function restAnswers(content: string): RestAnswer[] {
  return content.split('\n').flatMap((line) => {
    const match = /^(https:\S+) -> [\d.]+: (.*)$/.exec(line)
    return match === null ? [] : [{ url: new URL(match[1] as string), body: match[2] as string }]
  })
}

function frames(content: string): { received: number; body: string }[] {
  return content.split('\n').flatMap((line) => {
    const match = /^([\d.]+): (.*)$/.exec(line)
    return match === null ? [] : [{ received: Math.round(Number(match[1]) * 1e6), body: match[2] as string }]
  })
}
