// The command line as users meet it: exit codes, texts, and what becomes of bad input.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { CollectorStatus } from '../../collector/status.ts'
import { ROOMS } from '../../collector/exchanges/registry.ts'
import { runCommand } from '../../collector/run.ts'
import { type Exchange, startExchange } from '../exchange/exchange.ts'
import { folder, manifest, type Program, start, startRun, TYPES } from './collect.ts'
import { audit } from './proof.ts'

vi.setConfig({ testTimeout: 60_000 })

const MAIN = resolve(import.meta.dirname, '../../collector/main.ts')
const START = resolve(import.meta.dirname, '../../hack/start.ts')
const WRONG = resolve(import.meta.dirname, '../../collector/validate.golden.yaml')
/** Sets the title of a terminal, rings, turns text around. */
const HOSTILE = '\u001b]0;title\u0007\u009b31m\u202e'

const PLAIN = /^[\n\P{C}]*$/u

const place = folder()
let exchange: Exchange

beforeAll(async () => {
  exchange = await startExchange({ symbols: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'], rate: 100, levels: 60 })
})
afterAll(async () => {
  await exchange.close()
  place[Symbol.dispose]()
})

let files = 0
function saved(content: string | object): string {
  return place.write(`${++files}.yaml`, content)
}

function collector(symbols: readonly string[], sink: object): object {
  return manifest(exchange, { symbols: { spot: symbols }, sink })
}

/** Every character that a program printed is harmless. */
function isPlain(program: Program): boolean {
  return PLAIN.test(program.stdout() + program.stderr())
}

/** Runs it to its end. */
async function run(
  ...args: string[]
): Promise<{ code: number | NodeJS.Signals; out: string; err: string; plain: boolean }> {
  await using program = start(args)
  const code = await program.ended
  return { code, out: program.stdout(), err: program.stderr(), plain: isPlain(program) }
}

describe.concurrent('marketprism', () => {
  it('exits with 2 for a command that there is not, and says how it is used, in plain characters', async () => {
    const { code, out, err, plain } = await run(HOSTILE)
    expect([code, out, plain]).toEqual([2, '', true])
    expect(err).toMatch(/is not a command\.\n\nmarketprism <command>/)
  })

  it('validates manifests, and exits with 1 when one has faults', async () => {
    const { code, out, err, plain } = await run(
      'validate',
      '-f',
      saved(collector(['BTC-USDT'], { stdout: {} })),
      '-f',
      WRONG,
    )
    expect([code, err, plain]).toEqual([1, '', true])
    expect(out).toContain("ok: Collector 'e2e'")
    expect(out).toContain("'trades' is not a data type; write 'trade'")
  })

  it('ends by itself after --duration with an account that balances', async () => {
    const dir = join(place.path, 'duration')
    const file = saved(collector(['BTC-USDT'], { stdout: {} }))
    const { code, out, err } = await run('run', '-f', file, '--out', dir, '--duration', '3s', '--port', '0')
    expect(code).toBe(0)
    expect(out).toMatch(/^e2e ran for .*\nframes .* = .* data .*\nmessages .* made = .*\ngaps .*\nbalanced /s)
    expect(err).toContain('"the duration is over"')
    expect(await audit('--dir', dir)).toMatchObject({ code: 0, report: { whole: true } })
  })

  it('gives a status a second and a summary at the end with --json, and nothing else on stdout', async () => {
    const file = saved(collector(['BTC-USDT', 'NOPE-USDT'], { file: { path: join(place.path, 'json') } }))
    await using program = startRun(file, '--duration', '3s')
    expect(await program.ended).toBe(0)
    const lines = program.lines as Record<string, unknown>[]
    expect(lines.length).toBeGreaterThanOrEqual(3)
    for (const line of lines.slice(0, -1))
      expect(line).toMatchObject({ name: 'e2e', sink: { kind: 'file' }, ledger: {} })
    expect(lines.at(-1)).toMatchObject({ name: 'e2e', balanced: true, imbalance: [], messages: { spooled: 0 } })
    const { channels } = lines.at(-2) as unknown as CollectorStatus
    expect(
      channels.filter(({ symbol }) => symbol === 'NOPE-USDT').map(({ state, detail }) => `${state}: ${detail}`),
    ).toEqual(Array.from({ length: 4 }, () => expect.stringContaining('down: not listed by the venue')))
  })

  it('takes up a changed manifest by --watch and SIGHUP and leaves alone what stays', async () => {
    const sink = { file: { path: join(place.path, 'changed') } }
    const file = saved(collector(['BTC-USDT'], sink))
    await using program = startRun(file, '--watch')
    const change = (to: string | object) => place.write(basename(file), to)
    const carries = (...symbols: string[]) => {
      return program.until(`${symbols.join()} are carried`, ({ channels, sessions }) => {
        const names = [...new Set(channels.filter(({ made }) => made > 0).map(({ symbol }) => symbol))]
        return names.toSorted().join() === symbols.join() && sessions[0]?.streams === symbols.length * 4
      })
    }
    const before = await carries('BTC-USDT')
    change('spec: {feeds: 1}')
    await program.says('the changed manifest has faults; the old one stays in force')
    change(collector(['ETH-USDT', 'BTC-USDT'], { stdout: {} }))
    const after = await carries('BTC-USDT', 'ETH-USDT')
    await program.says('sink and spool stay as they were')
    expect(after.sessions).toMatchObject([{ lost: 0, planned: 0, openedMs: before.sessions[0]?.openedMs }])
    expect(after.channels.filter(({ symbol }) => symbol === 'BTC-USDT').map(({ gaps }) => gaps)).toEqual([0, 0, 0, 0])
    // Twice in a row, before the first is done: the last one counts.
    for (const symbols of [['SOL-USDT', 'BTC-USDT'], ['BTC-USDT']]) {
      change(collector(symbols, sink))
      program.child.kill('SIGHUP')
    }
    await carries('BTC-USDT')
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    expect(program.summary()).toMatchObject({ balanced: true, gaps: 0 })
  })

  it.each([
    ['messages', { stdout: {} }, []],
    ['status lines', { file: { path: join(place.path, 'piped') } }, ['--json']],
  ])('ends in order when the reader of its %s leaves', async (_, sink, flags) => {
    const args = ['run', '-f', saved(collector(['BTC-USDT'], sink)), '--port', '0', ...flags]
    const program = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let err = ''
    program.stderr.on('data', (text: Buffer) => (err += text.toString()))
    await once(program.stdout, 'data')
    program.stdout.destroy()
    const [code] = await once(program, 'close')
    expect([code, err.includes('stdout was closed'), /\n {4}at /.test(err)]).toEqual([0, true, false])
  })

  it('exits with 2 when its port is taken', async () => {
    const server = createServer().listen(0)
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const file = saved(collector(['BTC-USDT'], { file: { path: join(place.path, 'port') } }))
    const { code, err } = await run('run', '-f', file, '--port', String(port))
    server.close()
    expect(code).toBe(2)
    expect(err).toContain(String(port))
  })

  it('prints nothing of what a venue sends as it is', async () => {
    const venue = await startExchange({ symbols: ['BTCUSDT'], rate: 50, levels: 60 })
    const sink = { file: { path: join(place.path, 'hostile') } }
    const file = saved(manifest(venue, { symbols: { spot: ['BTC-USDT'] }, sink }))
    await using program = start(['run', '-f', file, '--port', '0', '--log-level', 'trace'])
    await program.says('socket open')
    for (const frame of [HOSTILE, { code: 2, msg: HOSTILE }, { stream: HOSTILE, data: {} }]) {
      venue.faults.add({ kind: 'inject', text: JSON.stringify(frame) })
    }
    await program.says('unknown frame')
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    expect(isPlain(program)).toBe(true)
    await venue.close()
  })
})

describe('marketprism run', () => {
  /** What it returns and says when it does not run. */
  async function refused(...args: string[]): Promise<{ code: number; said: string }> {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    try {
      return { code: await runCommand(args), said: write.mock.calls.join('') }
    } finally {
      write.mockRestore()
    }
  }

  it.each([
    [[], 'no manifest named; write marketprism run -f collector.yaml'],
    [['-f', 'x', `--${HOSTILE}`], 'Unknown option'],
    [['-f', 'x', '--port', HOSTILE], 'is no port; write a number from 0 to 65535'],
    [['-f', 'x', '--duration', '600h'], '--duration 600h is too long; write at most 576h'],
    [['-f', 'x', '--duration', HOSTILE], 'is not a duration'],
    [['-f', 'x', '--log-level', HOSTILE], 'is not a level; write one of trace, debug'],
  ])('exits with 2 for %j and says why, in plain characters', async (args, sentence) => {
    const { code, said } = await refused(...args)
    expect([code, said]).toEqual([2, expect.stringContaining(sentence)])
    expect(said).toMatch(PLAIN)
  })

  it('exits with 1 for a manifest with faults, and says all of them', async () => {
    const { code, said } = await refused('-f', WRONG)
    expect(code).toBe(1)
    expect(said.split('\n').length).toBeGreaterThan(30)
    expect(said).toMatch(PLAIN)
  })
})

describe('npm start', () => {
  /** Runs the demo to its end. @returns the folder with its messages */
  async function demo(...args: string[]): Promise<string> {
    await using program = start(args, START, place.path)
    expect(await program.ended).toBe(0)
    const out = program.stdout()
    expect(out).toContain('balanced  every frame and every message is accounted for')
    expect(out).toMatch(/gaps +0 announced/)
    const [, dir = ''] = /audit --dir (\S+)/.exec(program.stderr()) ?? []
    expect(await audit('--dir', join(place.path, dir))).toMatchObject({ code: 0, report: { whole: true } })
    return join(place.path, dir)
  }

  it('collects from the simulated exchange, and its account balances without a gap', async () => {
    expect(readdirSync(await demo('--duration', '5s'))).toEqual(expect.arrayContaining([...TYPES]))
  })

  it('start:all collects every type of every market of every exchange', async () => {
    const dir = await demo('all', '--duration', '8s')
    const wanted = ROOMS.flatMap(({ exchange, market, types }) =>
      Object.keys(types).map((type) => `${type}/${exchange}/${market}`),
    )
    const found = new Set(
      readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((path) => path.split('/').slice(0, 3).join('/')),
    )
    const missing = wanted.filter((path) => !found.has(path))
    // Only perpetual futures have funding, and a market may live without liquidations for a few seconds.
    expect(missing.filter((path) => !path.startsWith('liquidation/'))).toEqual(['funding_rate/okx/future'])
  })
})
