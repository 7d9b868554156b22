// Where the data of each exchange, market and type comes from: docs/data.md, generated from the rooms' declarations.
import { DATA_TYPES, type DataType } from '../../crds/names.ts'
import type { FrameDeclaration } from '../wire/frame.ts'
import type { IdPart } from '../wire/sources.ts'
import { ROOMS } from './registry.ts'
import type { Listing, Room, TypeOptions, TypeRoom } from './room.ts'

const HEAD = `# Where the data comes from

Generated from the declarations in \`collector/exchanges\` by \`npm run generate\`. For each type: the stream, or the path that
is asked; how often the venue has news; the key of the event time (\`ts\`; where there is none, the venue sends none); what
the message id is made of; and where it is written down, by the list below the table. \`<i>\` stands for the venue's name of
an instrument. Keys are the venue's, \`k.t\` one inside another, numbers the cells of a row; where they are ours instead, the
README of the room beside \`frames.ts\` says of what.

**Units.** Prices are quote for one base; those of options that are settled in coin are coin for one base. Sizes are in base.
Where the venue counts contracts or quote, the size is contracts × what one is worth (exact), or for inverse contracts
figure × value ÷ price, rounded half to even at 12 significant digits; the venue's own figure stands beside it (\`raw_size\`
and the like). What a contract is worth each \`instrument\` message says.
`

/** The page. */
export function dataReference(): string {
  return [HEAD, ...ROOMS.map(section)].join('\n')
}

function section(room: Room): string {
  const evidence = new Set<string>()
  const rows = DATA_TYPES.flatMap((type) => {
    const typeRoom = room.types[type]
    return typeRoom === undefined ? [] : [row(room, type, typeRoom, evidence)]
  })
  return `## ${room.exchange} ${room.market}

The venue counts sizes in ${room.figures}.

| type | source | news | event time | id | evidence |
|---|---|---|---|---|---|
${rows.join('')}
${Array.from(evidence, (text, i) => `${i + 1}. ${text}\n`).join('')}`
}

function optionsOf(type: DataType): TypeOptions {
  if (type === 'kline') return { interval: '1m' }
  return type.startsWith('lsr_') ? { period: '5m' } : {}
}

/** @param evidence what stands below the table; added to */
function row(room: Room, type: DataType, typeRoom: TypeRoom, evidence: Set<string>): string {
  // Of a book what changed says more than a whole one.
  const { frame } = typeRoom.forms.find((form) => !('kind' in form) || form.kind === 'delta') ?? typeRoom.forms[0]
  const own = new Set(typeRoom.forms.map((form) => form.frame.evidence))
  for (const text of own) evidence.add(text)
  const cells = [
    `\`${type}\``,
    sourceOf(room, typeRoom, optionsOf(type)),
    typeRoom.cadence,
    timeOf(frame),
    idOf(frame),
    Array.from(own, (text) => [...evidence].indexOf(text) + 1).join(', '),
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

/** An instrument of nobody, to show streams and paths with. */
function example(host?: string): Listing {
  return {
    symbol: 'BTC-USD',
    venueSymbol: '<i>',
    base: 'BTC',
    quote: 'USD',
    status: 'trading',
    tickSize: undefined,
    lotSize: undefined,
    sizing: { kind: 'base' },
    ...(host === undefined ? {} : { host }),
  }
}

function isOffered(typeRoom: TypeRoom, listing: Listing, options: TypeOptions): boolean {
  return typeRoom.offers?.(listing, options) !== false
}

/** At the main host; then what differs at each of the others that has it. */
function sourceOf(room: Room, typeRoom: TypeRoom, options: TypeOptions): string {
  const listing = example()
  // Some types exist for indices only.
  const shown = isOffered(typeRoom, listing, options) ? listing : { ...listing, family: 'index' }
  const others = Object.entries(room.hosts ?? {}).flatMap(([host, { rest, websocket }]) => {
    if (!isOffered(typeRoom, example(host), options)) return []
    const name = new URL(typeRoom.via === 'rest' ? rest : websocket).host
    return [`, at ${name} ${sourceAt(room, typeRoom, options, example(host))}`]
  })
  return sourceAt(room, typeRoom, options, shown) + others.join('')
}

function sourceAt(room: Room, typeRoom: TypeRoom, options: TypeOptions, listing: Listing): string {
  if (typeRoom.via === 'rest') return `GET \`${plain(typeRoom.query(listing, options).path)}\``
  const { path, name } = typeRoom.stream(listing, options)
  const snapshots = 'snapshots' in typeRoom ? bookSource(room, listing) : ''
  return `\`${plain(path)}\` \`${plain(name)}\`${snapshots}`
}

function plain(text: string): string {
  return text.replaceAll('%3Ci%3E', '<i>')
}

function bookSource({ types: { orderbook } }: Room, listing: Listing): string {
  if (orderbook === undefined || orderbook.snapshots === 'stream') return ', snapshots in it'
  return `, snapshots by GET \`${plain(orderbook.snapshots.query(listing, 400).path)}\``
}

function timeOf({ message }: FrameDeclaration): string {
  const { ts } = message
  return ts !== undefined && 'time' in ts ? `\`${ts.time}\`` : 'none'
}

function idOf({ id, message }: FrameDeclaration): string {
  return id.map((part) => partOf(part, message)).join(' ')
}

function partOf(part: IdPart, message: FrameDeclaration['message']): string {
  if ('constant' in part) return part.constant
  if ('own' in part) {
    const name = Object.entries(message).find(([, source]) => 'own' in source && source.own === part.own)?.[0]
    return name ?? 'ours'
  }
  const [key] = Object.values(part)
  return `\`${String(key)}\``
}
