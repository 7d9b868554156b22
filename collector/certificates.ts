// When the certificates that a Collector names expire: known before a connection fails for it.
//
// In: the Secrets as they are mounted. Out: the earliest time. Always: read again when it is asked for, at most once a
// minute, since a Secret is rotated while we run. Never: throws; what cannot be read says nothing here, the sink does.
import { X509Certificate } from 'node:crypto'
import type { CollectorSpec } from '../crds/collector.ts'
import { readKey } from './secrets.ts'

const LOOK_MS = 60_000
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Asked for at each scrape: when the first of the certificates for the sink expires, ms since the epoch; undefined where
 * the spec names none.
 */
export function certificateClock(
  { sink }: Pick<CollectorSpec, 'sink'>,
  nowMs: () => number,
  read: (secret: string, key: string) => string | undefined = readKey,
): () => number | undefined {
  const secret = sink.nats?.tls?.secret.name
  if (secret === undefined) return () => undefined
  let known: number | undefined
  let lookedMs = -Infinity
  return () => {
    if (nowMs() - lookedMs < LOOK_MS) return known
    lookedMs = nowMs()
    known = firstOf(own(read(secret, 'tls.crt')), authorities(read(secret, 'ca.crt')))
    return known
  }
}

/** Ours is the first of its chain. */
function own(pem: string | undefined): number | undefined {
  return expiries(pem)[0]
}

/** A bundle may hold old authorities beside new ones: the last to expire is what counts. */
function authorities(pem: string | undefined): number | undefined {
  const all = expiries(pem)
  return all.length === 0 ? undefined : Math.max(...all)
}

/** When the certificates of a text expire, ms since the epoch, in its order. */
function expiries(pem = ''): number[] {
  return (pem.match(PEM) ?? []).flatMap((one) => {
    try {
      return [new X509Certificate(one).validToDate.getTime()]
    } catch {
      return []
    }
  })
}

function firstOf(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
