// Runs programs for the scripts of this folder. Never: a shell, so that no argument needs quoting.
import { execFile, spawn } from 'node:child_process'

/** What a program printed, trimmed; undefined where it is not there or failed. */
export function output(command: string, args: readonly string[], timeoutMs = 30_000): Promise<string | undefined> {
  return new Promise((done) => {
    execFile(command, args, { timeout: timeoutMs, maxBuffer: 1 << 26 }, (error, out) => {
      done(error === null ? out.trim() : undefined)
    })
  })
}

export interface Running {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** What is being done, for the message when it fails; the command itself when left out. */
  readonly name?: string
  /** Text for its standard input. */
  readonly input?: string
  readonly timeoutMs?: number
}

/**
 * Runs a program to its end. What it says is shown only when it fails.
 * @throws Error with the end of what it said.
 */
export function run(command: string, args: readonly string[], options: Running = {}): Promise<string> {
  const { cwd, env, name = `${command} ${args.join(' ')}`, input, timeoutMs = 1_200_000 } = options
  return new Promise((done, fail) => {
    const stdio = [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] as const
    const child = spawn(command, args, { cwd, env, stdio: [...stdio], timeout: timeoutMs })
    let out = ''
    let said = ''
    child.stdout?.on('data', (text: Buffer) => ((out += text.toString()), (said += text.toString())))
    child.stderr?.on('data', (text: Buffer) => (said += text.toString()))
    child.stdin?.end(input)
    child.once('error', (error) => fail(new Error(`${name}: ${command} could not be started: ${error.message}`)))
    child.once('close', (code, signal) => {
      if (code === 0) return done(out)
      fail(new Error(`${name} failed (${signal ?? `exit code ${code}`}):\n${said.slice(-4_000)}`))
    })
  })
}

/** Why Docker cannot be used, as one sentence that says what to do; undefined where it can. */
export async function dockerMissing(): Promise<string | undefined> {
  if ((await output('docker', ['--version'])) === undefined) {
    return 'Docker is not installed: install Docker (docs.docker.com/get-docker) or a compatible engine, and try again.'
  }
  if ((await output('docker', ['info', '--format', '{{.ServerVersion}}'])) === undefined) {
    return 'Docker does not answer: start it (docker info says why), and try again.'
  }
  return undefined
}
