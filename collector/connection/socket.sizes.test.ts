// Frames that are larger than any venue's, on the wire or once they are inflated, and those that are only large.
import { constants, deflateRawSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { until, venue } from '../../test/support/loopback.ts'
import { openSeen } from '../../test/support/socket.ts'

/** Bytes held by this process for JavaScript, in MB. */
function heldMb(): number {
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}

/** A compressed text frame that inflates to `megabytes` of the letter a. */
function bomb(megabytes: number): Buffer {
  // A full flush ends on a byte and forgets the past, so the block can be repeated.
  const block = deflateRawSync(Buffer.alloc(2 ** 20, 'a'), { finishFlush: constants.Z_FULL_FLUSH })
  const body = Buffer.concat(Array.from({ length: megabytes }, () => block))
  const head = Buffer.alloc(10)
  head.writeUInt16BE(0xc17f)
  head.writeBigUInt64BE(BigInt(body.length), 2)
  return Buffer.concat([head, body])
}

/** The socket is closed for what comes is too large: the venue is told 1009, and little memory is held meanwhile. */
async function expectRefused(url: string, codes: readonly number[]): Promise<void> {
  const before = heldMb()
  const seen = openSeen(url)
  let peak = 0
  await until(() => {
    peak = Math.max(peak, heldMb())
    return seen.closed.length === 1 && codes.length === 1
  })
  expect(seen.closed[0]?.cause).toBe('too_large')
  expect(codes).toEqual([1009])
  expect(seen.frames).toEqual([])
  expect(peak - before).toBeLessThan(64)
}

it('C027: a frame of a megabyte that inflates to a gigabyte is refused with 1009 and costs little memory', async () => {
  const bytes = bomb(1_024)
  expect(bytes.length).toBeLessThan(2 * 2 ** 20)
  const codes: number[] = []
  const { url } = await venue(
    (socket) => {
      socket.on('close', (code) => codes.push(code))
      ;(socket as unknown as { _socket: { write(b: Buffer): void } })._socket.write(bytes)
    },
    { perMessageDeflate: true },
  )
  await expectRefused(url, codes)
})

it('C027: fifty megabytes of digits in fragments of 64 KiB are refused with 1009 and cost little memory', async () => {
  const digits = Buffer.alloc(64 * 1024, '7')
  const codes: number[] = []
  const { url } = await venue((socket) => {
    socket.on('close', (code) => codes.push(code))
    const send = (left: number): void => {
      if (socket.readyState !== 1) return
      socket.send(digits, { fin: left === 1, binary: false, compress: false }, () => left > 1 && send(left - 1))
    }
    send(800)
  })
  await expectRefused(url, codes)
})

it('passes on an honest frame close to the bound, compressed or not', async () => {
  const large = '9'.repeat(4 * 1024 * 1024)
  const { url } = await venue(
    (socket) => {
      socket.send(large, { compress: true })
      socket.send(large, { compress: false })
    },
    { perMessageDeflate: true },
  )
  const seen = openSeen(url)
  await until(() => seen.frames.length === 2)
  expect(seen.frames.map((f) => f.text.length)).toEqual([large.length, large.length])
})

it('counts the bytes of compressed frames as they came', async () => {
  const { url } = await venue((socket) => socket.send('1'.repeat(100_000), { compress: true }), {
    perMessageDeflate: true,
  })
  const seen = openSeen(url)
  await until(() => seen.frames.length === 1)
  expect(seen.socket.bytes).toBeLessThan(1_000)
})
