// Is a hole announced? By its numbers where a gap gives them, else by its times.
import type { Gap } from '../../market/messages.ts'
import { cut, type Hole, type Span } from './coverage.ts'
import type { Order } from './order.ts'

/** Returns what says of a hole which parts of it none of these gaps announces. */
export function judge(gaps: readonly Gap[], order: Order): (hole: Hole) => Hole[] {
  const isAnnouncedAt = ({ from, to }: Hole, some: readonly Gap[]) =>
    some.some((gap) => gap.from <= to && gap.to >= from)
  const numbered = gaps.map((gap) => order.announced(gap))
  const byTime = gaps.filter((_, i) => numbered[i] === undefined)
  const byNumber = union(numbered.filter((span) => span !== undefined))
  return (hole) => {
    if (hole.isRestart === true) return isAnnouncedAt(hole, gaps) ? [] : [hole]
    return without(hole, byNumber).filter((piece) => !isAnnouncedAt(piece, byTime))
  }
}

/** The same numbers in spans that are sorted and apart from each other. */
function union(spans: readonly Span[]): Span[] {
  const out: Span[] = []
  for (const span of spans.toSorted((a, b) => a.after - b.after)) {
    const last = out.at(-1)
    if (last === undefined || span.after > last.until) out.push(span)
    else out[out.length - 1] = { after: last.after, until: Math.max(last.until, span.until) }
  }
  return out
}

/** What is left of a hole outside of spans that are sorted and apart. */
function without(hole: Hole, spans: readonly Span[]): Hole[] {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((spans[middle] as Span).until <= hole.after) low = middle + 1
    else high = middle
  }
  let left = [hole]
  for (let i = low; i < spans.length && (spans[i] as Span).after < hole.until; i++) {
    const { after, until } = spans[i] as Span
    left = left.flatMap((piece) => cut(piece, after, until))
  }
  return left
}
