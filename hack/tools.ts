// External programs that tests and demos need: taken from the PATH where the version fits, else built once.
//
// In: the name of a program. Out: the path of its executable. Always: the version that hack/tools/go.mod pins, or a
// newer one of the same major on the PATH; what is built lies in the user's cache, outside the checkout, named by
// version and by the hash of go.sum; two processes never build at the same time. Never: downloads a binary.
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Programs that `tool` knows: the Go package each is built from, its module in go.mod, and how it says its version. */
const TOOLS = {
  'nats-server': {
    package: 'github.com/nats-io/nats-server/v2',
    module: 'github.com/nats-io/nats-server/v2',
    versionArgs: ['--version'],
  },
} as const
export type ToolName = keyof typeof TOOLS

/** The program cannot be had on this machine; the message is one sentence that says what to install. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing'
}

const modulesDir = resolve(import.meta.dirname, 'tools')
const LOCK_TOUCH_MS = 2_000
const LOCK_STALE_MS = 30_000
const LOCK_WAIT_MS_MAX = 900_000
const BUILD_MS_MAX = 900_000

/**
 * Path of the program, built first where that is needed.
 * @throws ToolMissing where it is not on the PATH and cannot be built.
 */
export async function tool(name: ToolName): Promise<string> {
  const version = pinnedVersion(name)
  const installed = await onPath(name, version)
  if (installed !== undefined) return installed
  const built = join(cacheDir(), `${name}-${version}-${sumHash()}`, name)
  if (!existsSync(built)) await build(name, version, built)
  return built
}

/** The version that go.mod asks for, without the `v`. */
function pinnedVersion(name: ToolName): string {
  const text = readFileSync(join(modulesDir, 'go.mod'), 'utf8')
  const line = text.split('\n').find((one) => one.trim().startsWith(`${TOOLS[name].module} v`))
  const version = line === undefined ? undefined : /v(\d+\.\d+\.\d+)/.exec(line)?.[1]
  if (version === undefined)
    throw new Error(`hack/tools/go.mod does not pin ${TOOLS[name].module}; add it with go get.`)
  return version
}

/** Where built programs lie, as the XDG base directory specification has it. */
function cacheDir(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'marketprism', 'tools')
}

function sumHash(): string {
  return createHash('sha256')
    .update(readFileSync(join(modulesDir, 'go.sum')))
    .digest('hex')
    .slice(0, 12)
}

/** The program on the PATH, where its version is the pinned one or a newer one of the same major. */
async function onPath(name: ToolName, pinned: string): Promise<string | undefined> {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(dir, name)
    if (dir === '' || !existsSync(path)) continue
    const found = /(\d+)\.(\d+)\.(\d+)/.exec(await output(path, TOOLS[name].versionArgs))?.[0]
    if (found !== undefined && fits(found, pinned)) return path
  }
  return undefined
}

/** Whether version `found` is of the same major as `pinned` and not older. */
export function fits(found: string, pinned: string): boolean {
  const [major = 0, ...rest] = found.split('.').map(Number)
  const [pinnedMajor = 0, ...pinnedRest] = pinned.split('.').map(Number)
  if (major !== pinnedMajor) return false
  const differs = rest.findIndex((part, i) => part !== pinnedRest[i])
  return differs === -1 || (rest[differs] ?? 0) > (pinnedRest[differs] ?? 0)
}

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((done) => execFile(command, args, { timeout: 10_000 }, (error, out) => done(error ? '' : out)))
}

async function build(name: ToolName, version: string, path: string): Promise<void> {
  if ((await output('go', ['version'])) === '') {
    throw new ToolMissing(`${name}: install ${name} ${version} or newer, or Go (go.dev/dl), from which it is built.`)
  }
  const dir = resolve(path, '..')
  mkdirSync(dir, { recursive: true })
  const unlock = await lock(`${dir}.lock`)
  try {
    if (existsSync(path)) return
    console.error(`Building ${name} ${version} with Go, once; it is kept in ${dir} …`)
    const fresh = `${path}.${process.pid}`
    await goBuild(TOOLS[name].package, fresh)
    // The name appears only when the program is whole, so a build that was killed leaves nothing that looks like one.
    renameSync(fresh, path)
    console.error(`Built ${name} ${version}.`)
  } finally {
    unlock()
  }
}

function goBuild(goPackage: string, out: string): Promise<void> {
  return new Promise((done, fail) => {
    const args = ['build', '-trimpath', '-mod=readonly', '-o', out, goPackage]
    const go = spawn('go', args, { cwd: modulesDir, stdio: ['ignore', 'ignore', 'inherit'], timeout: BUILD_MS_MAX })
    go.once('error', fail)
    go.once('exit', (code) => {
      if (code === 0) return done()
      fail(new ToolMissing(`go ${args.join(' ')} failed with exit code ${code}; its message is above.`))
    })
  })
}

/** Waits until nobody else builds, and gives the function that ends our turn. */
async function lock(path: string): Promise<() => void> {
  const deadline = Date.now() + LOCK_WAIT_MS_MAX
  while (!take(path)) {
    if (Date.now() > deadline) throw new Error(`another process holds ${path}; delete it if nothing is being built.`)
    await pause(200)
  }
  const touch = setInterval(() => utimesSync(path, new Date(), new Date()), LOCK_TOUCH_MS)
  return () => {
    clearInterval(touch)
    rmSync(path, { force: true })
  }
}

/** Takes the lock; one that is no longer touched was left by a process that was killed. */
function take(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs
    if (touched !== undefined && Date.now() - touched > LOCK_STALE_MS) rmSync(path, { force: true })
    return false
  }
}
