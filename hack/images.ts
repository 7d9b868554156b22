// npm run images [-- --tag 0.1.0] [--only collector,exchange] [--base IMAGE] [--check] [--attest]
//
// Builds the images marketprism/collector, marketprism/operator and marketprism/exchange from hack/Dockerfile. Always: the
// base is taken by digest where a registry gave it one; the same commit gives the same digest (`--check` builds twice
// without a cache and compares); each image carries its bill of materials as /sbom.json, and with `--attest` (buildx, and
// an engine with the containerd image store) as an attestation. Never: pushes.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import packageJson from '../package.json' with { type: 'json' }
import { dockerMissing, output, run } from './commands.ts'
import { ENTRIES, type ImageName } from './images/pack.ts'

const root = resolve(import.meta.dirname, '..')
const BASE = 'node:26-bookworm-slim'

export interface Images {
  /** Names of the images; all when left out. */
  readonly only?: readonly ImageName[] | undefined
  readonly tag?: string | undefined
  readonly base?: string | undefined
  readonly isCached?: boolean
  readonly attest?: boolean | undefined
}

/** An image that was built. */
export interface Built {
  readonly reference: string
  /** Digest of its configuration, which names every layer. */
  readonly id: string
  /** What it holds beyond its base. */
  readonly bytes: number
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
    console.error(error.message)
    return 1
  })
}

async function main(argv: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const options = { tag: text, only: text, base: text, check: flag, attest: flag }
  const { values } = parseArgs({ args: [...argv], options })
  const missing = await dockerMissing()
  if (missing !== undefined) {
    console.error(missing)
    return 1
  }
  const only = values.only?.split(',').map(imageName)
  const wanted: Images = { ...values, only, isCached: !values.check }
  const built = await buildImages(wanted)
  for (const { reference, id, bytes } of built) {
    console.log(`${reference}  ${id}  ${(bytes / 1e6).toFixed(1)} MB beyond its base`)
  }
  if (!values.check) return 0
  const again = await buildImages(wanted)
  const differing = again.filter(({ id }, i) => id !== built[i]?.id)
  for (const { reference, id } of differing) console.error(`${reference}  ${id}  is another one when built again`)
  if (differing.length === 0) console.log('Built twice: the digests are equal.')
  return differing.length === 0 ? 0 : 1
}

function imageName(name: string): ImageName {
  if (Object.hasOwn(ENTRIES, name)) return name as ImageName
  throw new Error(`there is no image '${name}'; write one of ${Object.keys(ENTRIES).join(', ')}.`)
}

/** `marketprism/collector:0.1.0` */
export function reference(image: ImageName, tag: string = packageJson.version): string {
  return `marketprism/${image}:${tag}`
}

/** Builds the images and gives what came of it, in the order asked for. */
export async function buildImages(wanted: Images = {}): Promise<Built[]> {
  const base = await pinned(wanted.base ?? BASE)
  const args = [...(await builder(wanted)), '--file', 'hack/Dockerfile']
  if (wanted.isCached === false) args.push('--no-cache')
  const variables = {
    BASE: base.reference,
    BUILDER: await pinned(BASE).then((builderImage) => builderImage.reference),
    SOURCE_DATE_EPOCH: process.env['SOURCE_DATE_EPOCH'] ?? (await git('log', '-1', '--format=%ct')) ?? '0',
    VERSION: wanted.tag ?? packageJson.version,
    REVISION: (await git('describe', '--always', '--dirty', '--abbrev=40')) ?? 'unknown',
  }
  for (const [name, value] of Object.entries(variables)) args.push('--build-arg', `${name}=${value}`)
  args.push('--label', `org.opencontainers.image.base.name=${base.name}`)
  if (base.digest !== undefined) args.push('--label', `org.opencontainers.image.base.digest=${base.digest}`)
  const built: Built[] = []
  for (const image of wanted.only ?? (Object.keys(ENTRIES) as ImageName[])) {
    const name = reference(image, wanted.tag)
    const env = { ...process.env, DOCKER_BUILDKIT: '1' }
    await run('docker', [...args, '--target', image, '--tag', name, '.'], { cwd: root, env, name: `image ${name}` })
    built.push({ reference: name, ...(await measured(name, base.reference)) })
  }
  return built
}

/**
 * The command that builds: buildx, where it is there, also rewrites the times inside layers.
 * @throws Error where attestations are wanted and cannot be made
 */
async function builder({ attest }: Images): Promise<string[]> {
  const hasBuildx = (await output('docker', ['buildx', 'version'])) !== undefined
  if (attest === true && !hasBuildx) {
    throw new Error(
      '--attest needs buildx: install the docker-buildx plugin, or leave it out; /sbom.json is there anyway.',
    )
  }
  if (attest === true && !(await keepsAttestations())) {
    throw new Error(
      '--attest needs an engine with the containerd image store, since the classic one keeps no attestations: ' +
        'turn it on (docs.docker.com/engine/storage/containerd), or leave --attest out; /sbom.json is there anyway.',
    )
  }
  if (!hasBuildx) return ['build']
  const attestations = attest === true ? ['--sbom=true', '--provenance=mode=max'] : ['--provenance=false']
  return ['buildx', 'build', '--output', 'type=docker,rewrite-timestamp=true', ...attestations]
}

async function keepsAttestations(): Promise<boolean> {
  const status = await output('docker', ['info', '--format', '{{json .DriverStatus}}'])
  return status?.includes('io.containerd.snapshotter') === true
}

/** A base image by its digest, where it has one: an image that never was in a registry has none. */
async function pinned(name: string): Promise<{ name: string; reference: string; digest: string | undefined }> {
  if (name.includes('@')) return { name, reference: name, digest: name.slice(name.indexOf('@') + 1) }
  const inspect = ['image', 'inspect', '--format', '{{json .RepoDigests}}', name]
  let answer = await output('docker', inspect)
  if (answer === undefined) {
    await run('docker', ['pull', '--quiet', name], { name: `the base image ${name}` })
    answer = await output('docker', inspect)
  }
  const [first] = JSON.parse(answer ?? '[]') as string[]
  const digest = first?.slice(first.indexOf('@') + 1)
  return { name, reference: digest === undefined ? name : `${name}@${digest}`, digest }
}

async function measured(name: string, base: string): Promise<{ id: string; bytes: number }> {
  const [id = '', size = ''] = ((await output('docker', inspecting(name))) ?? '').split(' ')
  const [, baseSize = ''] = ((await output('docker', inspecting(base))) ?? '').split(' ')
  return { id, bytes: Number(size) - Number(baseSize) }
}

function inspecting(image: string): string[] {
  return ['image', 'inspect', '--format', '{{.Id}} {{.Size}}', image]
}

function git(...args: string[]): Promise<string | undefined> {
  return output('git', ['-C', root, ...args])
}
