// The volume of a publisher whose sink is files. It belongs to the Collector and goes with it: who wants to keep the
// files takes a storage class that retains its volumes.
import type { FileSink } from '../../crds/collector.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { Desired, Owner, Shard } from './facts.ts'
import { LABEL, type Publisher, deploymentName } from './labels.ts'
import { given, metadataOf } from './metadata.ts'

/** What the Collector says of its volumes; undefined where there are none to claim. */
export function volumeOf({ spec }: Owner): FileSink['volume'] {
  return spec.sink.file?.volume
}

/** Wanted where {@link volumeOf} says something. The name is that of the Deployment whose pod writes to it. */
export function volumeClaim({ owner }: Desired, { index }: Shard, publisher: Publisher): KubeObject {
  const { size, storageClassName } = volumeOf(owner) ?? {}
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataOf(owner, deploymentName(owner.name, index, publisher), {
      [LABEL.shard]: String(index),
      [LABEL.publisher]: publisher,
    }),
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      ...given({ storageClassName }),
    },
  }
}
