// What is wrong with a sink now: one sentence for `status`, and a log that says it once and not ten thousand times.
import type { Logger } from 'pino'

export type Log = Pick<Logger, 'info' | 'warn'>

/** The same trouble is logged at most this often. */
const LOG_EVERY_MS = 60_000

export class Trouble {
  /** What is wrong and what to do; undefined when all is well. */
  problem: string | undefined = undefined

  readonly #sink: string
  readonly #log: Log
  readonly #nowMs: () => number
  #loggedMs = Number.NEGATIVE_INFINITY
  #silent = 0
  #told = false
  #mentionedMs = Number.NEGATIVE_INFINITY
  #unmentioned = 0

  constructor(sink: string, log: Log, nowMs: () => number) {
    this.#sink = sink
    this.#log = log
    this.#nowMs = nowMs
  }

  /** Something is wrong, or still is. */
  complain(problem: string): void {
    this.problem = problem
    const nowMs = this.#nowMs()
    if (nowMs - this.#loggedMs < LOG_EVERY_MS) {
      this.#silent += 1
      return
    }
    this.#log.warn({ sink: this.#sink, problem, silent: this.#silent }, 'the sink has a problem; messages wait')
    this.#loggedMs = nowMs
    this.#silent = 0
    this.#told = true
  }

  /** Something happened that is over already, such as a message that was given up; logged as seldom as the trouble. */
  mention(event: string): void {
    const nowMs = this.#nowMs()
    if (nowMs - this.#mentionedMs < LOG_EVERY_MS) {
      this.#unmentioned += 1
      return
    }
    this.#log.warn({ sink: this.#sink, event, silent: this.#unmentioned }, 'the sink gave up a message')
    this.#mentionedMs = nowMs
    this.#unmentioned = 0
  }

  /** All is well again. */
  recover(): void {
    if (this.problem === undefined) return
    this.problem = undefined
    if (!this.#told) return
    this.#told = false
    this.#log.info({ sink: this.#sink }, 'the sink works again')
  }
}
