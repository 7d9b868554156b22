import { readFileSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { describe, expect, test } from 'vitest'
import { GOLDEN, UID, desiredOf, goldenDesired, goldenNames, shardOf } from '../../test/support/desired.ts'
import { objectsOf, refusals } from './index.ts'

// UPDATE_GOLDEN=1 writes the objects of the golden pairs anew, for people who then read the diff.

const isUpdate = process.env['UPDATE_GOLDEN'] === '1'
if (isUpdate && process.env['CI'] === 'true')
  throw new Error('UPDATE_GOLDEN is for people who read the diff, not for CI')

function rendered(name: string): string {
  const head = `# What becomes of ${name}.collector.yaml. Written by UPDATE_GOLDEN=1; do not edit.\n`
  const documents = objectsOf(goldenDesired(name)).map((object) =>
    stringify(object, { lineWidth: 120, aliasDuplicateObjects: false, singleQuote: true }),
  )
  return head + documents.join('---\n')
}

function fileOf(name: string): string {
  return `${GOLDEN}${name}.objects.yaml`
}

describe('what becomes of a Collector', () => {
  test.each(goldenNames)('%s: the objects that are written down', (name) => {
    if (isUpdate) writeFileSync(fileOf(name), rendered(name))
    expect(rendered(name)).toBe(readFileSync(fileOf(name), 'utf8'))
  })

  test.each(goldenNames)('%s: nothing of it is refused', (name) => {
    const { owner, facts } = goldenDesired(name)
    expect(refusals(owner.spec, facts)).toEqual([])
  })

  test.each(goldenNames)(
    '%s: each object is the Collector’s, in its namespace, under our labels and one name',
    (name) => {
      const { owner, ...rest } = goldenDesired(name)
      const objects = objectsOf({ owner, ...rest })
      for (const { metadata } of objects) {
        expect(metadata).toMatchObject({
          namespace: owner.namespace,
          labels: { 'app.kubernetes.io/instance': owner.name, 'app.kubernetes.io/managed-by': 'marketprism-operator' },
          ownerReferences: [
            { kind: 'Collector', name: owner.name, uid: UID, controller: true, blockOwnerDeletion: true },
          ],
        })
      }
      const ids = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
      expect(new Set(ids).size).toBe(ids.length)
    },
  )

  test('nothing is sent that says nothing: no null, nothing undefined', () => {
    const objects = goldenNames.flatMap((name) => objectsOf(goldenDesired(name)))
    expect(voids(objects)).toEqual([])
    expect(structuredClone(objects)).toEqual(JSON.parse(JSON.stringify(objects)))
  })

  test('C017: Collectors whose names are alike have no object in common, and no selector that matches the other', () => {
    const alike = ['majors', 'majors-0', 'majors-0-a', 'majors-0-0'].map((name) => {
      const { owner, facts } = desiredOf({ redundancy: 2 })
      const shards = [shardOf(name, 0), shardOf(name, 1)]
      return objectsOf({ owner: { ...owner, name }, facts, shards })
    })
    const ids = alike.flat().map(({ kind, metadata }) => `${kind}/${metadata.name}`)
    expect(new Set(ids).size).toBe(ids.length)
    for (const objects of alike) {
      const selected = JSON.stringify(objects).match(/"app.kubernetes.io\/instance":"[^"]+"/g) ?? []
      expect(new Set(selected).size).toBe(1)
    }
  })

  test('an API that the cluster does not have is asked for nothing', () => {
    const apis = { podMonitor: false, prometheusRule: false, alertmanagerConfig: false, grafanaDashboard: false }
    const kinds = objectsOf(desiredOf({}, { apis })).map(({ kind }) => kind)
    expect(kinds).not.toContain('PodMonitor')
  })

  test('C015: one publisher has no disruption budget, two may not go at once', () => {
    const budgets = (redundancy: number) =>
      objectsOf(desiredOf({ redundancy })).filter(({ kind }) => kind === 'PodDisruptionBudget')
    expect(budgets(1)).toEqual([])
    expect(budgets(2)).toMatchObject([{ spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' } }])
  })
})

/** Paths of what is null, or a key without a value. */
function voids(value: unknown, path = ''): string[] {
  if (value === null || value === undefined) return [path]
  if (typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, each]) => voids(each, `${path}.${key}`))
}
