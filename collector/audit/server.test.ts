import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeCertificate, makeCredentials } from '../../test/credentials.ts'
import { describeWithNats, startNats } from '../../test/nats.ts'
import { stored, trade } from '../../test/support/audit.ts'
import { auditCommand } from './command.ts'
import { connect, type Environment, serverFault } from './server.ts'

const server = { nats: 'nats://127.0.0.1:4222' }

describe('what may be said of a server', () => {
  it.each([
    [{ nats: 'nats://me:secret@127.0.0.1:4222' }, {}, 'no user or password here'],
    [{ nats: 'nats://token@127.0.0.1:4222' }, {}, 'no user or password here'],
    [{ nats: 'http://127.0.0.1' }, {}, "'http://127.0.0.1' is no server"],
    [{ nats: '127.0.0.1:4222' }, {}, "'127.0.0.1:4222' is no server"],
    [server, { NATS_USER: 'me', NATS_TOKEN: 't' }, 'NATS_TOKEN and NATS_USER are both set'],
    [server, { NATS_PASSWORD: 'secret' }, 'NATS_PASSWORD is set and NATS_USER is not'],
  ])('refuses %j with %j', (flags, env: Environment, sentence) => {
    expect(serverFault(flags, env)).toContain(sentence)
    expect(serverFault(flags, env)).not.toContain('secret@')
  })

  it.each([
    [server, {}],
    [{ nats: 'tls://nats.example:4222' }, { NATS_USER: 'me', NATS_PASSWORD: 'secret' }],
    [server, { NATS_TOKEN: 't' }],
    [{ ...server, creds: 'file' }, { NATS_PASSWORD: 'left over' }],
  ])('takes %j with %j', (flags, env: Environment) => {
    expect(serverFault(flags, env)).toBeUndefined()
  })
})

describeWithNats('a server that does not let everybody in', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'marketprism-audit-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  function file(name: string, text: string): string {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }

  async function run(env: Environment, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
    let [out, err] = ['', '']
    const io = { stdout: { write: (t: string) => (out += t) }, stderr: { write: (t: string) => (err += t) } }
    const code = await auditCommand(['--stream', 'S', '--json', ...args], io, () => 'contiguous', env)
    return { code, out, err }
  }

  /** A stream with one trade. */
  async function fill(nc: NatsConnection): Promise<void> {
    const { subject, bytes } = stored(trade(1))
    await (await jetstreamManager(nc)).streams.add({ name: 'S', subjects: ['market.>'] })
    await nc.request(subject, bytes)
    await nc.close()
  }

  const whole = { code: 0, out: expect.stringContaining('"messages":1') }

  it('is told a user and a password, or a token, from the environment', async () => {
    const me = { NATS_USER: 'me', NATS_PASSWORD: 'secret' }
    for (const [config, env] of [
      ['authorization { user: me, password: secret }', me],
      ['authorization { token: secret }', { NATS_TOKEN: 'secret' }],
    ] as const) {
      await using nats = await startNats({ config })
      await fill(await connect({ nats: nats.url }, env))
      expect(await run(env, '--nats', nats.url)).toMatchObject(whole)
      const { code, err } = await run({}, '--nats', nats.url)
      expect([code, err]).toEqual([2, expect.stringContaining('does not let us in')])
      expect(err).toContain('give --creds FILE, or set NATS_USER and NATS_PASSWORD, or NATS_TOKEN')
    }
  })

  it('is shown a credentials file', async () => {
    const { config, creds } = makeCredentials()
    const path = file('nats.creds', creds)
    await using nats = await startNats({ config })
    await fill(await connect({ nats: nats.url, creds: path }, {}))
    expect(await run({ NATS_PASSWORD: 'left over' }, '--nats', nats.url, '--creds', path)).toMatchObject(whole)
    expect(await run({}, '--nats', nats.url)).toMatchObject({
      code: 2,
      err: expect.stringContaining('does not let us in'),
    })
    const strange = file('other.creds', makeCredentials().creds)
    expect((await run({}, '--nats', nats.url, '--creds', strange)).code).toBe(2)
    expect(await run({}, '--nats', nats.url, '--creds', join(dir, 'none'))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--creds: .*none cannot be read: ENOENT/),
    })
  })

  it('proves itself by a certificate of an authority that --tls-ca names, and by no other', async ({ skip }) => {
    const [own, other] = [makeCertificate(), makeCertificate()]
    if (own === undefined || other === undefined) return skip('openssl is not installed')
    const [cert, key] = [file('cert.pem', own.cert), file('key.pem', own.key)]
    const config = `tls { cert_file: ${JSON.stringify(cert)}, key_file: ${JSON.stringify(key)} }`
    await using nats = await startNats({ config })
    const url = `nats://localhost:${nats.port}`
    const tls = `tls://localhost:${nats.port}`
    await fill(await connect({ nats: url, tlsCa: cert }, {}))
    expect(await run({}, '--nats', url, '--tls-ca', cert)).toMatchObject(whole)
    expect(await run({}, '--nats', tls, '--tls-ca', cert)).toMatchObject(whole)
    expect(await run({}, '--nats', `tls://127.0.0.1:${nats.port}`, '--tls-ca', cert)).toMatchObject(whole)
    expect(await run({}, '--nats', tls)).toMatchObject({ code: 2, err: expect.stringMatching(/self.signed/) })
    const strange = file('other.pem', other.cert)
    expect((await run({}, '--nats', url, '--tls-ca', strange)).code).toBe(2)
  })
})
