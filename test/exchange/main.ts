// npm run exchange -- [--exchange okx] [--seed 7] [--symbols 20 | A,B] [--rate 2000] [--levels 500] [--host 0.0.0.0] [--port 9000]
//                     [--market spot]… [--json]
//                     [--recording DIR/NAME]… [--speed 10|max] [--start command] [--fault '{kind: drop, next: 3}']… [--duration 15s]
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import * as z from 'zod'
import { MARKETS } from '../../crds/names.ts'
import { startExchange } from './exchange.ts'
import { faultSpec } from './faults.ts'
import { protocols } from './protocols.ts'

const whole = z.coerce.number().int().nonnegative()
const duration = z
  .string()
  .regex(/^\d+(ms|s|m|h)$/u, 'write it like 15s, 2m or 500ms')
  .transform(
    (text) =>
      Number.parseInt(text, 10) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[text.replace(/\d+/u, '') as 's']!,
  )
const arguments_ = z.strictObject({
  exchange: z.enum(Object.keys(protocols) as (keyof typeof protocols)[]).optional(),
  seed: whole.optional(),
  symbols: z.union([whole.max(10_000), z.string().transform((list) => list.split(','))]).optional(),
  rate: z.coerce.number().nonnegative().optional(),
  levels: whole.min(10).max(5_000).optional(),
  recordings: z.array(z.string()).optional(),
  speed: z
    .union([z.literal('max'), z.coerce.number().positive()], 'write max, or how many times faster, e.g. 10')
    .optional(),
  start: z.enum(['subscribed', 'command']).optional(),
  markets: z.array(z.enum(MARKETS)).optional(),
  host: z.string().min(1).optional(),
  port: whole.max(65_534).optional(),
  faults: z.array(z.string().transform((text) => faultSpec.parse(parse(text)))).optional(),
  json: z.boolean().default(false),
  duration: duration.optional(),
})

function read(argv: string[]): z.output<typeof arguments_> {
  const string = { type: 'string' } as const
  const options = {
    exchange: string,
    seed: string,
    symbols: string,
    rate: string,
    levels: string,
    speed: string,
    start: string,
    host: string,
    port: string,
  }
  const list = { ...string, multiple: true } as const
  const lists = { recording: list, fault: list, market: list }
  const { values } = parseArgs({
    args: argv,
    options: { ...options, ...lists, json: { type: 'boolean' }, duration: string },
  })
  const { recording: recordings, fault: faults, market: markets, ...rest } = values
  const several = { ...(recordings && { recordings }), ...(faults && { faults }), ...(markets && { markets }) }
  return arguments_.parse({ ...rest, ...several })
}

async function main(): Promise<void> {
  const { json, duration: durationMs, ...given } = read(process.argv.slice(2))
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const exchange = await startExchange(options)
  const say = (text: string) => process.stdout.write(`${text}\n`)
  if (json) say(JSON.stringify(exchange.urls))
  else
    for (const [market, { websocket, rest }] of Object.entries(exchange.urls)) say(`${market}  ${websocket}  ${rest}`)
  void exchange.finished.then(() => json || say('the recording has been played'))
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve).once('SIGTERM', resolve)
    if (durationMs !== undefined) setTimeout(resolve, durationMs)
  })
  await exchange.close()
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message}\n`)
  process.exitCode = 2
}
