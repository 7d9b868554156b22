// A manifest as a person names it: a file, or `-` for what is piped in.
import { readFileSync, statSync } from 'node:fs'
import type { Collector } from '../../crds/collector.ts'
import { BYTES_MAX } from '../../crds/manifest.ts'
import { ACTED_ON_BY } from '../../crds/support.ts'
import { findingText, readManifest } from '../../collector/validate.ts'
import { Fault, type Io } from './command.ts'

/** The Collector in a file, and what is to be said of it. @throws Fault with everything that is wrong with it. */
export function collectorIn(
  file: string,
  io: Io,
): { readonly collector: Collector; readonly notes: readonly string[] } {
  const { collector, faults, notes } = readManifest(textOf(file, io), file === '-' ? 'stdin' : file)
  // What `marketprism run` leaves to the operator is no news here.
  const forUs = notes.filter(({ path }) => ACTED_ON_BY[path.replaceAll(/\[\d+\]/g, '[]')] !== 'operator')
  if (collector !== undefined) return { collector, notes: forUs.map(findingText) }
  for (const fault of faults) io.stderr.write(`${findingText(fault)}\n`)
  throw new Fault(`${file} is not a Collector that can be applied; mend it where it is said above.`)
}

function textOf(file: string, { stdin }: Io): string {
  try {
    if (file === '-') return stdin.text()
    if (statSync(file).size > BYTES_MAX) throw new Fault(`${file} is larger than 1 MiB; no Collector needs that.`)
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    if (error instanceof Fault) throw error
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : (code ?? 'unknown')
    throw new Fault(`${file} cannot be read (${why}); name a file that can.`, { cause: error })
  }
}

/** The namespace of an apply. @throws Fault where the file and the flag disagree, as kubectl does */
export function namespaceOf({ metadata }: Collector, flag: string | undefined, otherwise: string): string {
  const { namespace } = metadata
  if (namespace === undefined || flag === undefined || namespace === flag) return namespace ?? flag ?? otherwise
  throw new Fault(`the manifest says namespace ${namespace} and -n says ${flag}; leave one of them out.`)
}
