import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { crd } from '../crds/crd.ts'
import { GENERATED, stale } from './generate.ts'

test('generated files are what their declarations say; else run `npm run generate`', async () => {
  expect((await stale(join(import.meta.dirname, '..'))).map(({ path }) => path)).toEqual([])
})

test('a file that is missing or was edited is stale', async () => {
  const root = mkdtempSync(join(tmpdir(), 'generate-'))
  try {
    writeFileSync(join(root, 'edited'), 'new and edited')
    writeFileSync(join(root, 'kept'), 'new')
    const files = ['missing', 'edited', 'kept'].map((path) => ({ path, render: () => 'new' }))
    expect((await stale(root, files)).map(({ path }) => path)).toEqual(['missing', 'edited'])
  } finally {
    rmSync(root, { recursive: true })
  }
})

test('the CRD is small enough for kubectl apply, and says the same to a parser of YAML 1.1', () => {
  const yaml = GENERATED.find(({ path }) => path === 'crds/collectors.marketprism.io.yaml')?.render() ?? ''
  expect(yaml).toMatch(/^# Generated from crds\/collector\.ts/)
  expect(Buffer.byteLength(JSON.stringify(crd()))).toBeLessThan(100_000)
  expect(Buffer.byteLength(yaml)).toBeLessThan(262_144)
  expect(parse(yaml)).toEqual(crd())
  expect(parse(yaml, { version: '1.1' })).toEqual(crd())
})
