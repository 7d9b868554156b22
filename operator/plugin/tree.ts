// A Collector as a tree for people. Pure.
//
// Always: what came from a pod or from the API server is made printable; no line is wider than the terminal, what does
// not fit goes on below; lists are bounded, and say how much is left out.
import { printable } from '../../collector/terminal/escape.ts'
import { bytes, count, span } from '../../collector/terminal/format.ts'
import { paint, type Piece, type Style } from '../../collector/terminal/paint.ts'
import type { CollectorView, PodView, ShardView } from './view.ts'

export interface TreeOptions {
  readonly nowMs: number
  readonly columns: number
  readonly color: boolean
}

interface Branch {
  readonly line: readonly Piece[]
  readonly below?: readonly Branch[]
}

/** Narrower than this no line is broken. */
const ROOM_MIN = 20
const STALE_MAX = 5
const REASONS_MAX = 3
/** What the manifest asks for is no trouble. */
const CHOSEN = new Set(['ShardsDerived', 'Disabled'])
const GOOD_WHEN: Readonly<Record<string, string>> = { Progressing: 'False', Degraded: 'False' }

/** The tree, each line ended. */
export function treeOf(view: CollectorView, { nowMs, columns, color }: TreeOptions): string {
  const lines = [...drawn(collectorBranch(view, nowMs), '', '', columns)]
  return lines.map((line) => `${paint(line, columns, color)}\n`).join('')
}

function* drawn({ line, below = [] }: Branch, first: string, rest: string, columns: number): Generator<Piece[]> {
  const under = `${rest}${below.length > 0 ? '│  ' : '   '}`
  const room = Math.max(ROOM_MIN, columns - under.length)
  for (const [i, part] of wrapped(line, room).entries()) {
    const prefix = i === 0 ? first : under
    yield prefix === '' ? part : [[prefix, 'dim'], ...part]
  }
  for (const [i, branch] of below.entries()) {
    const isLast = i === below.length - 1
    yield* drawn(branch, `${rest}${isLast ? '└─ ' : '├─ '}`, `${rest}${isLast ? '   ' : '│  '}`, columns)
  }
}

/** Lines of at most so many characters, broken between words; a word that is longer stays whole. */
function wrapped(line: readonly Piece[], room: number): Piece[][] {
  const lines: Piece[][] = [[]]
  let used = 0
  for (const piece of line) {
    const [text, style] = typeof piece === 'string' ? [piece, undefined] : piece
    for (const word of text.split(/(?<= )(?=[^ ])/)) {
      if (used > 0 && used + word.trimEnd().length > room) {
        lines.push([])
        used = 0
      }
      lines.at(-1)?.push([word, style])
      used += word.length
    }
  }
  return lines
}

function collectorBranch(view: CollectorView, nowMs: number): Branch {
  const { name, namespace, createdMs, generation, observedGeneration, paused } = view
  const age = createdMs === undefined ? '' : `, ${ago(createdMs, nowMs)} old`
  const isSeen = observedGeneration === generation
  const seen =
    observedGeneration === undefined ? 'not seen by an operator yet' : `generation ${observedGeneration} seen`
  return {
    line: [
      [`Collector ${printable(`${namespace}/${name}`)}`, 'bold'],
      `   generation ${generation}${age}`,
      ...(isSeen ? [] : [[`   ${seen}`, 'yellow'] as const]),
      ...(paused ? [['   paused', 'yellow'] as const] : []),
      ...(view.ending ? [['   being deleted', 'yellow'] as const] : []),
    ],
    below: [
      ...conditionBranches(view, nowMs),
      channelsBranch(view),
      ...view.shards.map((shard) => shardBranch(shard, nowMs)),
      healingBranch(view, nowMs),
      gapBranch(view, nowMs),
    ],
  }
}

function conditionBranches({ conditions }: CollectorView, nowMs: number): Branch[] {
  if (conditions.length === 0) return [{ line: [['no conditions yet; does an operator run?', 'yellow']] }]
  const width = Math.max(...conditions.map(({ type }) => type.length))
  return conditions.map(({ type, status, reason, message, lastTransitionTime }) => {
    const isGood = status === (GOOD_WHEN[type] ?? 'True') || CHOSEN.has(reason)
    const style: Style | undefined = isGood ? 'green' : /^(?:Ready|Degraded)$/.test(type) ? 'red' : 'yellow'
    return {
      line: [
        `${printable(type, 63).padEnd(width)}  `,
        [status.padEnd(7), style],
        ` ${printable(reason, 128)}, for ${ago(Date.parse(lastTransitionTime), nowMs)}`,
        ...(isGood ? [] : [`: ${printable(message, 300)}`]),
      ],
    }
  })
}

function channelsBranch({ channels, known }: CollectorView): Branch {
  if (channels === undefined) {
    const last = known === undefined ? '' : `; the operator last knew of ${known.live} of ${known.total} live`
    return { line: ['channels  ', [`no pod answers${last}`, 'yellow']] }
  }
  const states = (['live', 'quiet', 'stale', 'down', 'impossible'] as const).filter((state) => channels[state] > 0)
  const styles: Partial<Record<string, Style>> = { live: 'green', stale: 'yellow', down: 'red' }
  return {
    line: [
      `channels  ${count(channels.total)}`,
      ...states.flatMap((state, i): Piece[] => [
        i === 0 ? ': ' : ', ',
        [`${count(channels[state])} ${state}`, styles[state]],
      ]),
    ],
  }
}

function shardBranch({ name, ready, channels, reason, rolling, pods }: ShardView, nowMs: number): Branch {
  const why = reason === undefined ? '' : `: ${printable(reason, 256)}`
  return {
    line: [
      `shard ${printable(name, 63)}  `,
      ready ? ['ready', 'green'] : [`not ready${why}`, 'red'],
      `   ${channels} named`,
      ...(rolling.length === 0
        ? []
        : [[`   rolling out ${rolling.map((one) => printable(one, 63)).join(', ')}`, 'yellow'] as const]),
    ],
    below: pods.length === 0 ? [{ line: [['no pod', 'yellow']] }] : pods.map((pod) => podBranch(pod, nowMs)),
  }
}

function podBranch(pod: PodView, nowMs: number): Branch {
  const { name, ready, ending, phase, node, restarts, startedMs, trouble, error, summary } = pod
  const state = ending ? 'ending' : ready ? 'ready' : phase === 'Running' ? 'not ready' : phase
  const places = [
    ...(node === undefined ? [] : [`on ${printable(node, 63)}`]),
    ...(startedMs === undefined ? [] : [`for ${ago(startedMs, nowMs)}`]),
    ...(restarts === 0 ? [] : [`${restarts} restart${restarts === 1 ? '' : 's'}`]),
  ]
  return {
    line: [
      `pod ${printable(name, 253)}  `,
      [printable(state, 20), ready && !ending ? 'green' : 'yellow'],
      ...(places.length === 0 ? [] : [`  ${places.join(', ')}`]),
    ],
    below: [
      ...(trouble === undefined ? [] : [red(printable(trouble, 300))]),
      ...(error === undefined ? [] : [red(`does not answer: ${printable(error, 300)}`)]),
      ...(summary === undefined ? [] : summaryBranches(summary, nowMs)),
    ],
  }
}

function red(text: string): Branch {
  return { line: [[text, 'red']] }
}

function summaryBranches(summary: NonNullable<PodView['summary']>, nowMs: number): Branch[] {
  const { channels, sink, spool, gaps, stale, notReady } = summary
  const full = spool.bytesMax === 0 ? 0 : Math.round((100 * spool.bytesUsed) / spool.bytesMax)
  const problem = sink.problem === undefined ? '' : `: ${printable(sink.problem, 200)}`
  const shown = stale.slice(0, STALE_MAX)
  const hidden = channels.stale + channels.down - shown.length
  return [
    {
      line: [
        `${count(channels.live + channels.quiet)} of ${count(channels.total)} live or quiet, `,
        `${printable(sink.kind, 20)} `,
        sink.connected ? ['connected', 'green'] : [`away${problem}`, 'red'],
        `, spool ${full} % of ${bytes(spool.bytesMax)}, ${count(gaps)} gap${gaps === 1 ? '' : 's'}`,
      ],
    },
    ...notReady
      .slice(0, REASONS_MAX)
      .map((reason): Branch => ({ line: [['not ready: ', 'yellow'], printable(reason, 200)] })),
    ...shown.map(({ channel, state, since }): Branch => ({
      line: [[`${printable(state, 20)} `, 'yellow'], `${printable(channel, 128)}, for ${ago(since, nowMs)}`],
    })),
    ...(hidden > 0 && shown.length > 0 ? [{ line: [`and ${hidden} more`] }] : []),
  ]
}

function healingBranch({ healing }: CollectorView, nowMs: number): Branch {
  if (healing === undefined) return { line: ['last healing  none'] }
  const { time, shard, publisher, action, reason, outcome, node } = healing
  const what = `${action} ${printable(shard, 63)}-${printable(publisher, 8)}, ${ago(Date.parse(time), nowMs)} ago`
  const where = node === undefined ? '' : `, off ${printable(node, 63)}`
  return {
    line: [`last healing  ${what}: ${printable(reason, 63)}${where}; ${outcome ?? 'not known yet whether it helped'}`],
  }
}

function gapBranch({ gap }: CollectorView, nowMs: number): Branch {
  if (gap === undefined) return { line: ['last gap  none since the pods began'] }
  const { channel, reason, from, to } = gap
  const length = span(Math.max(0, to - from) / 1e6)
  return {
    line: [
      `last gap  ${printable(channel, 128)}, ${ago(to / 1000, nowMs)} ago, ${length} long: ${printable(reason, 63)}`,
    ],
  }
}

function ago(ms: number, nowMs: number): string {
  return Number.isFinite(ms) ? span(Math.max(0, Math.round((nowMs - ms) / 1000))) : 'some time'
}
