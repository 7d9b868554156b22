// OKX v5, as of 2026: spot, swaps, dated futures and options. What it does where the venue's pages leave it open
// (research, marked (?)): too many connections in a second get HTTP 429; a subscription to trades begins with the last
// one (so in the recording); `before` alone gives the newest rows; a ratio is there ten seconds after its period; the
// notice 64008 comes on the public path only, and a minute later the connection is cut.
import type { Protocol } from '../venue.ts'
import { marketsOf } from './parts.ts'
import { recorded } from './recorded.ts'
import { HOSTS } from './rules.ts'
import { synthetic } from './synthetic.ts'

export const okx: Protocol = {
  markets: ['spot', 'perpetual', 'future', 'option'],
  hosts: HOSTS,
  marketsOf,
  synthetic,
  recorded,
}
