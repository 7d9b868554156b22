// The document of a shard. Immutable and named by its hash: a pod of an older template that starts again reads what it
// was made for, and a rollback brings its configuration along.
import type { KubeObject } from '../kube/objects.ts'
import type { Desired, Shard } from './facts.ts'
import { LABEL } from './labels.ts'
import { metadataOf } from './metadata.ts'
import { CONFIG } from './pod.ts'

export function configMap({ owner }: Desired, { index, configName, text }: Shard): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadataOf(owner, configName, { [LABEL.shard]: String(index) }),
    immutable: true,
    data: { [CONFIG.file]: text },
  }
}
