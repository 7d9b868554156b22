// The bill of materials of an image, CycloneDX 1.6: our packages from package-lock.json, Node, and what the base has.
// Pure, but for systemPackages, which looks at the file system that it runs in. No random serial number and no time of
// day: the same image has the same bill.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What of package-lock.json we read. */
export interface LockFile {
  readonly version?: string
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface LockedPackage {
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
}

/** What a base image holds. */
export interface SystemPackages {
  readonly node: string
  /** `debian 12` */
  readonly distribution: string
  readonly packages: readonly { readonly name: string; readonly version: string; readonly architecture: string }[]
}

interface Component {
  readonly type: string
  readonly 'bom-ref': string
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly licenses?: readonly object[]
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
}

export interface BillOf {
  readonly image: string
  readonly lock: LockFile
  /** Folders of the packages that the image holds, as package-lock.json names them. */
  readonly folders: readonly string[]
  readonly system: SystemPackages
  readonly epochSeconds: number
}

/** The bill, as CycloneDX has it. */
export function bom({ image, lock, folders, system, epochSeconds }: BillOf): object {
  const version = lock.version ?? '0.0.0'
  const purl = `pkg:npm/marketprism@${version}`
  const node = { type: 'platform', name: 'node', version: system.node, purl: `pkg:generic/node@${system.node}` }
  const components: Component[] = [
    { ...node, 'bom-ref': node.purl },
    ...folders.map((folder) => npmComponent(folder, lock.packages[folder])),
    ...system.packages.map((one) => debianComponent(one, system.distribution)),
  ]
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(epochSeconds * 1_000).toISOString(),
      component: {
        type: 'container',
        'bom-ref': purl,
        name: `marketprism/${image}`,
        version,
        purl,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components: uniqueByRef(components),
    dependencies: [{ ref: purl, dependsOn: [...new Set(components.map((one) => one['bom-ref']))].toSorted() }],
  }
}

/** One package may lie in several folders. */
function uniqueByRef(components: readonly Component[]): Component[] {
  return [...new Map(components.map((one) => [one['bom-ref'], one])).values()]
}

function npmComponent(folder: string, entry: LockedPackage | undefined): Component {
  const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const version = entry?.version
  if (version === undefined) throw new Error(`${folder} is not in package-lock.json: run npm ci.`)
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  const [algorithm, digest] = (entry?.integrity ?? '').split('-')
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(entry?.license === undefined ? {} : { licenses: [licence(entry.license)] }),
    ...(algorithm === 'sha512' && digest !== undefined
      ? { hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] }
      : {}),
  }
}

/** `MIT` is an id of SPDX's list, `(MIT OR Apache-2.0)` an expression. */
function licence(text: string): object {
  return /^[\w.+-]+$/.test(text) ? { license: { id: text } } : { expression: text }
}

function debianComponent(one: SystemPackages['packages'][number], distribution: string): Component {
  const [id = 'debian', release = ''] = distribution.split(' ')
  const version = encodeURIComponent(one.version)
  const purl = `pkg:deb/${id}/${encodeURIComponent(one.name)}@${version}?arch=${one.architecture}&distro=${id}-${release}`
  return { type: 'library', 'bom-ref': purl, name: one.name, version: one.version, purl }
}

/** What the file system that we run in holds: Debian's list of packages, also as distroless images keep it. */
export function systemPackages(base = '/'): SystemPackages {
  const release = readOr(join(base, 'etc/os-release'))
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(release)?.[1] ?? ''
  const folder = join(base, 'var/lib/dpkg/status.d')
  const parts = existsSync(folder) ? readdirSync(folder).filter((name) => !name.endsWith('.md5sums')) : []
  const texts = [readOr(join(base, 'var/lib/dpkg/status')), ...parts.map((name) => readOr(join(folder, name)))]
  return {
    node: process.versions.node,
    distribution: `${field('ID')} ${field('VERSION_ID')}`.trim(),
    packages: texts.flatMap(dpkgPackages).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

function readOr(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** The packages of one `status` file that are installed. */
export function dpkgPackages(text: string): SystemPackages['packages'] {
  return text.split(/\n\n+/).flatMap((entry) => {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(entry)?.[1]
    const [name, version, architecture = 'all'] = [field('Package'), field('Version'), field('Architecture')]
    const status = field('Status') ?? 'install ok installed'
    if (name === undefined || version === undefined || !status.endsWith(' installed')) return []
    return [{ name, version, architecture }]
  })
}
