/** `buffer.latin1Slice()`: the fastest way to a string for ASCII bytes. Node has it, its types do not. */
export function latin1(bytes: Buffer): string {
  return (bytes as unknown as { latin1Slice(): string }).latin1Slice()
}
