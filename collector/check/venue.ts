// Whether a venue answers by REST, serves where we are, and has our time.
import { addresses } from '../connection/limits.ts'
import { realClock } from '../connection/clock.ts'
import { messageOf } from '../connection/errors.ts'
import { type Proxy, agentFor } from '../connection/proxy.ts'
import { RestClient } from '../connection/rest.ts'
import type { Room } from '../exchanges/room.ts'
import { span } from '../terminal/format.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const ANSWER_MS = 10_000
const BODY_BYTES_MAX = 64 * 1024 * 1024
/** The header `Date` counts seconds. */
const CLOCK_STEP_MS = 1_000
/** Event times so far off are flagged (spec.quality.clockSkew). */
const CLOCK_MS_MAX = 5_000

/** Asks for the first of the room's lists of instruments. */
export async function tryRest(room: Room, origin: string, proxy: Proxy | undefined): Promise<Finding[]> {
  const { host, protocol } = new URL(origin)
  const limits = addresses({ clock: realClock, random: Math.random })
  const [query] = room.instruments.queries
  if (query === undefined) return []
  const agent = agentFor(proxy, protocol === 'http:' ? 'http' : 'https')
  const rest = new RestClient({
    origin: new URL(origin).origin,
    limits: limits.rest(room.exchange, host, room.rules),
    agent,
    clock: realClock,
    random: Math.random,
  })
  const beganMs = Date.now()
  try {
    const { weight, pool, path } = query
    const request = {
      weight,
      pool,
      timeoutMs: ANSWER_MS,
      bytesMax: BODY_BYTES_MAX,
      signal: AbortSignal.timeout(ANSWER_MS),
    }
    const { status, body, headers } = await rest.get(path, request)
    const endedMs = Date.now()
    const read = status === 200 ? room.instruments.read(body, query) : undefined
    if (read === undefined) {
      return [fail('rest', host, `answered ${status} with what is no list of instruments; is the address right?`)]
    }
    const said = ok('rest', host, `answers within ${span((endedMs - beganMs) / 1000)}`)
    return [said, ...clockFinding(host, headers.date, beganMs, endedMs)]
  } catch (error) {
    return [fail('rest', host, messageOf(error))]
  } finally {
    agent.destroy()
    limits.close()
  }
}

/** How far our clock is from the venue's, at least: the header was written at some time of the request. */
function clockFinding(host: string, date: string | undefined, beganMs: number, endedMs: number): Finding[] {
  const theirsMs = Date.parse(date ?? '')
  if (Number.isNaN(theirsMs)) return []
  const ahead = beganMs - (theirsMs + CLOCK_STEP_MS)
  const behind = theirsMs - endedMs
  const offMs = Math.max(ahead, behind)
  if (offMs <= 0) return [ok('clock', host, 'is ours within a second')]
  const text = `ours is ${span(offMs / 1000)} ${ahead > 0 ? 'ahead' : 'behind'}; set this machine's clock (NTP)`
  return [offMs > CLOCK_MS_MAX ? fail('clock', host, text) : warn('clock', host, text)]
}
