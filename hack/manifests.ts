// `npm run manifests`: writes dist/marketprism.yaml, all that the chart installs as one file for `kubectl apply -f`.
//
// In: the chart with its defaults. Out: the namespace, and everything in it. Never: a mark of Helm, which would take the
// objects for its own.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CHART } from './chart.ts'
import { run } from './commands.ts'
import { tool, ToolMissing } from './tools.ts'

export const NAMESPACE = 'marketprism'
const OUT = 'dist/marketprism.yaml'

/** The manifest. @throws ToolMissing where Helm cannot be had. */
export async function renderManifest(root: string): Promise<string> {
  const helm = await tool('helm')
  const home = await mkdtemp(join(tmpdir(), 'helm-'))
  try {
    const args = ['template', 'marketprism', join(root, CHART), '--namespace', NAMESPACE]
    // What a person has set up for Helm changes nothing here.
    const env = { ...process.env, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }
    return `${HEADER}${withoutHelm(await run(helm, args, { env }))}`
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

const HEADER = `# MarketPrism's operator, as charts/marketprism installs it with its defaults. Written by \`npm run manifests\`.
# kubectl apply --server-side -f marketprism.yaml
---
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    app.kubernetes.io/part-of: marketprism
    pod-security.kubernetes.io/enforce: restricted
`

function withoutHelm(text: string): string {
  return text.replaceAll(/^ *(?:app\.kubernetes\.io\/managed-by: Helm|helm\.sh\/chart: .*|# Source: .*)\n/gm, '')
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  try {
    const manifest = await renderManifest(root)
    await mkdir(dirname(join(root, OUT)), { recursive: true })
    await writeFile(join(root, OUT), manifest)
    console.log(`wrote ${OUT}`)
  } catch (error) {
    if (!(error instanceof ToolMissing)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}
