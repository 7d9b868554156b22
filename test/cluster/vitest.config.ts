import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The files tell one story, in the order of their names. */
class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1))
  }
}

/** Monitoring needs more images, and is asked for by name. */
const include =
  process.env['E2E'] === 'monitoring' ? ['test/cluster/6-monitoring.e2e.ts'] : ['test/cluster/[1-5]-*.e2e.ts']

export default defineConfig({
  test: {
    include,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    sequence: { sequencer: InOrder },
    bail: 1,
    retry: 0,
    hookTimeout: 240_000,
  },
})
