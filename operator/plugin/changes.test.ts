import { expect, test } from 'vitest'
import { APPLIED } from '../kube/apply.ts'
import { changesOf } from './changes.ts'

const BEFORE = {
  kind: 'Deployment',
  metadata: { name: 'a', resourceVersion: '1', annotations: { [APPLIED]: 'one', 'team/owner': 'quant' } },
  spec: { containers: [{ name: 'collector', image: 'one', args: ['run', '-f'] }], replicas: 1 },
  status: { replicas: 1 },
}

test.each([
  ['nothing that counts', { ...BEFORE, status: {}, metadata: { ...BEFORE.metadata, resourceVersion: '2' } }, []],
  [
    'a field of a named item',
    { ...BEFORE, spec: { ...BEFORE.spec, containers: [{ name: 'collector', image: 'two', args: ['run', '-f'] }] } },
    [{ path: 'spec.containers[collector].image', before: 'one', after: 'two' }],
  ],
  [
    'one item more, before the others',
    { ...BEFORE, spec: { ...BEFORE.spec, containers: [{ name: 'proxy' }, ...BEFORE.spec.containers] } },
    [{ path: 'spec.containers[proxy]', before: undefined, after: { name: 'proxy' } }],
  ],
  [
    'a field that goes, and our hash beside it',
    {
      ...BEFORE,
      metadata: { ...BEFORE.metadata, annotations: { [APPLIED]: 'two' } },
    },
    [{ path: "metadata.annotations['team/owner']", before: 'quant', after: undefined }],
  ],
  [
    'our hash alone',
    { ...BEFORE, metadata: { ...BEFORE.metadata, annotations: { [APPLIED]: 'two', 'team/owner': 'quant' } } },
    [{ path: `metadata.annotations['${APPLIED}']`, before: 'one', after: 'two' }],
  ],
])('%s', (_, after, expected) => {
  expect(changesOf(BEFORE, after)).toEqual(expected)
})
