// What the decoder does with a frame once it knows its channel: one track for each channel.
import type { GapReason } from '../market/messages.ts'
import type { Outlet } from '../market/outlet.ts'

export interface Track {
  readonly outlet: Outlet
  /**
   * Takes the element that was just read: it stands in [pos, end) of `bytes`, and the bytes are only lent.
   * @param form index of the form whose frame read it
   * @returns false when the element does not make a message (a number too large); its frame is refused then
   */
  take(form: number, bytes: Buffer, pos: number, end: number, received: number, socketId: number): boolean
  /** Something of this channel may be missing from here on: its socket is down, or a frame could not be read. */
  interrupt(reason: GapReason, socketId: number): void
  /** This socket goes as planned; another one delivers the channel already. */
  leave(socketId: number): void
  /** Whether the channel goes on without a hole when only this socket is left. */
  follows(socketId: number): boolean
  /** Where the channel stands, for state messages. */
  readonly position: { readonly last_id?: string; readonly last_seq?: number }
  /** Books: whether in step with the venue's; undefined for other types. */
  readonly inSync: boolean | undefined
  /** Announces what is known to be missing now that nothing more will come. */
  close(): void
}
