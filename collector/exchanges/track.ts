// What the decoder does with a frame once it knows its channel: one track for each channel.
import type { GapReason } from '../market/messages.ts'

export interface Track {
  /**
   * Takes the frame that was just read: it stands in [pos, end) of `bytes`, and the bytes are only lent.
   * @returns false when the frame does not make a message (a number too large); it is refused then
   */
  take(bytes: Buffer, pos: number, end: number, received: number, socketId: number): boolean
  /** Something of this channel may be missing from here on: its socket is down, or a frame could not be read. */
  interrupt(reason: GapReason, socketId: number): void
  /** Announces what is known to be missing now that nothing more will come. */
  close(): void
}
