// Lines of a stream of bytes. A character or an object may be cut anywhere between two chunks.

/** A line is longer than anything the API server may hold (etcd refuses objects above 1.5 MiB). */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
}

export const LINE_BYTES_MAX = 4 * 1024 * 1024

/**
 * Gives whole lines, without their ends; a rest without an end is half an object and is left out. Each piece of the
 * stream is announced, whole lines in it or not: it is a sign of life.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: () => void = () => undefined,
  bytesMax = LINE_BYTES_MAX,
): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    onBytes()
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end))
      check(length + end - start, bytesMax)
      const line = Buffer.concat(parts).toString('utf8')
      parts = []
      length = 0
      start = end + 1
      if (line.trim() !== '') yield line
    }
    if (start === chunk.length) continue
    parts.push(chunk.subarray(start))
    length += chunk.length - start
    check(length, bytesMax)
  }
}

function check(length: number, bytesMax: number): void {
  if (length > bytesMax) throw new LineTooLong(`a line of more than ${bytesMax} bytes; the stream is given up`)
}
