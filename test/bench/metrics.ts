// proof.metrics: the share of the metrics that move, of all that the two catalogues declare, while collectors, an exchange,
// NATS, an API server and operators go through what can happen to them.
import { METRICS as COLLECTOR } from '../../collector/metrics.ts'
import { tool, ToolMissing } from '../../hack/tools.ts'
import { METRICS as OPERATOR } from '../../operator/metrics.ts'
import { OUR_FAULTS } from '../e2e/moves.ts'
import { stirCollector } from '../e2e/stir-collector.ts'
import { stirOperator } from '../e2e/stir-operator.ts'
import { startControlPlane } from '../kubernetes/controlplane.ts'
import { Missing } from './missing.ts'
import type { Figure } from './results.ts'

export async function metrics(): Promise<Record<string, Figure>> {
  for (const name of ['nats-server', 'kube-apiserver', 'kube-controller-manager'] as const) await need(name)
  const say = (text: string) => console.error(`  ${text}`)
  const collector = await stirCollector(say)
  await using plane = await startControlPlane({ controllerManager: true })
  const operator = await stirOperator(plane, say)
  const still = [...collector, ...operator].filter((name) => !OUR_FAULTS.includes(name))
  const all = Object.keys(COLLECTOR).length + Object.keys(OPERATOR).length - OUR_FAULTS.length
  const detail = {
    metrics: all,
    move: all - still.length,
    'moved by faults of ours only, in a test': OUR_FAULTS.length,
    ...(still.length === 0 ? {} : { 'do not move': still.join(' ') }),
  }
  return { 'proof.metrics': { value: (100 * (all - still.length)) / all, detail } }
}

async function need(name: 'nats-server' | 'kube-apiserver' | 'kube-controller-manager'): Promise<void> {
  await tool(name).catch((cause: unknown) => {
    if (cause instanceof ToolMissing) throw new Missing(cause.message, `put ${name} on the PATH, or install Go`)
    throw cause
  })
}
