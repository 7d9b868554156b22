import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fits } from './tools.ts'

const root = resolve(import.meta.dirname, '..')

const versions: [string, string, boolean][] = [
  ['2.15.2', '2.15.2', true],
  ['2.15.3', '2.15.2', true],
  ['2.16.0', '2.15.2', true],
  ['2.15.1', '2.15.2', false],
  ['2.9.30', '2.15.2', false],
  ['3.0.0', '2.15.2', false],
  ['1.99.9', '2.15.2', false],
]
test.each(versions)('a program of version %s fits where %s is pinned: %s', (found, pinned, expected) => {
  expect(fits(found, pinned)).toBe(expected)
})

/** What `tool('nats-server')` gives where the PATH holds these programs, each a shell script, and the cache nothing. */
function ask(programs: Record<string, string>): { path: string; error: string } {
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-tools-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  symlinkSync(process.execPath, join(dir, 'node'))
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(dir, name), 0o755)
  }
  const code = `import { tool } from './hack/tools.ts'; console.log(await tool('nats-server'))`
  const env = { PATH: dir, XDG_CACHE_HOME: join(dir, 'cache') }
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, env })
  return { path: stdout.toString().trim().replace(dir, ''), error: stderr.toString() }
}

test('a program on the PATH is taken where its version fits', () => {
  expect(ask({ 'nats-server': 'echo nats-server: v2.99.0' }).path).toBe('/nats-server')
})

test('where there is neither a program that fits nor Go, one sentence says what to install', () => {
  const { path, error } = ask({ 'nats-server': 'echo nats-server: v2.1.0' })
  expect(path).toBe('')
  expect(error).toMatch(/ToolMissing: nats-server: install nats-server \d+\.\d+\.\d+ or newer, or Go/)
})

test('what Go builds is kept, whole, and found again without Go', () => {
  const go = 'case $1 in version) echo go;; build) while [ "$1" != -o ]; do shift; done; echo built > "$2";; esac'
  const { path, error } = ask({ go })
  expect(path).toMatch(/^\/cache\/marketprism\/tools\/nats-server-\d+\.\d+\.\d+-[0-9a-f]{12}\/nats-server$/)
  expect(error).toMatch(/Building nats-server/)
})

test('a build that fails says so and leaves nothing behind that looks like a program', () => {
  const { path, error } = ask({ go: 'case $1 in version) echo go;; build) echo no such package >&2; exit 1;; esac' })
  expect(path).toBe('')
  expect(error).toMatch(/no such package/)
  expect(error).toMatch(/failed with exit code 1/)
})
