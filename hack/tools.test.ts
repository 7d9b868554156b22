import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fits, pinnedRelease, type ToolName } from './tools.ts'
import { progress } from './tools/gobuild.ts'
import { PROGRAMS } from './tools/programs.ts'

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

test.each(Object.keys(PROGRAMS) as ToolName[])('the go.mod of its group says which release of %s we use', (name) => {
  expect(pinnedRelease(name)).toMatch(/^\d+\.\d+\.\d+$/)
})

test('a release that is numbered apart from its module is the one that the program says', () => {
  expect(pinnedRelease('promtool')).toMatch(/^3\./)
})

const builds: [string, Parameters<typeof progress>, string][] = [
  [
    'little is done: the table says',
    [{ compiled: 3, total: 100, elapsedMs: 60_000 }, 300],
    '3 of 100 packages, about 4 min to go',
  ],
  [
    'much is done: it is measured',
    [{ compiled: 50, total: 100, elapsedMs: 60_000 }, 300],
    '50 of 100 packages, about 60 s to go',
  ],
  [
    'all is compiled: linking',
    [{ compiled: 100, total: 100, elapsedMs: 60_000 }, 300],
    '100 of 100 packages, soon done',
  ],
  ['Go did not say how much', [{ compiled: 7, total: 0, elapsedMs: 100_000 }, 400], '100 s, about 5 min to go'],
]
test.each(builds)('a build says how long it still takes; %s', (_, given, expected) => {
  expect(progress(...given)).toBe(expected)
})

/** What `tool('nats-server')` gives where the PATH holds these programs, each a shell script, and the cache nothing. */
function ask(programs: Record<string, string>, name: ToolName = 'nats-server'): { path: string; error: string } {
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-tools-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  symlinkSync(process.execPath, join(dir, 'node'))
  mkdirSync(join(dir, 'assets'))
  for (const [program, script] of Object.entries(programs)) {
    writeFileSync(join(dir, program), `#!/bin/sh\n${script}\n`)
    chmodSync(join(dir, program), 0o755)
  }
  const code = `import { tool } from './hack/tools.ts'; console.log(await tool('${name}'))`
  const env = { PATH: dir, XDG_CACHE_HOME: join(dir, 'cache'), KUBEBUILDER_ASSETS: join(dir, 'assets') }
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, env })
  return { path: stdout.toString().trim().replace(dir, ''), error: stderr.toString() }
}

test('a program on the PATH is taken where its version fits', () => {
  expect(ask({ 'nats-server': 'echo nats-server: v2.99.0' }).path).toBe('/nats-server')
})

test('what envtest keeps in KUBEBUILDER_ASSETS comes before the PATH, whatever its version', () => {
  const programs = { 'assets/etcd': 'echo etcd Version: 3.5.0', etcd: 'echo etcd Version: 3.99.0' }
  expect(ask(programs, 'etcd').path).toBe('/assets/etcd')
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
