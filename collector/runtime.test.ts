import { open } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test, vi } from 'vitest'
import { LatencyTotal } from './latency.ts'
import { recordDelay, watchRuntime } from './runtime.ts'

function watched() {
  const runtime = watchRuntime()
  onTestFinished(() => runtime.close())
  return runtime
}

test('a loop blocked for a second counts as every look that it missed, so that shares are shares of time', () => {
  const delay = new LatencyTotal()
  recordDelay(delay, 990)
  expect(delay.cumulative([0.1, 0.5, 1])).toEqual([2, 10, 20, 20])
})

test('a loop that is on time, or whose clock jumped for ever, counts within bounds', () => {
  const delay = new LatencyTotal()
  recordDelay(delay, -3)
  recordDelay(delay, 0.2)
  expect(delay.cumulative([0.001])).toEqual([2, 2])
  recordDelay(delay, Infinity)
  expect(delay.cumulative([100])).toEqual([1202, 1202])
})

test('a blocked loop is seen', async () => {
  const runtime = watched()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120)
  const slow = () => {
    const [fast, all] = runtime.status().loopDelay.cumulative([0.025]) as [number, number]
    return all - fast
  }
  await vi.waitFor(() => expect(slow()).toBeGreaterThan(0))
})

test('a garbage collection is counted under its kind', async () => {
  const runtime = watched()
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  await vi.waitFor(() => expect(runtime.status().gcSeconds.major).toBeGreaterThan(0))
})

test('a clock that is set while the process runs shows', () => {
  const runtime = watched()
  const before = Date.now()
  vi.spyOn(Date, 'now').mockReturnValue(before + 8_000)
  onTestFinished(() => void vi.restoreAllMocks())
  expect(runtime.status().wallMs).toBe(before + 8_000)
})

test('an open file is one more descriptor, and memory and processor time are those of this process', async () => {
  const runtime = watched()
  const before = runtime.status()
  const file = await open(import.meta.filename)
  onTestFinished(() => file.close())
  const after = runtime.status()
  expect(after.openFds).toBeGreaterThan(before.openFds as number)
  expect(after.maxFds).toBeGreaterThan(after.openFds as number)
  expect(after.residentBytes).toBeGreaterThan(after.heapUsedBytes)
  expect(after.heapLimitBytes).toBeGreaterThan(after.heapUsedBytes)
  expect(after.cpuSeconds.user).toBeGreaterThan(0)
})
