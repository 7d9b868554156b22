import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { NAMESPACE, renderManifest } from './manifests.ts'
import { tool, ToolMissing } from './tools.ts'

interface Written {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels: Record<string, string> }
}

// Built here, where no timeout runs.
const helm = await tool('helm').catch((error: unknown) => {
  if (error instanceof ToolMissing) return error
  throw error
})

test('the plain manifest makes its namespace first, stays within it, and bears no mark of Helm', async ({ skip }) => {
  if (helm instanceof ToolMissing) return skip(helm.message)
  const text = await renderManifest(join(import.meta.dirname, '..'))
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Written)
  expect(objects[0]).toMatchObject({ kind: 'Namespace', metadata: { name: NAMESPACE } })
  const namespaces = new Set(objects.map(({ metadata }) => metadata.namespace))
  expect(namespaces).toEqual(new Set([undefined, NAMESPACE]))
  expect(objects.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['CustomResourceDefinition', 'Deployment']))
  for (const { metadata } of objects) {
    expect(Object.keys(metadata.labels).filter((label) => /managed-by|helm/.test(label))).toEqual([])
  }
})
