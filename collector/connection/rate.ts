// The requests of one socket in all the windows in which its venue counts them.
import type { Budget } from './gate.ts'
import { SlidingWindow } from './window.ts'

/** What we send evenly may arrive in a bunch; so much longer is each request remembered, ms. */
const BUNCH_MS = 100

interface Counted {
  readonly max: number
  readonly window: SlidingWindow
}

export class Rate {
  readonly #windows: readonly Counted[]

  /** @param reserve places of each window that stay free, for what goes without asking here */
  constructor(budgets: readonly Budget[], reserve: number) {
    this.#windows = budgets.map(({ max, windowMs }) => {
      return { max: Math.max(1, max - reserve), window: new SlidingWindow(windowMs + BUNCH_MS) }
    })
  }

  add(nowMs: number): void {
    for (const { window } of this.#windows) window.add(1, nowMs)
  }

  /**
   * When another request may go, ms since the epoch, `nowMs` when at once; to be asked again then.
   * @param part of each window that may be used
   */
  freeMs(nowMs: number, part = 1): number {
    let atMs = nowMs
    for (const { max, window } of this.#windows) {
      if (window.used(nowMs) >= Math.max(1, Math.floor(max * part))) atMs = Math.max(atMs, window.nextMs)
    }
    return atMs
  }
}
