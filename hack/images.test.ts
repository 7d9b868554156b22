import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

/** Runs `npm run images -- …` where docker answers as the lines of this `case` say; what it was asked is kept. */
function images(args: readonly string[], cases: string): { code: number | null; err: string; asked: string } {
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-images-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  symlinkSync(process.execPath, join(dir, 'node'))
  const docker = `#!/bin/sh\necho "$*" >>"${dir}/asked"\ncase "$*" in ${cases} *) echo 28;; esac\n`
  writeFileSync(join(dir, 'docker'), docker)
  chmodSync(join(dir, 'docker'), 0o755)
  const env = { PATH: dir, HOME: dir }
  const file = resolve(import.meta.dirname, 'run.mjs')
  const { status, stderr } = spawnSync(process.execPath, [file, 'hack/images.ts', ...args], { env })
  return { code: status, err: stderr.toString(), asked: readFileSync(join(dir, 'asked'), 'utf8') }
}

const CLASSIC = `info*DriverStatus*) echo '[["Backing Filesystem","extfs"]]';;`
const CONTAINERD = `info*DriverStatus*) echo '[["driver-type","io.containerd.snapshotter.v1"]]';;`
const BASE = `'image inspect --format {{json .RepoDigests}}'*) echo '["node@sha256:abc"]';;`

test('attestations that nobody would make or keep are refused before anything is built', () => {
  const without = images(['--attest'], `'buildx version') exit 1;; ${BASE}`)
  expect(without).toMatchObject({ code: 1, err: expect.stringMatching(/^--attest needs buildx: install .*\n$/) })
  const classic = images(['--attest'], `${CLASSIC} ${BASE}`)
  expect(classic).toMatchObject({ code: 1, err: expect.stringMatching(/containerd image store.*turn it on .*\n$/) })
  expect(without.asked + classic.asked).not.toMatch(/^(?:buildx )?build /m)
})

test('with buildx and an engine that keeps them, both attestations are asked for, over a base by its digest', () => {
  const { code, asked } = images(['--attest', '--only', 'collector'], `${CONTAINERD} ${BASE}`)
  expect(code).toBe(0)
  const build = asked.split('\n').find((line) => line.startsWith('buildx build ')) ?? ''
  expect(build).toContain('--sbom=true --provenance=mode=max')
  expect(build).toContain('rewrite-timestamp=true')
  expect(build).toContain('BASE=node:26-bookworm-slim@sha256:abc')
  expect(build).toContain('base.digest=sha256:abc')
})

test('without buildx the images are built all the same', () => {
  const { code, asked } = images(['--only', 'operator'], `'buildx version') exit 1;; ${BASE}`)
  expect(code).toBe(0)
  expect(asked).toMatch(/^build --file hack\/Dockerfile .*--target operator/m)
})
