// Reading back a message that a sink stored.
import { type Message, message } from '../market/messages.ts'

/** The message in these bytes; undefined when they are not one of this version's schema. */
export function readMessage(bytes: Uint8Array): Message | undefined {
  try {
    return message.safeParse(JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString())).data
  } catch {
    return undefined
  }
}
