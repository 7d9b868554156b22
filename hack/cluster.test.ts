import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

/** Runs `hack/cluster …` where the PATH holds Node, a shell's own tools, and this docker. */
function cluster(args: readonly string[], docker?: string): { code: number | null; out: string; err: string } {
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-cluster-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  symlinkSync(process.execPath, join(dir, 'node'))
  if (docker !== undefined) {
    writeFileSync(join(dir, 'docker'), `#!/bin/sh\n${docker}\n`)
    chmodSync(join(dir, 'docker'), 0o755)
  }
  // hack/cluster itself is found by `dirname`, which is no program of ours.
  const env = { PATH: dir, HOME: dir, XDG_CACHE_HOME: join(dir, 'cache') }
  const file = resolve(import.meta.dirname, 'run.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, 'hack/cluster.ts', ...args], { env })
  return { code: status, out: stdout.toString(), err: stderr.toString() }
}

test('without Docker one sentence says what to install', () => {
  const { code, out, err } = cluster(['up'])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(/^Docker is not installed: install .*\.\n$/)
})

test('a Docker that does not answer is told apart from one that is missing', () => {
  const { code, err } = cluster(['up'], 'case $1 in --version) echo Docker version 29;; *) exit 1;; esac')
  expect(code).toBe(1)
  expect(err).toMatch(/^Docker does not answer: start it .*\.\n$/)
})

test('with Docker, but without kind and Go, one sentence says what to install', () => {
  const { code, err } = cluster(['up'], 'echo 29')
  expect(code).toBe(1)
  expect(err).toMatch(/^kind: install kind \d+\.\d+\.\d+ or newer, or Go .*\.\n$/)
})

test('a word that is no command is answered with those that are', () => {
  expect(cluster(['start'])).toMatchObject({ code: 2, err: expect.stringContaining('hack/cluster up|down|status') })
})

test('hack/cluster is typed as it stands', () => {
  const { status, stdout } = spawnSync(resolve(import.meta.dirname, 'cluster'), ['--help'])
  expect({ status, out: stdout.toString() }).toEqual({ status: 0, out: expect.stringContaining('up|down|status') })
})
