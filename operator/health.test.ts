import { expect, onTestFinished, test } from 'vitest'
import { serveHealth } from './health.ts'

test('both probes say what is wrong, and nothing else is there', async () => {
  let lives: string[] = []
  let ready: string[] = ['the cache of Deployments is not filled yet', 'the API server does not answer']
  const { port, close } = await serveHealth({ port: 0, host: '127.0.0.1', livez: () => lives, readyz: () => ready })
  onTestFinished(close)
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method })
    return [response.status, await response.text()]
  }
  expect(await ask('/livez')).toEqual([200, 'ok\n'])
  expect(await ask('/readyz?verbose')).toEqual([503, `${ready.join('\n')}\n`])
  ready = []
  lives = ['no pass has ended for 120 s']
  expect(await ask('/readyz')).toEqual([200, 'ok\n'])
  expect(await ask('/livez')).toEqual([503, 'no pass has ended for 120 s\n'])
  expect(await ask('/livez', 'HEAD')).toEqual([503, ''])
  expect(await ask('/toString')).toEqual([404, 'ask /livez or /readyz\n'])
})
