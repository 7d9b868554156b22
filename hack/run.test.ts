import { spawn } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs'
import { rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'

/** A clone with one dependency and one that fits another platform; its npm is a program of ours that notes each call. */
function clone(npm = INSTALL): { root: string; npmCalls: () => string[] } {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'clone-')))
  onTestFinished(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'hack'))
  cpSync(resolve(import.meta.dirname, 'run.mjs'), join(root, 'hack/run.mjs'))
  write(root, 'package-lock.json', lockFile({ a: { integrity: 'sha512-1' }, b: { integrity: 'x', optional: true } }))
  write(root, 'bin/npm', `#!${process.execPath}\n${npm}`)
  chmodSync(join(root, 'bin/npm'), 0o755)
  return { root, npmCalls: () => (existsSync(join(root, 'npm.log')) ? lines(join(root, 'npm.log')) : []) }
}

/** What our npm does: notes its arguments, and leaves behind what npm leaves when it has finished. */
const INSTALL = `
  const fs = require('node:fs')
  fs.appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n')
  fs.mkdirSync('node_modules', { recursive: true })
  fs.writeFileSync('node_modules/.package-lock.json', '{"packages":{"a":{"integrity":"sha512-1"}}}')
`

/** A Node that takes itself for version 20.11. */
const OLD = `data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.0' } })",
)}`

function run(root: string, args: string[], nodeArgs: string[] = []) {
  const env = { ...process.env, PATH: [join(root, 'bin'), process.env['PATH']].join(delimiter) }
  const child = spawn(process.execPath, [...nodeArgs, join(root, 'hack/run.mjs'), ...args], { env })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = new Promise<number | null>((done) => child.once('exit', done))
  const [out, err] = [text(child.stdout), text(child.stderr)]
  return { child, result: async () => ({ code: await ended, out: await out, err: await err }) }
}

test('a fresh clone installs its dependencies, says so, and only then runs the file', async () => {
  const { root, npmCalls } = clone()
  write(root, 'hello.ts', 'const name: string = process.argv[2]!; console.log(`hello ${name}`); process.exit(3)')
  expect(await run(root, ['hello.ts', 'you and me']).result()).toEqual({
    code: 3,
    out: 'hello you and me\n',
    err: 'Installing dependencies (npm ci) …\n',
  })
  expect(npmCalls()).toHaveLength(1)
  expect(npmCalls()[0]).toMatch(/^ci --include=dev --include=optional/)
})

test('what is installed as the lock file asks is left alone, and installed anew when the lock file changed', async () => {
  const { root, npmCalls } = clone()
  write(root, 'nothing.ts', '')
  await run(root, ['nothing.ts']).result()
  expect((await run(root, ['nothing.ts']).result()).err).toBe('')
  expect(npmCalls()).toHaveLength(1)
  write(root, 'package-lock.json', lockFile({ a: { integrity: 'sha512-2' } }))
  await run(root, ['nothing.ts']).result()
  expect(npmCalls()).toHaveLength(2)
})

test('two runs in a fresh clone install once: the second waits for the first', async () => {
  const { root, npmCalls } = clone(`${INSTALL}
    const started = setInterval(() => fs.existsSync('go') && clearInterval(started), 5)
    fs.rmSync('node_modules', { recursive: true })
    process.once('exit', () => {
      fs.mkdirSync('node_modules')
      fs.writeFileSync('node_modules/.package-lock.json', '{"packages":{"a":{"integrity":"sha512-1"}}}')
    })`)
  write(root, 'who.ts', 'console.log(process.argv[2])')
  const first = run(root, ['who.ts', 'first'])
  await vi.waitFor(() => expect(npmCalls()).toHaveLength(1))
  const second = run(root, ['who.ts', 'second'])
  second.child.stderr.once('data', () => write(root, 'go', ''))
  expect((await first.result()).out).toBe('first\n')
  expect(await second.result()).toMatchObject({ out: 'second\n', err: expect.stringMatching(/^Waiting for another/) })
  expect(npmCalls()).toHaveLength(1)
  expect(existsSync(join(root, '.npm-ci.lock'))).toBe(false)
})

test('a lock that a killed run left behind is taken over', async () => {
  const { root, npmCalls } = clone()
  write(root, 'nothing.ts', '')
  write(root, '.npm-ci.lock', '1\n')
  utimesSync(join(root, '.npm-ci.lock'), 0, 0)
  expect((await run(root, ['nothing.ts']).result()).code).toBe(0)
  expect(npmCalls()).toHaveLength(1)
})

test('an npm that fails is told of, and nothing is run', async () => {
  const { root } = clone('process.exit(9)')
  write(root, 'hello.ts', 'console.log(1)')
  const { code, out, err } = await run(root, ['hello.ts']).result()
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('npm ci failed (exit code 9)')
  expect(existsSync(join(root, '.npm-ci.lock'))).toBe(false)
})

test('a Node that is too old hands over to the packaged one, which comes first on the PATH', async () => {
  const { root } = clone()
  for (const path of ['linux-x64', 'linux-arm64', 'darwin-x64', 'bin-darwin-arm64']) {
    mkdirSync(join(root, `node_modules/node-${path}/bin`), { recursive: true })
    symlinkSync(process.execPath, join(root, `node_modules/node-${path}/bin/node`))
  }
  write(root, 'where.ts', 'console.log(process.env.PATH)')
  const { code, out } = await run(root, ['where.ts'], ['--import', OLD]).result()
  expect(code).toBe(0)
  expect(out).toMatch(new RegExp(`^${root}/node_modules/node-[a-z0-9-]+/bin:`))
})

test('a Node that is new enough stays, with its folder first on the PATH', async () => {
  const { root } = clone()
  write(root, 'where.ts', 'console.log(process.env.PATH)')
  expect((await run(root, ['where.ts']).result()).out.split(delimiter)[0]).toBe(dirname(process.execPath))
})

test('where no Node is new enough one sentence says what to install', async () => {
  const { root } = clone()
  const { code, err } = await run(root, ['x.ts'], ['--import', OLD]).result()
  expect(code).toBe(1)
  expect(err).toContain('this is Node 20.11.0; install Node 22.19 or newer')
})

test.for(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s reaches the program, and its exit code comes back',
  async (signal) => {
    const { root } = clone()
    write(
      root,
      'wait.ts',
      `process.on('${signal}', () => process.exit(7)); setInterval(() => {}, 1000); console.log('up')`,
    )
    const { child, result } = run(root, ['wait.ts'])
    child.stdout.once('data', () => child.kill(signal))
    expect(await result()).toMatchObject({ code: 7, out: 'up\n' })
  },
)

test('a program that a signal ended gives the exit code that a shell would', async () => {
  const { root } = clone()
  write(root, 'die.ts', "process.kill(process.pid, 'SIGKILL')")
  expect((await run(root, ['die.ts']).result()).code).toBe(137)
})

test('a tool is the script that npm linked, and an unknown name is an error that says where it was looked for', async () => {
  const { root } = clone()
  write(root, 'node_modules/a/cli.js', 'console.log("a", ...process.argv.slice(2))')
  mkdirSync(join(root, 'node_modules/.bin'))
  symlinkSync('../a/cli.js', join(root, 'node_modules/.bin/atool'))
  expect((await run(root, ['atool', '--x']).result()).out).toBe('a --x\n')
  const { code, err } = await run(root, ['btool']).result()
  expect(code).toBe(1)
  expect(err).toContain("there is no tool 'btool' (looked for ")
})

test('this repository itself is run so', async () => {
  const root = resolve(import.meta.dirname, '..')
  expect(await run(root, ['oxlint', '--version']).result()).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^Version/),
  })
})

function write(root: string, path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}

function lockFile(packages: Record<string, { integrity: string; optional?: boolean }>): string {
  return JSON.stringify({ packages: { '': { name: 'clone' }, ...packages } })
}

function lines(path: string): string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n')
}
