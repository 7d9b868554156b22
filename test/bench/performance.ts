// docs/performance.md: what was measured, by what a user asks. Written from results.json, never by hand.
import { writeFile } from 'node:fs/promises'
import { aim, measured } from './page.ts'
import type { Goal, Results } from './results.ts'
import { GOALS } from './suite.ts'

export const PERFORMANCE_PAGE = new URL('../../docs/performance.md', import.meta.url)

interface Question {
  readonly title: string
  /** For people who have to decide something by it. */
  readonly says: string
  /** Beginnings of ids, up to a point. */
  readonly ids: readonly string[]
}

/** Every figure is an answer to one of these. */
export const QUESTIONS: readonly Question[] = [
  {
    title: 'How much does one pod take?',
    says: `One process is one event loop: a core is all that it can use, and more shards use more cores. The ratios say how a
frame becomes a message, compared with \`JSON.parse\` of the frame alone, which hardly any other collector gets below.`,
    ids: ['decode', 'publish', 'audit'],
  },
  {
    title: 'How late is the data?',
    says: 'From the read at the socket; what the network and the exchange add comes on top.',
    ids: ['latency', 'connect'],
  },
  {
    title: 'How much memory?',
    says: `Books are most of it: 1,000 levels a side take about half a megabyte, the spool what \`spec.spool\` says. Take
the figure and \`spec.spool.bytesMax\` together for \`spec.resources.limits.memory\`.`,
    ids: ['memory'],
  },
  {
    title: 'What does the operator cost?',
    says: 'With a thousand Collectors. A settled cluster sees no write but renewals of the Lease.',
    ids: ['operator'],
  },
  {
    title: 'What is lost when something breaks, and for how long?',
    says: 'Measured in a cluster, by `npm run e2e`, with the ledger of the exchange and the stream as witnesses.',
    ids: ['rollout', 'heal'],
  },
  {
    title: 'Is monitoring right?',
    says: `\`proof\`: each rule fires and keeps silent as it must, each panel shows data, each metric moves. \`faults\`: faults injected
into running parts, seen by a real Prometheus. \`noise\`: false alarms over simulated months. See [testing](testing.md).`,
    ids: ['proof', 'faults', 'noise'],
  },
  {
    title: 'Is it correct?',
    says: `Recorded sessions read by us and by others agree, and random days with every fault come out right; see
[how we compare](peers.md).`,
    ids: ['agree', 'days'],
  },
]

/** Figures that answer a question. */
export function answersTo({ ids }: Question): readonly Goal[] {
  return GOALS.filter(({ id }) => ids.some((begin) => id === begin || id.startsWith(`${begin}.`)))
}

/** The page for these results. */
export function performancePage(results: Results): string {
  return `# Performance

Written by \`npm run bench\` from \`test/bench/results.json\`, by hand in nothing. Bold: short of what we want to reach. The same
figures with how each came about, and beside those of other collectors: [how we compare](peers.md).

Measured on ${machinesOf(results)}. Ratios travel from machine to machine; times and sizes do so within limits: measure
yours with \`npm run bench\`, on a machine that does nothing else.

${QUESTIONS.map((question) => section(question, results)).join('\n')}`
}

export async function writePerformance(results: Results): Promise<void> {
  await writeFile(PERFORMANCE_PAGE, performancePage(results))
}

function section(question: Question, results: Results): string {
  const rows = answersTo(question).map((goal) => {
    const result = results[goal.id]
    const value = result === undefined ? 'not measured' : measured(goal, result)
    return `| \`${goal.id}\` | ${goal.what} | ${value} | ${aim(goal)} |`
  })
  return `## ${question.title}

${question.says}

| id | what | measured | reach |
|---|---|---|---|
${rows.join('\n')}
`
}

function machinesOf(results: Results): string {
  const all = Object.values(results).flatMap(({ detail }) =>
    typeof detail['machine'] === 'string' ? detail['machine'] : [],
  )
  return [...new Set(all)].join(' and ')
}
