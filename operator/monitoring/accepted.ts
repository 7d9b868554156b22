// Whether a Prometheus has taken up what was installed, as the Prometheus Operator writes it into the status of each object
// (`status.bindings`; behind its feature gate StatusForConfigurationResources). Where it writes nothing, nothing is known.
//
// In: our objects as they are in the cluster. Out: who has taken them up, and who refuses them and why. Pure.
import type { KubeObject } from '../kube/objects.ts'

interface Binding {
  readonly resource?: string
  readonly namespace?: string
  readonly name?: string
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[]
}

/** What became of our objects at those that read them. */
export interface Acceptance {
  /** `monitoring/k8s`: has taken up the rules. */
  readonly loadedBy: readonly string[]
  /** Sentences. */
  readonly rejected: readonly string[]
}

/** @param objects those of one Collector, with their status */
export function acceptanceOf(objects: readonly KubeObject[]): Acceptance {
  const all = objects.flatMap((object) => bindingsOf(object).map((binding) => ({ object, binding })))
  return {
    loadedBy: all.flatMap(({ object, binding }) =>
      object.kind === 'PrometheusRule' && verdictOf(binding)?.status === 'True' ? [nameOf(binding)] : [],
    ),
    rejected: all.flatMap(({ object, binding }) => {
      const verdict = verdictOf(binding)
      if (verdict?.status !== 'False') return []
      return [`${nameOf(binding)} refuses the ${object.kind}: ${(verdict.message ?? 'it does not say why').trim()}.`]
    }),
  }
}

function bindingsOf(object: KubeObject): readonly Binding[] {
  const { bindings } = (object['status'] ?? {}) as { readonly bindings?: readonly Binding[] }
  return bindings ?? []
}

function verdictOf({ conditions = [] }: Binding) {
  return conditions.find(({ type }) => type === 'Accepted')
}

function nameOf({ namespace = '', name = '' }: Binding): string {
  return `${namespace}/${name}`
}
