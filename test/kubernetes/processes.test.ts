import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test, vi } from 'vitest'
import { freePorts, startServer, tailOf } from './processes.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'marketprism-processes-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a server and its folder go with the process that started it, even where that one is killed', async () => {
  const at = folder()
  const code = `
    import { startServer } from ${JSON.stringify(join(import.meta.dirname, 'processes.ts'))}
    const server = startServer(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], ${JSON.stringify(at)})
    console.log(server.pid)
    setInterval(() => {}, 1000)`
  const starter = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(starter.stdout), 'line')) as [string]
  const pid = Number(line)
  onTestFinished(() => void (isAlive(pid) && process.kill(pid, 'SIGKILL')))
  expect(isAlive(pid)).toBe(true)
  starter.kill('SIGKILL')
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 })
  await vi.waitFor(() => expect(existsSync(at)).toBe(false), { timeout: 10_000 })
})

test('a server that was paused ends in order all the same', async () => {
  const script = "process.on('SIGTERM', () => { console.log('in order'); process.exit(0) }); console.log('up')"
  const server = startServer(process.execPath, ['-e', `${script}; setInterval(() => {}, 1000)`], folder())
  await vi.waitFor(() => expect(tailOf(server.log)).toContain('up'), { timeout: 10_000 })
  server.signal('SIGSTOP')
  await server.end('ordered')
  expect(tailOf(server.log)).toContain('in order')
  expect(server.isRunning).toBe(false)
})

test('free ports are different ones', async () => {
  expect(new Set(await freePorts(20)).size).toBe(20)
})
