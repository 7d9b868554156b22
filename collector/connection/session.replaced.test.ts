// One socket of a session takes the place of another: on demand, in good time, and against a venue that makes it hard.
import { expect, it } from 'vitest'
import { until, venue } from '../../test/support/loopback.ts'
import { PROTOCOL, accept, start, subject } from '../../test/support/sessions.ts'

it('C018: when the venue asks to leave, a new socket opens at once; the old one delivers until it dies', async () => {
  const server = await venue((socket, index) => {
    accept(socket)
    socket.send(`{"trade":11,"socket":${index}}`)
  })
  const it = subject(server.url)
  await start(it, server)
  server.sockets[0]?.send('leave')
  await until(() => it.clock.waiting > 1)
  await it.clock.advance(0)
  await until(() => server.texts.length === 2)
  server.sockets[0]?.send('{"trade":12,"socket":0}')
  await until(() => it.data.length === 3)
  server.sockets[0]?.terminate()
  await until(() => it.log.length === 4)
  expect(it.log).toEqual(['up #1', 'up #2', 'down #1 lost planned', '#2 replaced #1'])
  expect(it.data).toEqual(['#1 {"trade":11,"socket":0}', '#2 {"trade":11,"socket":1}', '#1 {"trade":12,"socket":0}'])
  expect(server.sockets.length).toBe(2)
  expect(it.session.status).toMatchObject({ lost: 0, planned: 1, state: 'open' })
})

it('closes the old socket as soon as the owner says that the new one has caught up', async () => {
  const { it } = await replacing()
  await until(() => it.log.includes('up #2'))
  await it.clock.advance(5_000)
  expect(it.log).toEqual(['up #1', 'up #2'])
  it.caught.add(2)
  await it.clock.advance(100)
  await until(() => it.log.length === 4)
  expect(it.log.slice(2)).toEqual(['down #1 ended planned', '#2 replaced #1'])
})

it('closes the old socket after ten seconds although the new one is not known to have caught up', async () => {
  const { it } = await replacing()
  await it.clock.advance(9_000)
  expect(it.log).toEqual(['up #1', 'up #2'])
  await it.clock.advance(1_200)
  await until(() => it.log.length === 4)
  expect(it.log.slice(2)).toEqual(['down #1 ended planned', '#2 replaced #1'])
})

it('keeps the old socket while the new one cannot be had, and tries again with backoff', async () => {
  let refuse = false
  const server = await venue(accept, { verifyClient: () => !refuse })
  const it = subject(server.url)
  await start(it, server)
  refuse = true
  it.session.replace()
  await it.clock.advance(0)
  await until(() => it.log.length === 2)
  expect(it.log).toEqual(['up #1', 'retry after rejected in 125'])
  refuse = false
  await it.clock.advance(125)
  await until(() => it.log.includes('up #3'))
  expect(it.session.status).toMatchObject({ state: 'open', lost: 0 })
})

it('goes back to the old socket when the new one dies before it has taken over', async () => {
  const { server, it } = await replacing()
  server.sockets[1]?.terminate()
  await until(() => it.log.length === 4)
  server.sockets[0]?.send('{"still":"here"}')
  await until(() => it.data.length === 1)
  await it.clock.advance(125)
  await until(() => server.texts.length === 3)
  it.caught.add(3)
  await until(() => it.log.includes('up #3'))
  await it.clock.advance(100)
  await until(() => it.log.includes('#3 replaced #1'))
  expect(server.sockets.length).toBe(3)
})

it('opens the successor at once although the socket that was to be replaced died first', async () => {
  const server = await venue(accept)
  const it = subject(server.url)
  await start(it, server)
  it.session.replace()
  server.sockets[0]?.terminate()
  await until(() => it.log.length === 2)
  await it.clock.advance(0)
  await until(() => it.log.length === 3)
  expect(it.log).toEqual(['up #1', 'down #1 lost planned', 'up #2'])
  expect(it.session.status).toMatchObject({ lost: 0, planned: 1 })
})

it('is not led into a loop by a venue that asks every new socket to leave', async () => {
  const server = await venue((socket) => {
    accept(socket)
    socket.send('leave')
  })
  const it = subject(server.url)
  for (let id = 1; id < 100; id++) it.caught.add(id)
  await start(it, server)
  const startMs = it.clock.nowMs()
  while (it.clock.nowMs() < startMs + 60_000) await it.clock.advance(25)
  expect(server.sockets.length).toBeGreaterThan(3)
  expect(server.sockets.length).toBeLessThan(14)
})

it('replaces a socket in good time before the venue cuts it', async () => {
  const server = await venue(accept)
  const it = subject(server.url, { protocol: { ...PROTOCOL, lifeMs: 600_000 } })
  await start(it, server)
  const openedMs = it.session.status.openedMs
  const due = 600_000 * (0.9375 + 0.5 * 0.0417)
  while (it.clock.nowMs() + 5_000 < openedMs + due) {
    const { bytes } = it.session.status
    await it.clock.advance(5_000)
    await until(() => it.session.status.bytes > bytes)
  }
  expect(server.sockets.length).toBe(1)
  it.caught.add(2)
  await it.clock.advance(5_000)
  await until(() => server.texts.length === 2)
  await it.clock.advance(100)
  await until(() => it.log.includes('#2 replaced #1'))
  expect(it.session.status).toMatchObject({ lost: 0, planned: 1 })
})

it('changes both sockets when what is wanted changes during a replacement', async () => {
  const { server, it } = await replacing()
  it.session.want(new Set('abc'))
  await until(() => server.texts.length === 4)
  expect(server.texts).toEqual(['+1 a,b', '+1 a,b', '+2 c', '+2 c'])
})

/** A session whose second socket has asked for its channels, while the first still delivers. */
async function replacing() {
  const server = await venue(accept)
  const it = subject(server.url)
  await start(it, server)
  it.session.replace()
  await it.clock.advance(0)
  await until(() => server.texts.length === 2)
  return { server, it }
}
