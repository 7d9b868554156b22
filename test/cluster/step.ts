// A step of the end-to-end tests: a name and a budget. The next ones are not begun when one fails.
import { type TestContext, test } from 'vitest'

/** A step of every run. */
export function step(name: string, seconds: number, act: (context: TestContext) => Promise<void>): void {
  test(name, { timeout: seconds * 1000 }, act)
}

/** A step of whole runs only: left out where E2E=smoke. */
export function wholeStep(name: string, seconds: number, act: (context: TestContext) => Promise<void>): void {
  if (process.env['E2E'] !== 'smoke') step(name, seconds, act)
}
