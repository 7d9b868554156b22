// Faults on command: what they are (one schema for the API, HTTP and the command line) and which of them takes a given
// frame, connection or request. What a fault then does is in line.ts (frames), host.ts (connections, REST).
import * as z from 'zod'
import { MARKETS } from '../../crds/names.ts'
import type { Clock } from './clock.ts'
import type { Random } from './random.ts'

const target = {
  market: z.enum(MARKETS).optional().describe('only this market'),
  probability: z.number().gt(0).max(1).optional().describe('how likely it takes one; always by default'),
  next: z.int().positive().max(1e9).optional().describe('ends after it took so many'),
  seconds: z.number().positive().max(1e6).optional().describe('ends after this time'),
}
const stream = z.string().min(1).max(256).default('*').describe('streams, with * for any text, e.g. `*@depth*`')
const symbol = z.string().min(1).max(64).default('*').describe("the venue's symbols, with * for any text")
const closeCode = z
  .int()
  .refine(
    (code) => (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005) || (code >= 3000 && code <= 4999),
    {
      error: 'a close code that can be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999, or 1006 to cut the connection',
    },
  )
const of = z.enum(['trade', 'orderbook']).describe('which numbering')

export const faultSpec = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('drop'), ...target, stream }),
  z.strictObject({ kind: z.literal('duplicate'), ...target, stream }),
  z
    .strictObject({ kind: z.literal('reorder'), ...target, stream })
    .describe('a frame changes places with the next one'),
  z
    .strictObject({ kind: z.literal('corrupt'), ...target, stream, bytes: z.int().min(1).max(1_000).default(1) })
    .describe('characters are replaced; the frame may still be JSON'),
  z.strictObject({ kind: z.literal('truncate'), ...target, stream }).describe('the end of the frame is missing'),
  z
    .strictObject({ kind: z.literal('delay'), ...target, stream, ms: z.number().positive().max(3_600_000) })
    .describe('frames come later, in order'),
  z
    .strictObject({ kind: z.literal('stall'), ...target, stream, pongs: z.boolean().default(true) })
    .describe('connections that carry the stream now fall silent and stay open; `pongs: false` also answers no ping'),
  z
    .strictObject({ kind: z.literal('close'), ...target, stream, code: closeCode.default(1006) })
    .describe(
      'connections that carry the stream are closed, now, or as frames come when it has `probability` or `next`',
    ),
  z
    .strictObject({ kind: z.literal('inject'), market: target.market, stream, text: z.string().max(1_000_000) })
    .extend({ repeat: z.int().min(1).max(1e8).default(1), binary: z.boolean().default(false) })
    .describe('a frame of our own on each connection that carries the stream'),
  z
    .strictObject({ kind: z.literal('refuse'), ...target, status: z.int().min(400).max(599).optional() })
    .describe('new connections are answered with the status, or reset'),
  z
    .strictObject({ kind: z.literal('rest'), ...target, path: z.string().max(256).default('*') })
    .extend({
      status: z.int().min(400).max(599).optional(),
      retryAfterSeconds: z.int().nonnegative().max(1e6).optional(),
      delayMs: z.number().positive().max(3_600_000).optional().describe('the answer is made now and sent later'),
      hang: z.boolean().default(false).describe('no answer at all'),
    })
    .describe('REST fails, is late, or hangs'),
  z
    .strictObject({ kind: z.literal('sequence_gap'), market: target.market, symbol, of })
    .extend({ count: z.int().min(1).max(1_000_000).default(1) })
    .describe('changes of a book that reach nobody, trade ids that nobody gets'),
  z
    .strictObject({ kind: z.literal('sequence_restart'), market: target.market, symbol, of })
    .describe('numbering begins anew'),
  z
    .strictObject({ kind: z.literal('clock_skew'), market: target.market, seconds: target.seconds })
    .extend({ ms: z.number().min(-1e9).max(1e9) })
    .describe("the venue's clock is ahead by so much"),
])

/** A fault as it is asked for. */
export type FaultSpec = z.input<typeof faultSpec>
export type Fault = z.output<typeof faultSpec>
export type FaultKind = Fault['kind']

/** A fault at work. */
export interface ActiveFault {
  readonly id: number
  readonly spec: Fault
  taken: number
  over: boolean
}

type Of<K extends FaultKind> = Extract<Fault, { kind: K }>
type Active<K extends FaultKind> = ActiveFault & { readonly spec: Of<K> }

const ACTIVE_MAX = 1_000

/** Over as soon as it has begun. */
function isInstant(fault: Fault): boolean {
  if (fault.kind === 'close') {
    return fault.next === undefined && fault.probability === undefined && fault.seconds === undefined
  }
  return fault.kind === 'sequence_gap' || fault.kind === 'sequence_restart' || fault.kind === 'inject'
}

export class Faults {
  readonly #clock: Clock
  readonly #chance: Random
  readonly #active: ActiveFault[] = []
  readonly #patterns = new Map<string, RegExp>()
  readonly #begin: (fault: ActiveFault) => void
  readonly #end: (fault: ActiveFault) => void
  #count = 0

  /** `begin` and `end` do what a fault does at once, when it is asked for and when it is over. */
  constructor(clock: Clock, chance: Random, begin: (fault: ActiveFault) => void, end: (fault: ActiveFault) => void) {
    this.#clock = clock
    this.#chance = chance
    this.#begin = begin
    this.#end = end
  }

  /**
   * Switches a fault on.
   * @returns its id, for {@link clear}
   * @throws ZodError when the specification is wrong; Error when too many are at work
   */
  add(spec: FaultSpec): number {
    const parsed = faultSpec.parse(spec)
    if (this.#active.length >= ACTIVE_MAX) throw new Error(`${ACTIVE_MAX} faults are at work; clear some first`)
    const fault: ActiveFault = { id: ++this.#count, spec: parsed, taken: 0, over: false }
    this.#active.push(fault)
    if ('seconds' in parsed && parsed.seconds !== undefined) {
      this.#clock.after(parsed.seconds * 1_000, () => this.#finish(fault))
    }
    this.#begin(fault)
    if (isInstant(parsed)) this.#finish(fault)
    return fault.id
  }

  /** Ends one fault, or all. */
  clear(id?: number): void {
    for (const fault of this.#active.filter((f) => id === undefined || f.id === id)) this.#finish(fault)
  }

  list(): { id: number; spec: Fault; taken: number }[] {
    return this.#active.map(({ id, spec, taken }) => ({ id, spec, taken }))
  }

  /** The first fault of these kinds that takes this one; a fault that takes its last one is over. */
  take<K extends FaultKind>(kinds: readonly K[], market: string, name: string): Active<K> | undefined {
    if (this.#active.length === 0) return undefined
    const fault = this.#active.find(
      (f) => (kinds as readonly string[]).includes(f.spec.kind) && this.#takes(f, market, name),
    )
    if (fault === undefined) return undefined
    fault.taken++
    if ('next' in fault.spec && fault.spec.next === fault.taken) this.#finish(fault)
    return fault as Active<K>
  }

  /** True where a pattern with * for any text fits the name. */
  fits(pattern: string, name: string): boolean {
    if (pattern === '*' || pattern === name) return true
    let expression = this.#patterns.get(pattern)
    if (expression === undefined) {
      const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      expression = new RegExp(`^${parts.join('.*')}$`, 'su')
      if (this.#patterns.size >= ACTIVE_MAX) this.#patterns.clear()
      this.#patterns.set(pattern, expression)
    }
    return expression.test(name)
  }

  #takes({ spec }: ActiveFault, market: string, name: string): boolean {
    if (spec.market !== undefined && spec.market !== market) return false
    const pattern = 'stream' in spec ? spec.stream : 'path' in spec ? spec.path : '*'
    if (!this.fits(pattern, name)) return false
    const probability = 'probability' in spec ? (spec.probability ?? 1) : 1
    return probability === 1 || this.#chance.chance(probability)
  }

  #finish(fault: ActiveFault): void {
    if (fault.over) return
    fault.over = true
    this.#active.splice(this.#active.indexOf(fault), 1)
    this.#end(fault)
  }
}
