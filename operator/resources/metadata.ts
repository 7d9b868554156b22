// What every object of a Collector has in common: where it lives, whose it is, how it is found.
//
// Always: in the Collector's namespace, since an owner in another namespace counts as absent and the object would be
// collected as garbage; owned, so that it goes with the Collector without a finalizer.
import { API_VERSION, GROUP, KIND } from '../../crds/collector.ts'
import type { Metadata } from '../kube/objects.ts'
import type { Owner } from './facts.ts'
import { labelsOf } from './labels.ts'

/** Metadata of an object of this Collector; `labels` come beside those that all of its objects have. */
export function metadataOf(owner: Owner, name: string, labels: Readonly<Record<string, string>> = {}): Metadata {
  const { name: ownerName, namespace, uid } = owner
  const controller = { apiVersion: `${GROUP}/${API_VERSION}`, kind: KIND, name: ownerName, uid }
  return {
    name,
    namespace,
    labels: { ...labels, ...labelsOf(ownerName) },
    ownerReferences: [{ ...controller, controller: true, blockOwnerDeletion: true }],
  }
}

/** The fields that say something: without those that are undefined, an empty list or an empty map. */
export function given<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && !isEmpty(value))
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
