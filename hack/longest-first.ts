// The order of test files: those with the longest time limits begin first, so that none is left alone at the end.
import { readFile } from 'node:fs/promises'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const texts = await Promise.all(sorted.map(({ moduleId }) => readFile(moduleId, 'utf8')))
    const limits = new Map(sorted.map((file, i) => [file, longestLimitMs(texts[i] ?? '')]))
    return sorted.toSorted((one, other) => (limits.get(other) ?? 0) - (limits.get(one) ?? 0))
  }
}

/** The longest time limit that a test file gives a test, ms; 0 where it leaves that to the configuration. */
export function longestLimitMs(text: string): number {
  const limits = [...text.matchAll(/timeout(?:_MS)?[: =]+([\d_]+)/gi)].map(([, ms = '']) =>
    Number(ms.replaceAll('_', '')),
  )
  return Math.max(0, ...limits)
}
