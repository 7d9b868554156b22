// Which images a Collector may name. Whoever may write a Collector could otherwise run any program in its namespace.
import { quoted } from '../../crds/sentence.ts'
import type { ClusterFacts, Owner } from './facts.ts'

/**
 * Whether one of the patterns is this image; `*` stands for any run of characters, a slash included.
 * Names are compared as they are written: `nginx` and `docker.io/library/nginx` are two.
 */
export function isAllowedImage(image: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matches(image, pattern.split('*')))
}

/** The image of the pods, allowed or not. */
export function imageOf(spec: Owner['spec'], facts: ClusterFacts): string {
  return spec.image ?? facts.image
}

/** Why the Collector's image may not run; undefined where it may. That of the operator's own choice always may. */
export function refusedImage(spec: Owner['spec'], { image, allowedImages }: ClusterFacts): string | undefined {
  if (spec.image === undefined || spec.image === image || isAllowedImage(spec.image, allowedImages)) return undefined
  const allowed = allowedImages.length === 0 ? 'allows none but its own' : `allows ${allowedImages.join(', ')}`
  return `spec.image: ${quoted(spec.image)} is not allowed here; the operator ${allowed}. Name such an image, or leave the field out.`
}

/** @param parts what stands between the stars. Linear: each part is taken where it comes first. */
function matches(text: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts
  const last = rest.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  const end = text.length - last.length
  let from = first.length
  for (const part of rest) {
    const at = text.indexOf(part, from)
    if (at < 0) return false
    from = at + part.length
  }
  return from <= end
}
