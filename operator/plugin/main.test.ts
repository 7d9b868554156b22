// The entry, as kubectl starts it.
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const MAIN = resolve(import.meta.dirname, 'main.ts')
const COMMANDS = ['plan', 'status', 'top', 'logs', 'restart', 'pause', 'resume', 'audit', 'export']

function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    const env = { ...process.env, KUBECONFIG: '', HOME: resolve(import.meta.dirname, 'golden') }
    execFile(process.execPath, [MAIN, ...args], { env }, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

test('says which commands there are, and of a wrong one that it is none, in plain characters', async () => {
  const { code, out } = await run()
  expect(code).toBe(0)
  for (const name of COMMANDS) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
  const wrong = await run('\u001b]0;title\u0007')
  expect([wrong.code, wrong.out]).toEqual([2, ''])
  expect(wrong.err).toMatch(/is not a command\./)
  expect(wrong.err).toMatch(/^[\n\P{C}]*$/u)
})

test('each command says how it is used', async () => {
  const all = await Promise.all(COMMANDS.map((name) => run(name, '--help')))
  for (const [i, { code, out, err }] of all.entries()) {
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain(`Usage: kubectl marketprism ${COMMANDS[i]} `)
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(120)
  }
})

test('without a kubeconfig it says what to write', async () => {
  const { code, err } = await run('status')
  expect([code, err]).toEqual([2, expect.stringContaining('there is no kubeconfig; write --kubeconfig FILE')])
})
