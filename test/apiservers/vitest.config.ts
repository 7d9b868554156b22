import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/apiservers/everything.api.ts', '{crds,operator,test}/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    retry: 0,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
