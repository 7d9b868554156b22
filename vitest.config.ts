import { defineConfig } from 'vitest/config'

const rooms = '{crds,collector,operator,hack,test,examples}'

export default defineConfig({
  test: {
    include: [`${rooms}/**/*.test.ts`],
    // Processes, not threads: tests send signals, change folders and watch the heap.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 15_000,
    hookTimeout: 30_000,
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
