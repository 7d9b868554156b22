import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parseAllDocuments, stringify } from 'yaml'
import { changed, SHORTEST } from '../../test/support/manifests.ts'
import { ran } from '../../test/support/command.ts'
import type { KubeObject } from '../kube/objects.ts'
import { exportCommand } from './export.ts'
import { planCommand } from './plan.ts'

// UPDATE_GOLDEN=1 writes the plan anew, for people who then read the diff.

const folder = mkdtempSync(join(tmpdir(), 'plan-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
function saved(manifest: object): string {
  const file = join(folder, `${(files += 1)}.yaml`)
  writeFileSync(file, stringify(manifest))
  return file
}

const SPEC = { shards: 2, redundancy: 2, monitoring: { dashboards: { enabled: false } } }
const FEEDS = [{ exchange: 'binance', market: 'spot', symbols: ['BTC-USDT', 'ETH-USDT', 'SOL-USDT'], types: ['trade'] }]
const WIDE = changed({ ...SPEC, feeds: FEEDS })

/** What a person reads first: the lines that are comments, and the document of each shard. */
function gist(text: string): string {
  const configs = parseAllDocuments(text).map((document) => document.toJS() as KubeObject)
  const texts = configs.flatMap(({ kind, data }) => (kind === 'ConfigMap' ? Object.values(data as object) : []))
  const comments = text.split('\n').filter((line) => line.startsWith('# '))
  return [...comments, '', ...(texts as string[])].join('\n')
}

describe('plan', () => {
  test('says what it is, and prints every object as a document', async () => {
    const { code, out, err } = await ran(planCommand, ['-f', saved(WIDE), '-n', 'desk-a'])
    expect([code, err]).toEqual([0, ''])
    const golden = new URL('golden/plan.txt', import.meta.url)
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, gist(out))
    expect(gist(out)).toBe(readFileSync(golden, 'utf8'))
  })

  test('the same for machines, and the image that it is told', async () => {
    const args = ['-f', saved(WIDE), '-n', 'desk-a', '-o', 'json', '--collector-image', 'team/collector:9']
    const { code, out } = await ran(planCommand, args)
    expect(code).toBe(0)
    const { items } = JSON.parse(out) as { items: KubeObject[] }
    const deployments = items.filter(({ kind }) => kind === 'Deployment')
    expect(deployments.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
      'desk-a/majors-0-a',
      'desk-a/majors-0-b',
      'desk-a/majors-1-a',
      'desk-a/majors-1-b',
    ])
    expect(JSON.stringify(deployments[0])).toContain('team/collector:9')
  })

  test('reads standard input', async () => {
    const { code, out } = await ran(planCommand, ['-f', '-'], { stdin: JSON.stringify(SHORTEST) })
    expect([code, out.split('\n')[0]]).toEqual([0, expect.stringContaining('Collector default/majors: 1 shard')])
  })

  test('what a manifest annotates reaches no terminal as it is', async () => {
    const { out } = await ran(planCommand, [
      '-f',
      saved(changed({ podAnnotations: { note: '\u202eturned\u009b31m' } })),
    ])
    expect(out).toMatch(/^[\n\P{C}]*$/u)
  })

  test('is the same at every call', async () => {
    const file = saved(WIDE)
    expect(await ran(planCommand, ['-f', file])).toEqual(await ran(planCommand, ['-f', file]))
  })

  test.each([
    ['no manifest', [], 'write kubectl marketprism plan -f collector.yaml'],
    ['a file that is not there', ['-f', 'missing.yaml'], 'missing.yaml cannot be read (ENOENT)'],
    ['a flag that there is not', ['-f', 'a', '--dif'], "Unknown option '--dif'"],
    ['an output that there is not', ['-f', 'a', '-o', 'xml'], 'write -o yaml or -o json'],
  ])('%s: a sentence and exit code 2', async (_, args, says) => {
    const { code, out, err } = await ran(planCommand, args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(says)
  })

  test('a manifest with faults: each where it stands, and what to write', async () => {
    const { code, err } = await ran(planCommand, ['-f', saved(changed({ redundency: 2 }))])
    expect(code).toBe(2)
    expect(err).toMatch(/:\d+:\d+: spec\.redundency: .*redundancy/)
  })

  test('a namespace of the manifest and another of the flag: neither is chosen', async () => {
    const file = saved({ ...SHORTEST, metadata: { name: 'majors', namespace: 'desk-a' } })
    const { code, err } = await ran(planCommand, ['-f', file, '-n', 'desk-b'])
    expect([code, err]).toEqual([2, expect.stringContaining('leave one of them out')])
  })

  test('what the operator would refuse is refused here, in its words', async () => {
    const feeds = [{ ...SHORTEST.spec.feeds[0], endpoints: { websocket: 'wss://169.254.169.254/ws' } }]
    const { code, err } = await ran(planCommand, ['-f', saved(changed({ feeds }))])
    expect([code, err]).toEqual([2, expect.stringContaining('the operator would refuse it: ')])
  })
})

test('export monitoring writes rules and dashboards as plain files', async () => {
  const dir = join(folder, 'monitoring')
  const { code, out, err } = await ran(exportCommand, [
    'monitoring',
    '-f',
    saved(SHORTEST),
    '-n',
    'desk-a',
    '--dir',
    dir,
  ])
  expect([code, err]).toEqual([0, ''])
  const files = out.trim().split('\n')
  const textOf = (end: string) => readFileSync(files.find((file) => file.endsWith(end)) ?? end, 'utf8')
  expect(textOf('majors.rules.yaml')).toMatch(/^groups:/m)
  expect(JSON.parse(textOf('_overview.json'))).toMatchObject({ title: expect.stringContaining('desk-a/majors') })
})
