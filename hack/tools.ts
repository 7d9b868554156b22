// External programs that tests and demos need: taken from the PATH where the version fits, else built once.
//
// In: the name of a program. Out: the path of its executable. Always: the version that the go.mod of its group pins (see
// hack/tools/programs.ts), or a newer one of the same major on the PATH; what is built lies in the user's cache, outside
// the checkout, named by version and by the hash of go.sum; two processes never build at the same time.
// Never: downloads a binary.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { goBuild, spoken } from './tools/gobuild.ts'
import { ASSETS, type Program, PROGRAMS } from './tools/programs.ts'

export type ToolName = keyof typeof PROGRAMS

/** The program cannot be had on this machine; the message is one sentence that says what to install. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing'
}

const modulesDir = resolve(import.meta.dirname, 'tools')
const LOCK_TOUCH_MS = 2_000
const LOCK_STALE_MS = 30_000
const LOCK_WAIT_MS_MAX = 3_600_000

/**
 * Path of the program, built first where that is needed. Where `KUBEBUILDER_ASSETS` names a folder, the programs that
 * envtest keeps there come from it, whatever their version: who sets it means it.
 * @throws ToolMissing where it is not on the PATH and cannot be built.
 */
export function tool(name: ToolName): Promise<string> {
  const path = known.get(name) ?? find(name)
  known.set(name, path)
  return path
}

/** Asking a program for its version takes a second on a busy machine. */
const known = new Map<ToolName, Promise<string>>()

async function find(name: ToolName): Promise<string> {
  const asset = join(process.env.KUBEBUILDER_ASSETS ?? '', name)
  if (process.env.KUBEBUILDER_ASSETS && ASSETS.includes(name) && existsSync(asset)) return asset
  const program: Program = PROGRAMS[name]
  const dir = join(modulesDir, program.group)
  const release = pinnedRelease(name)
  const installed = await onPath(name, program, release)
  if (installed !== undefined) return installed
  const built = join(cacheDir(), `${name}-${release}-${sumHash(dir)}`, name)
  if (!existsSync(built)) await build({ name, program, dir, release, path: built })
  return built
}

/** The release that go.mod asks for, without the `v`. */
export function pinnedRelease(name: ToolName): string {
  const program: Program = PROGRAMS[name]
  const dir = join(modulesDir, program.group)
  const text = readFileSync(join(dir, 'go.mod'), 'utf8')
  const line = text.split('\n').find((one) => one.replace('require ', '').trim().startsWith(`${program.module} v`))
  const version = line === undefined ? undefined : /v(\d+\.\d+\.\d+)/.exec(line.replace(program.module, ''))?.[1]
  if (version === undefined) throw new Error(`${dir}/go.mod does not pin ${program.module}; add it with go get -tool.`)
  return program.release?.(version) ?? version
}

/** Where built programs lie, as the XDG base directory specification has it. */
function cacheDir(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'marketprism', 'tools')
}

function sumHash(dir: string): string {
  return createHash('sha256')
    .update(readFileSync(join(dir, 'go.sum')))
    .digest('hex')
    .slice(0, 12)
}

/** The program on the PATH, where its version is the pinned one or a newer one of the same major. */
async function onPath(name: string, program: Program, pinned: string): Promise<string | undefined> {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(dir, name)
    if (dir === '' || !existsSync(path)) continue
    const found = /(\d+)\.(\d+)\.(\d+)/.exec(await output(path, program.versionArgs))?.[0]
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

interface Build {
  readonly name: string
  readonly program: Program
  readonly dir: string
  readonly release: string
  readonly path: string
}

async function build({ name, program, dir, release, path }: Build): Promise<void> {
  if ((await output('go', ['version'])) === '') {
    throw new ToolMissing(`${name}: install ${name} ${release} or newer, or Go (go.dev/dl), from which it is built.`)
  }
  const kept = resolve(path, '..')
  mkdirSync(kept, { recursive: true })
  const unlock = await lock(join(cacheDir(), 'building.lock'), name)
  try {
    if (existsSync(path)) return
    console.error(
      `Building ${name} ${release} with Go, once (about ${spoken(program.seconds)} where little is cached); ` +
        `it is kept in ${kept} …`,
    )
    const fresh = `${path}.${process.pid}`
    const failed = await goBuild({ name, program, dir, release, out: fresh })
    if (failed !== undefined) {
      rmSync(kept, { recursive: true, force: true })
      throw new ToolMissing(failed)
    }
    // The name appears only when the program is whole, so a build that was killed leaves nothing that looks like one.
    renameSync(fresh, path)
    console.error(`Built ${name} ${release}.`)
  } finally {
    unlock()
  }
}

/** Waits until nobody else builds, and gives the function that ends our turn. */
async function lock(path: string, name: string): Promise<() => void> {
  const deadline = Date.now() + LOCK_WAIT_MS_MAX
  if (!take(path)) {
    console.error(`Waiting to build ${name}: another run is building a program …`)
    while (!take(path)) {
      if (Date.now() > deadline) throw new Error(`another process holds ${path}; delete it if nothing is being built.`)
      await pause(200)
    }
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
