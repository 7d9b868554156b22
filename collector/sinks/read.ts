// Reading back what a sink stored: the last message of each series, where several may lie under one subject.
import type { Series } from '../market/channel.ts'
import { intervalOf, type Message, message } from '../market/messages.ts'

/** The message in these bytes; undefined when they are not one of this version's schema. */
export function readMessage(bytes: Uint8Array): Message | undefined {
  try {
    return message.safeParse(JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString())).data
  } catch {
    return undefined
  }
}

/** Whether a message under the subject of a series is of it. */
export function isOf(m: Message, { interval, of }: Series): boolean {
  if (of !== undefined && (m.type !== 'gap' || m.of !== of)) return false
  return interval === undefined || interval === intervalOf(m)
}

/** Finds the last message of each series. A sink shows it what it stored, from the newest back, until none is missing. */
export class LastOf<S extends Series> {
  readonly found = new Map<S, Message>()
  /** Subjects whose newest message is not ours. */
  skipped = 0
  readonly #missing = new Map<string, S[]>()

  constructor(all: readonly S[]) {
    for (const series of all) {
      const known = this.#missing.get(series.subject)
      if (known === undefined) this.#missing.set(series.subject, [series])
      else known.push(series)
    }
  }

  get subjects(): string[] {
    return [...this.#missing.keys()]
  }

  /** Takes the newest message under a subject. */
  takeNewest(subject: string, payload: Uint8Array): void {
    const m = readMessage(payload)
    if (m === undefined) this.skipped += 1
    else this.#take(subject, m)
  }

  /** Takes older ones, the newest first, as far as a series is missing. */
  takeOlder(subject: string, payloads: Iterable<Uint8Array>): void {
    for (const payload of payloads) {
      if (!this.isMissing(subject)) return
      const m = readMessage(payload)
      if (m !== undefined) this.#take(subject, m)
    }
  }

  /** Whether something older may be of a series that is not found. */
  isMissing(subject: string): boolean {
    return this.#missing.get(subject)?.some(({ interval, of }) => interval !== undefined || of !== undefined) === true
  }

  /** Gives up the exact answer where only the newest message can be had: what it says of its time holds for the others, too. */
  settleFor(subject: string, payload: Uint8Array): void {
    const m = readMessage(payload)
    if (m === undefined) return
    for (const series of this.#missing.get(subject) ?? []) if (series.of === undefined) this.found.set(series, m)
    this.#missing.delete(subject)
  }

  #take(subject: string, m: Message): void {
    const missing = this.#missing.get(subject) ?? []
    for (const series of missing) if (isOf(m, series)) this.found.set(series, m)
    this.#missing.set(
      subject,
      missing.filter((series) => !this.found.has(series)),
    )
  }
}
