// What the demo and the end-to-end tests bring into a cluster: the images, each under a tag that changes with what it
// holds, and the chart.
import { join, resolve } from 'node:path'
import { output, run } from './commands.ts'
import { buildImages } from './images.ts'
import type { Cluster, Say } from './kind/open.ts'
import { tool } from './tools.ts'

const root = resolve(import.meta.dirname, '..')
const NATS_IMAGE = 'nats:2.15.2-alpine'

/** Namespace of the operator. */
export const SYSTEM = 'marketprism-system'
/** Name of the chart's release. */
export const RELEASE = 'marketprism'

/** Whole references of images. */
export interface Tags {
  readonly collector: string
  readonly operator: string
  readonly exchange: string
}

/** Images that are built, and every reference by which a cluster is to have them, that of NATS among them. */
export interface Built {
  readonly tags: Tags
  readonly references: readonly string[]
}

/**
 * Builds the images, and fetches that of NATS.
 * @param nextEnding operator and collector also get a tag with this ending, as if they were the next release
 */
export async function buildTagged(say: Say, nextEnding?: string): Promise<Built> {
  const tagged = new Map<string, string>()
  const references = [NATS_IMAGE]
  for (const { reference, id, bytes } of await buildImages()) {
    say(`  ${reference}: ${(bytes / 1e6).toFixed(1)} MB beyond its base`)
    const image = `${reference}-${id.replace('sha256:', '').slice(0, 12)}`
    const name = image.slice('marketprism/'.length, image.indexOf(':'))
    const next = nextEnding === undefined || name === 'exchange' ? [] : [`${image}${nextEnding}`]
    for (const one of [image, ...next]) await run('docker', ['tag', reference, one])
    references.push(image, ...next)
    tagged.set(name, image)
  }
  if ((await output('docker', ['image', 'inspect', NATS_IMAGE])) === undefined) {
    await run('docker', ['pull', '--quiet', NATS_IMAGE], { name: `the image ${NATS_IMAGE}` })
  }
  const of = (name: string): string => tagged.get(name) ?? name
  return { tags: { collector: of('collector'), operator: of('operator'), exchange: of('exchange') }, references }
}

/** Brings images to the nodes of a cluster. */
export async function loadTagged(cluster: Cluster, { references }: Built): Promise<void> {
  await cluster.load(references)
  // The nodes have them; here the plain tags are enough.
  await output('docker', ['rmi', ...references.filter((one) => one !== NATS_IMAGE)])
}

/** Builds the images and brings them to the nodes, and that of NATS. */
export async function loadImages(cluster: Cluster, say: Say): Promise<Tags> {
  const built = await buildTagged(say)
  await loadTagged(cluster, built)
  return built.tags
}

/**
 * Installs the chart, or upgrades it, and waits until its operators are ready.
 * @param values more arguments of Helm
 */
export async function installChart(
  cluster: Cluster,
  { operator, collector }: Pick<Tags, 'operator' | 'collector'>,
  values: readonly string[] = [],
): Promise<void> {
  const tagOf = (image: string): string => image.slice(image.indexOf(':') + 1)
  const args = ['upgrade', '--install', RELEASE, join(root, 'charts/marketprism')]
  args.push('--create-namespace', '--wait', '--timeout', '3m')
  args.push('--set-string', `image.tag=${tagOf(operator)},collector.image.tag=${tagOf(collector)}`)
  await helm(cluster, [...args, ...values], 'installing the chart')
}

/** Takes the chart away; what it keeps stays. */
export async function uninstallChart(cluster: Cluster): Promise<void> {
  await helm(
    cluster,
    ['uninstall', RELEASE, '--ignore-not-found', '--wait', '--timeout', '2m'],
    'uninstalling the chart',
  )
}

async function helm({ kubeconfig, context }: Cluster, args: readonly string[], name: string): Promise<void> {
  const where = ['--kubeconfig', kubeconfig, '--kube-context', context, '--namespace', SYSTEM]
  await run(await tool('helm'), [...args, ...where], { name })
}
