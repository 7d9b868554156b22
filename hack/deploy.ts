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

/**
 * Builds the images and brings them to the nodes, and that of NATS.
 * @param endings more tags of the same images, each with this ending, as if they were the next release
 */
export async function loadImages(cluster: Cluster, say: Say, endings: readonly string[] = []): Promise<Tags> {
  const tagged = new Map<string, string>()
  for (const { reference, id, bytes } of await buildImages()) {
    say(`  ${reference}: ${(bytes / 1e6).toFixed(1)} MB beyond its base`)
    const image = `${reference}-${id.replace('sha256:', '').slice(0, 12)}`
    for (const ending of ['', ...endings]) await run('docker', ['tag', reference, `${image}${ending}`])
    tagged.set(image.slice('marketprism/'.length, image.indexOf(':')), image)
  }
  if ((await output('docker', ['image', 'inspect', NATS_IMAGE])) === undefined) {
    await run('docker', ['pull', '--quiet', NATS_IMAGE], { name: `the image ${NATS_IMAGE}` })
  }
  const all = [...tagged.values()].flatMap((image) => ['', ...endings].map((ending) => `${image}${ending}`))
  await cluster.load([...all, NATS_IMAGE])
  // The nodes have them; here the plain tags are enough.
  await output('docker', ['rmi', ...all])
  const of = (name: string): string => tagged.get(name) ?? name
  return { collector: of('collector'), operator: of('operator'), exchange: of('exchange') }
}

/** Installs the chart, or upgrades it, and waits until its operators are ready. */
export async function installChart(
  cluster: Cluster,
  { operator, collector }: Pick<Tags, 'operator' | 'collector'>,
): Promise<void> {
  const tagOf = (image: string): string => image.slice(image.indexOf(':') + 1)
  const args = ['upgrade', '--install', RELEASE, join(root, 'charts/marketprism')]
  args.push('--create-namespace', '--wait', '--timeout', '3m')
  args.push('--set-string', `image.tag=${tagOf(operator)},collector.image.tag=${tagOf(collector)}`)
  await helm(cluster, args, 'installing the chart')
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
