import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

/** Runs `npm test` on files of our own, in a folder that has (or has not) a `../shared` beside it. */
function npmTest(files: Record<string, string>, { args = [] as string[], shared = false, ci = 'false' } = {}) {
  const outside = realpathSync(mkdtempSync(join(tmpdir(), 'tests-')))
  onTestFinished(() => rmSync(outside, { recursive: true }))
  const root = join(outside, 'clone')
  mkdirSync(root)
  if (shared) mkdirSync(join(outside, 'shared'))
  symlinkSync(resolve(import.meta.dirname, '../node_modules'), join(root, 'node_modules'))
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(root, `${name}.test.ts`), `import { beforeAll, describe, expect, test } from 'vitest'\n${text}`)
  }
  const script = [resolve(import.meta.dirname, 'test.ts'), '--root', root, ...args]
  const env = { ...process.env, CI: ci, NO_COLOR: '1' }
  const { status, stdout, stderr } = spawnSync(process.execPath, script, { env, encoding: 'utf8' })
  return { status, lines: stdout.trimEnd().split('\n'), stderr }
}

const GOOD = "test('one is one', () => { console.log('all is well'); expect(1).toBe(1) })"
const SKIPPED = "test('needs a server', (context) => context.skip('nats-server is not installed'))"

test('what passes takes one line a file, and the run ends in the plain closing line', () => {
  const { status, lines, stderr } = npmTest({ good: GOOD, other: GOOD })
  expect(status).toBe(0)
  expect(lines).toContainEqual(expect.stringMatching(/^✓ good\.test\.ts {2}1 test, \d+\.\d s$/))
  expect(lines.at(-1)).toBe('2 passed, 0 failed, 0 skipped')
  expect(stderr).toBe('')
})

test('every way to fail is counted and shown in full, with what the test had logged', () => {
  const { status, lines, stderr } = npmTest({
    wrong: "test('two', () => { console.log('I was here'); expect({ a: 1 }).toEqual({ a: 2 }) })",
    hook: "describe('room', () => { beforeAll(() => { throw new Error('no room') }); test('idle', () => {}) })",
    nothing: "test('leaks', async () => { void Promise.reject(undefined); await new Promise(setImmediate) })",
    unloadable: "import './nowhere.ts'",
    stray: "test('leaks', async () => { void Promise.reject(new Error('stray')); await new Promise(setImmediate) })",
  })
  expect(status).toBe(1)
  expect(lines.at(-1)).toBe('2 passed, 5 failed, 1 skipped')
  expect(lines).toContain('failed wrong.test.ts > two: expected { a: 1 } to deeply equal { a: 2 }')
  for (const shown of [
    'FAILED wrong.test.ts > two',
    '+   "a": 1',
    'I was here',
    'no room',
    'nowhere.ts',
    'Error: stray',
  ]) {
    expect(stderr).toContain(shown)
  }
})

test('a skip is named with its reason, and fails the run only where nothing can be missing', () => {
  const laptop = npmTest({ good: GOOD, skipped: SKIPPED })
  expect(laptop.status).toBe(0)
  expect(laptop.lines).toContain('skipped skipped.test.ts > needs a server: nats-server is not installed')
  expect(laptop.lines.at(-1)).toBe('1 passed, 0 failed, 1 skipped')
  expect(npmTest({ skipped: SKIPPED }, { ci: 'true' }).status).toBe(0)
  const complete = npmTest({ skipped: SKIPPED }, { ci: 'true', shared: true })
  expect(complete.status).toBe(1)
  expect(complete.lines.at(-1)).toBe('0 passed, 0 failed, 1 skipped')
})

test('tests that were not asked for are not called skipped', () => {
  const { status, lines } = npmTest({ good: GOOD, skipped: SKIPPED }, { args: ['-t', 'one is one'] })
  expect(status).toBe(0)
  expect(lines.at(-1)).toBe('1 passed, 0 failed, 0 skipped')
})
