// What goes into the images, without Docker: each entry must run from what was packed for it, and from nothing else.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { emittedPath, ENTRIES, environmentOf, type ImageName, pack, reached } from './pack.ts'
import { dpkgPackages } from './sbom.ts'

const BYTES_MAX = 60_000_000
const folder = mkdtempSync(join(tmpdir(), 'marketprism-images-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const system = { node: '26.10.0', distribution: 'debian 12', packages: [] }
const ARGS: Record<ImageName, readonly string[]> = {
  collector: ['--help'],
  operator: ['--help'],
  exchange: ['--exchange', 'okx', '--json', '--duration', '1ms'],
}

// Two thousand files are written twice.
describe.each(Object.entries(ENTRIES) as [ImageName, string][])('image %s', { timeout: 60_000 }, (image, entry) => {
  const at = join(folder, image)

  test('its entry runs from what was packed, and from nothing else', () => {
    pack(image, at, system)
    const { status, stderr } = spawnSync(process.execPath, [join(at, 'app', emittedPath(entry)), ...ARGS[image]], {
      cwd: at,
    })
    expect(stderr.toString()).toBe('')
    expect(status).toBe(0)
  })

  test('it is under 60 MB beyond its base, and holds no test', () => {
    const files = filesOf(at)
    expect(files.reduce((bytes, path) => bytes + statSync(path).size, 0)).toBeLessThan(BYTES_MAX)
    const ours = files.filter((path) => !path.includes('node_modules'))
    expect(ours.filter((path) => /\.test\.[jt]s$|\/golden\//.test(path))).toEqual([])
  })

  test('it holds JavaScript, each line where it stands in its source', () => {
    expect(filesOf(at).filter((path) => path.endsWith('.ts'))).toEqual([])
    for (const source of reached(entry).files) {
      const [text, packed] = [source, join(at, 'app', emittedPath(source))].map((path) => readFileSync(path, 'utf8'))
      expect(packed?.split('\n').length, source).toBe(text?.split('\n').length)
    }
  })

  test('its bill of materials names each package that it holds, once, with version and licence', () => {
    const bill = JSON.parse(readFileSync(join(at, 'sbom.json'), 'utf8')) as Bill
    const npm = bill.components.filter(({ purl }) => purl.startsWith('pkg:npm/'))
    const held = filesOf(join(at, 'app/node_modules'))
      .filter((path) => /node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path))
      .map((path) => JSON.parse(readFileSync(path, 'utf8')) as { name: string; version: string })
      .map(({ name, version }) => `${name}@${version}`)
    expect(npm.map(({ name, version }) => `${name}@${version}`).toSorted()).toEqual([...new Set(held)].toSorted())
    expect(npm.filter(({ licenses }) => licenses?.length !== 1)).toEqual([])
    expect(bill.components).toContainEqual(expect.objectContaining({ purl: 'pkg:generic/node@26.10.0' }))
  })

  test('packed again it has the same names, times and bytes', () => {
    const again = join(folder, 'again', image)
    pack(image, again, system)
    expect(listing(again)).toEqual(listing(at))
  })
})

test('what the Dockerfile sets for an image is known, so that what is measured is what runs', () => {
  expect(Object.keys(environmentOf('operator'))).toEqual([
    'MALLOC_ARENA_MAX',
    'MALLOC_MMAP_THRESHOLD_',
    'MALLOC_TRIM_THRESHOLD_',
    'NODE_OPTIONS',
  ])
  expect(environmentOf('collector')).toEqual({})
})

test("Debian's list gives what is installed, and not what was removed", () => {
  const entry = (name: string, status: string): string =>
    `Package: ${name}\nStatus: ${status}\nArchitecture: amd64\nVersion: 1:2.3-4\nDescription: a thing\n more of it`
  const text = [entry('kept', 'install ok installed'), entry('gone', 'deinstall ok config-files')].join('\n\n')
  expect(dpkgPackages(text)).toEqual([{ name: 'kept', version: '1:2.3-4', architecture: 'amd64' }])
})

interface Bill {
  readonly components: readonly { purl: string; name: string; version: string; licenses?: readonly object[] }[]
}

function filesOf(path: string): string[] {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

function listing(path: string): string[] {
  return filesOf(path)
    .map((file) => {
      const { mode, mtimeMs, size } = statSync(file)
      return `${file.slice(path.length)} ${mode} ${mtimeMs} ${size}`
    })
    .toSorted()
}
