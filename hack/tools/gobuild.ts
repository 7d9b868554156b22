// Builds one program from its Go module and says how far it is and how long it still takes.
//
// In: a program of programs.ts and the folder of its go.mod. Out: the executable, static and stripped. Always: a line at
// once and every half minute. Never: changes go.mod or go.sum.
import { execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Program } from './programs.ts'

export interface GoBuild {
  readonly name: string
  readonly program: Program
  /** Folder of the go.mod. */
  readonly dir: string
  readonly release: string
  /** Path of the executable that is to be. */
  readonly out: string
}

const BUILD_MS_MAX = 3_000_000
const SAY_MS = 30_000

/** Builds; gives what went wrong as a sentence, or nothing. */
export async function goBuild({ name, program, dir, release, out }: GoBuild): Promise<string | undefined> {
  const flags = ['-trimpath', '-mod=readonly', '-ldflags', linkFlags(program, release)]
  if (program.tags !== undefined) flags.push('-tags', program.tags.join(','))
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-buildvcs=false' }
  const startedMs = Date.now()
  const total = await staleCount([...flags, program.package], dir, env)
  let compiled = 0
  const say = setInterval(() => {
    console.error(`… ${name}: ${progress({ compiled, total, elapsedMs: Date.now() - startedMs }, program.seconds)}`)
  }, SAY_MS)
  const args = ['build', '-v', ...flags, '-o', out, program.package]
  const go = spawn('go', args, { cwd: dir, env, stdio: ['ignore', 'ignore', 'pipe'], timeout: BUILD_MS_MAX })
  createInterface(go.stderr).on('line', (line) => {
    // With -v Go names each package that it compiles; whatever else it says is for the reader.
    if (/^[\w.~-]+(?:\/[\w.~-]+)*$/.test(line)) compiled += 1
    else if (!line.startsWith('go: downloading')) console.error(line)
  })
  const ended = await new Promise<string | undefined>((done) => {
    go.once('error', (error) => done(`go could not be started: ${error.message}`))
    go.once('close', (code) => {
      done(code === 0 ? undefined : `go build ${program.package} failed with exit code ${code}; its message is above.`)
    })
  })
  clearInterval(say)
  return ended
}

/** `-s -w` leaves out what only a debugger reads. */
function linkFlags(program: Program, release: string): string {
  const variables = Object.entries(program.variables?.(release) ?? {})
  return ['-s', '-w', ...variables.map(([name, value]) => `-X ${name}=${value}`)].join(' ')
}

/** How many packages are yet to be compiled; 0 where Go does not say. Downloads the modules on the way. */
function staleCount(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<number> {
  const list = ['list', '-deps', '-f', '{{if .Stale}}x{{end}}', ...args]
  return new Promise((done) => {
    execFile('go', list, { cwd, env, timeout: BUILD_MS_MAX, maxBuffer: 1 << 26 }, (error, out) => {
      done(error === null ? out.split('\n').filter((line) => line === 'x').length : 0)
    })
  })
}

/** How far a build is, in words: measured once a tenth is done, from the table before. */
export function progress(
  { compiled, total, elapsedMs }: { readonly compiled: number; readonly total: number; readonly elapsedMs: number },
  secondsExpected: number,
): string {
  const elapsed = elapsedMs / 1_000
  const isMeasured = total > 0 && compiled >= total / 10
  const left = isMeasured ? (elapsed * (total - compiled)) / compiled : secondsExpected - elapsed
  const done = total > 0 ? `${Math.min(compiled, total)} of ${total} packages` : `${Math.round(elapsed)} s`
  return left >= 1 ? `${done}, about ${spoken(left)} to go` : `${done}, soon done`
}

/** `40 s`, `6 min` */
export function spoken(seconds: number): string {
  return seconds < 90 ? `${Math.max(10, Math.round(seconds / 10) * 10)} s` : `${Math.round(seconds / 60)} min`
}
