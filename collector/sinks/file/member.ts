// Compressed files are rows of members, one for each flush, each whole in itself, so that a file that was cut off is
// readable up to its last flush and may be continued.
//
// Every member says how long it is, in a way that all readers skip: gzip in an extra field of its header (RFC 1952,
// 2.3.1.1), zstd in a skippable frame before it (RFC 8878, 3.1.2, as pzstd does). So the end of a file is found by
// stepping from head to head, without inflating it.
import { promisify } from 'node:util'
import { crc32, deflateRaw, gunzip, zstdCompress, zstdDecompress } from 'node:zlib'

export type Compression = 'none' | 'gzip' | 'zstd'

/** Bytes of a member's head, the same for both. */
export const HEAD_BYTES = 20
/** A member inflates to at most this: a flush is bounded, see file.ts. */
const INFLATED_BYTES_MAX = 256 * 1024 * 1024

// \x1f\x8b, deflate, FEXTRA, no time, no level, unknown system; 8 bytes of extra: 'MP', 4 bytes: the rest's length.
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x4d, 0x50, 4, 0, 0, 0, 0, 0])
// Skippable frame of 12 bytes: 'MarketPr', 4 bytes: the length of the frame behind it.
const ZSTD_HEAD = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 12, 0, 0, 0, ...Buffer.from('MarketPr'), 0, 0, 0, 0])
const LENGTH_AT = 16

const deflate = promisify(deflateRaw)
const compressZstd = promisify<Buffer, Buffer>(zstdCompress)
const inflateGzip = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip)
const inflateZstd = promisify<Buffer, { maxOutputLength: number }, Buffer>(zstdDecompress)

/** What is appended to a file for these lines. */
export async function encodeMember(lines: Buffer, compression: Compression): Promise<Buffer> {
  if (compression === 'none') return lines
  return compression === 'gzip' ? gzipMember(lines) : withHead(ZSTD_HEAD, await compressZstd(lines))
}

async function gzipMember(lines: Buffer): Promise<Buffer> {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(lines), 0)
  trailer.writeUInt32LE(lines.length, 4)
  return withHead(GZIP_HEAD, await deflate(lines), trailer)
}

function withHead(head: Buffer, ...rest: Buffer[]): Buffer {
  const member = Buffer.concat([head, ...rest])
  member.writeUInt32LE(member.length - HEAD_BYTES, LENGTH_AT)
  return member
}

/** Length of the member that begins with these bytes, its head included; undefined when it is none of ours. */
export function memberBytes(head: Buffer, compression: Compression): number | undefined {
  const ours = compression === 'gzip' ? GZIP_HEAD : ZSTD_HEAD
  if (head.length < HEAD_BYTES || head.compare(ours, 0, LENGTH_AT, 0, LENGTH_AT) !== 0) return undefined
  return HEAD_BYTES + head.readUInt32LE(LENGTH_AT)
}

/** The lines of a whole member. */
export function decodeMember(member: Buffer, compression: Compression): Promise<Buffer> {
  const limits = { maxOutputLength: INFLATED_BYTES_MAX }
  return compression === 'gzip' ? inflateGzip(member, limits) : inflateZstd(member, limits)
}
