// The account that pods run as. It may do nothing, and no token of it is mounted: collectors never ask the API server.
import { GROUP } from '../../crds/collector.ts'
import type { KubeObject } from '../kube/objects.ts'
import { quoted } from '../../crds/sentence.ts'
import type { Desired, Owner } from './facts.ts'
import { metadataOf } from './metadata.ts'

/** Label by which the owner of a ServiceAccount lets Collectors use it. */
export const OPT_IN = { key: `${GROUP}/collectors`, value: 'allowed' } as const

/** Wanted where the Collector names none of its own. */
export function serviceAccount({ owner }: Desired): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadataOf(owner, owner.name),
    automountServiceAccountToken: false,
  }
}

/** Name of the account that the pods run as. */
export function serviceAccountOf({ name, spec }: Owner): string {
  return spec.serviceAccount ?? name
}

/**
 * Why a Collector may not use the account that it names: whoever may write a Collector could otherwise run pods as any
 * account of the namespace. @param found the account as it is in the cluster; undefined where there is none
 */
export function refusedServiceAccount(
  name: string,
  found: Pick<KubeObject, 'metadata'> | undefined,
): string | undefined {
  if (found === undefined) {
    return `spec.serviceAccount: there is no ServiceAccount ${quoted(name)} in this namespace; create it, or leave the field out.`
  }
  if (found.metadata.labels?.[OPT_IN.key] === OPT_IN.value) return undefined
  const label = `${OPT_IN.key}=${OPT_IN.value}`
  return `spec.serviceAccount: ServiceAccount ${quoted(name)} is not open to Collectors; label it ${label}, or name another.`
}
