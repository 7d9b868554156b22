import { defaultExclude, defineConfig } from 'vitest/config'
import { LongestFirst } from './hack/longest-first.ts'

const rooms = '{crds,collector,operator,hack,test,examples}'

export default defineConfig({
  test: {
    include: [`${rooms}/**/*.test.ts`],
    // Each rule against its own mutants takes as long as all the rest: MUTATIONS=1 npm test -- operator/monitoring.
    exclude: [...defaultExclude, ...(process.env['MUTATIONS'] === undefined ? ['**/mutations.test.ts'] : [])],
    // Processes, not threads: tests send signals, change folders and watch the heap.
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 15_000,
    hookTimeout: 30_000,
    // Real sockets, servers and programs at many times life's pace, on two cores that others use, too: a test that fails
    // there once is tried once more. On a laptop it fails at once.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    coverage: {
      provider: 'v8',
      include: ['{crds,collector,operator,hack}/**/*.{ts,mjs}'],
      exclude: ['**/*.test.ts'],
      // Programs that a test starts count as well: the entry points run nowhere else.
      autoAttachSubprocess: true,
      reportsDirectory: 'reports/coverage',
      reporter: ['text-summary', 'lcovonly', 'html'],
      reportOnFailure: true,
      thresholds: { lines: 85 },
    },
  },
})
