// Gathers what an image holds beyond its base: the sources that its entry reaches, as JavaScript, and the packages that
// these import. Node could run the sources as they are, but what takes the types away stays in memory: 21 MB of an
// operator at rest.
//
//   node hack/images/pack.ts system FILE     what the base itself holds (Node, Debian packages), as JSON
//   node hack/images/pack.ts all FOLDER FILE   FOLDER/<image>/, each a file system to be copied onto the base
//
// In: sources, node_modules and package-lock.json of this repository. Out: /app and /sbom.json of each image. Always:
// the same input gives the same bytes, names, modes and times (SOURCE_DATE_EPOCH); a line of an image is the line of its
// source. Never: runs npm, reaches a network, imports a package: it runs where nothing is installed yet.
import {
  chmodSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { bom, type LockFile, type SystemPackages, systemPackages } from './sbom.ts'

/** Images by name, and the source that each starts with. */
export const ENTRIES = {
  collector: 'collector/main.ts',
  operator: 'operator/main.ts',
  exchange: 'test/exchange/main.ts',
} as const
export type ImageName = keyof typeof ENTRIES

const root = resolve(import.meta.dirname, '../..')

/** Only a compiler, a debugger or a reader opens these; licences stay. */
const UNUSED = /\.(?:[cm]?ts|map|md|markdown|flow|tsbuildinfo)$/i

/** What stands before the name of what is imported: `import … from`, `export … from`, `import`, `import(`. */
const IMPORTS = /(^\s*(?:import|export)\b[^'"`;]*?\bfrom\s+|^\s*import\s+|\bimport\(\s*)'([^']+)'/gm

if (import.meta.main) {
  const [what, target = '', system = ''] = process.argv.slice(2)
  if (what === 'system') writeFileSync(target, JSON.stringify(systemPackages()))
  else if (what === 'all') {
    const base = JSON.parse(readFileSync(system, 'utf8')) as SystemPackages
    for (const image of Object.keys(ENTRIES) as ImageName[]) pack(image, join(target, image), base)
  } else {
    console.error('Write: node hack/images/pack.ts system FILE, or: node hack/images/pack.ts all FOLDER FILE')
    process.exitCode = 2
  }
}

/** Where the JavaScript of a source is. */
export function emittedPath(file: string): string {
  return file.replace(/\.ts$/, '.js')
}

/** What an image sets in the environment, by the Dockerfile. */
export function environmentOf(image: ImageName): Record<string, string> {
  const text = readFileSync(join(root, 'hack/Dockerfile'), 'utf8')
  const stage = text.split(/^FROM /m).find((one) => one.startsWith(`image AS ${image}\n`)) ?? ''
  return Object.fromEntries(
    [...stage.matchAll(/^(?:ENV| {4}) ?(\w+)=(\S+)/gm)].map(([, name = '', value = '']) => [name, value]),
  )
}

/** Writes the file system of one image into a folder. @param entry the source that it starts with */
export function pack(image: ImageName, folder: string, system: SystemPackages, entry: string = ENTRIES[image]): void {
  const { files, packages } = reached(entry)
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as LockFile
  const folders = closure(packages, lock)
  for (const file of files) emit(file, join(folder, 'app', emittedPath(file)))
  for (const from of folders) copyPackage(from, join(folder, 'app', from))
  const text = JSON.stringify(bom({ image, lock, folders, system, epochSeconds: epochSeconds() }), null, 1)
  writeFileSync(join(folder, 'sbom.json'), `${text}\n`)
  settle(folder)
}

function epochSeconds(): number {
  return Number(process.env['SOURCE_DATE_EPOCH'] ?? 0)
}

/** The files that an entry reaches, as paths from the root, and the names of the packages that these import. */
export function reached(entry: string): { readonly files: readonly string[]; readonly packages: readonly string[] } {
  const files = new Set<string>(['package.json'])
  const packages = new Set<string>()
  const open = [entry]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue
    files.add(file)
    if (!file.endsWith('.ts')) continue
    for (const specifier of specifiersOf(readFileSync(join(root, file), 'utf8'))) {
      if (specifier.startsWith('.')) open.push(relative(root, resolve(root, dirname(file), specifier)))
      else if (!specifier.startsWith('node:')) packages.add(packageOf(specifier))
    }
  }
  return { files: [...files].toSorted(), packages: [...packages].toSorted() }
}

/** What a file imports when it runs; what only its types need is gone before. */
function specifiersOf(text: string): string[] {
  return [...stripTypeScriptTypes(text).matchAll(IMPORTS)].map(([, , specifier = '']) => specifier)
}

/** A source as JavaScript: without its types, in whose place are blanks, and importing what is beside it as such. */
function emitted(text: string): string {
  const imported = (_: string, before: string, specifier: string): string =>
    `${before}'${specifier.startsWith('.') ? emittedPath(specifier) : specifier}'`
  return stripTypeScriptTypes(text).replace(IMPORTS, imported)
}

/** `@nats-io/nats-core` of `@nats-io/nats-core/internal` */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The folders of packages and of all that they need, as paths from the root. Types are needed by nobody who runs. */
function closure(packages: readonly string[], lock: LockFile): string[] {
  const folders = new Set<string>()
  const open = packages.map((name) => found(name, ''))
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (folders.has(folder)) continue
    folders.add(folder)
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest
    const needed = Object.keys(manifest.dependencies ?? {}).filter((name) => !name.startsWith('@types/'))
    for (const name of needed) open.push(found(name, folder))
    for (const name of Object.keys(manifest.peerDependencies ?? {})) {
      // One that is not installed is optional, else npm would have installed it.
      const peer = lookUp(name, folder)
      if (peer !== undefined && isProduction(lock.packages[peer])) open.push(peer)
    }
  }
  return [...folders].toSorted()
}

function isProduction(entry: LockFile['packages'][string] | undefined): boolean {
  return entry !== undefined && entry.dev !== true && entry.optional !== true
}

function found(name: string, from: string): string {
  const folder = lookUp(name, from)
  if (folder === undefined)
    throw new Error(`${name}, which ${from || 'our code'} imports, is not installed: run npm ci.`)
  return folder
}

/** Where Node would find a package: beside the one that asks, or further up. */
function lookUp(name: string, from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    if (basename(at) !== 'node_modules') {
      const folder = join(at === '.' ? '' : at, 'node_modules', name)
      if (existsSync(join(root, folder, 'package.json'))) return folder
    }
    if (at === '' || at === '.') return undefined
  }
}

function copyPackage(from: string, to: string): void {
  const source = join(root, from)
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    const path = relative(source, join(entry.parentPath, entry.name))
    // A package inside a package is a folder of the closure by itself, or not needed.
    if (!entry.isFile() || UNUSED.test(entry.name) || path.split('/').includes('node_modules')) continue
    copy(join(from, path), join(to, path))
  }
}

function emit(from: string, to: string): void {
  if (!from.endsWith('.ts')) return copy(from, to)
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, emitted(readFileSync(join(root, from), 'utf8')))
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(join(root, from), to)
}

/** Gives everything the same modes and times on every machine. */
function settle(folder: string): void {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  for (const entry of [...entries, undefined]) {
    const path = entry === undefined ? folder : join(entry.parentPath, entry.name)
    chmodSync(path, entry?.isFile() ? 0o644 : 0o755)
  }
  // Times last, and folders after what is in them, which a copy would touch.
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name)).toSorted((a, b) => b.length - a.length)
  for (const path of [...paths, folder]) lutimesSync(path, epochSeconds(), epochSeconds())
}
