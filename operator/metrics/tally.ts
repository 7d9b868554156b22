// Plain counters: numbers that only grow, by the values of their labels.
import type { Distribution } from '../../collector/metrics/catalogue.ts'

/** A count for each combination of label values. */
export interface Tally {
  add(...labels: readonly string[]): void
  /** Counts, each followed by its label values. */
  rows(): [count: number, ...labels: string[]][]
}

/** A tally in which every combination of these values is at 0 from the start: a counter born at 1 is never seen to grow. */
export function tally(...values: readonly (readonly string[])[]): Tally {
  const counts = new Map<string, { readonly labels: readonly string[]; count: number }>()
  const at = (labels: readonly string[]) => {
    const key = labels.join('\n')
    const found = counts.get(key) ?? { labels, count: 0 }
    counts.set(key, found)
    return found
  }
  for (const labels of product(values)) at(labels)
  return {
    add(...labels) {
      at(labels).count += 1
    },
    rows: () => [...counts.values()].map(({ labels, count }) => [count, ...labels]),
  }
}

function product(values: readonly (readonly string[])[]): string[][] {
  return values.reduce<string[][]>(
    (all, each) => all.flatMap((labels) => each.map((value) => [...labels, value])),
    [[]],
  )
}

/** A distribution with bounds of its own. */
export class Histogram implements Distribution {
  readonly bounds: readonly number[]
  readonly #counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  add(value: number): void {
    const i = this.bounds.findIndex((bound) => value <= bound)
    const bin = i === -1 ? this.bounds.length : i
    this.#counts[bin] = (this.#counts[bin] as number) + 1
    this.sum += value
  }

  cumulative(): number[] {
    let all = 0
    return this.#counts.map((count) => (all += count))
  }
}
