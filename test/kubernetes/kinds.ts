// Kinds of other operators in a control plane of the tests: there, and gone again.
import { expect, vi } from 'vitest'
import { CRD, type Kind } from '../../operator/kube/objects.ts'
import type { ControlPlane } from './controlplane.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const ANY = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
const WAIT = { timeout: 40_000, interval: 100 }

/** Makes the API server serve a kind, with whatever fields or those of the schema; resolves when it does. */
export async function serveKind(plane: ControlPlane, of: Kind, openAPIV3Schema: object = ANY): Promise<void> {
  const { group, version, plural, kind } = of
  const { status } = await plane.request('POST', CRDS, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: CRD.kind,
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  })
  expect([201, 409]).toContain(status)
  const path = `/apis/${group}/${version}/${plural}`
  await vi.waitFor(async () => expect((await plane.request('GET', path)).status).toBe(200), WAIT)
}

/** Resolves when the kind is gone, and every object of it. */
export async function removeKind(plane: ControlPlane, { group, plural }: Kind): Promise<void> {
  const path = `${CRDS}/${plural}.${group}`
  await plane.request('DELETE', path)
  await vi.waitFor(async () => expect((await plane.request('GET', path)).status).toBe(404), WAIT)
}
