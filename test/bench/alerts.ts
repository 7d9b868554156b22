// proof.rules: the share of the rules, on Collectors and on the operator, that promtool has seen fire for what they are
// about, in the time that they promise, and keep silent for what only looks like it.
import { ToolMissing } from '../../hack/tools.ts'
import { promtool } from '../support/promtool.ts'
import { isProven, proofsOfRules } from '../support/proof.ts'
import { Missing } from './missing.ts'
import type { Figure } from './results.ts'

export async function alerts(): Promise<Record<string, Figure>> {
  if (promtool instanceof ToolMissing) throw new Missing(promtool.message, 'put promtool on the PATH, or install Go')
  const all = await proofsOfRules()
  const unproven = all.filter((proof) => !isProven(proof))
  const late = (within: number) =>
    Math.max(...all.filter((one) => one.detectWithin === within).map((one) => one.firedAfter ?? Infinity))
  const detail = {
    rules: all.length,
    'fire in time': all.filter(({ detectWithin, firedAfter = Infinity }) => firedAfter <= detectWithin).length,
    'keep silent': all.filter(({ isSilentBefore, isSilentNear }) => isSilentBefore && isSilentNear).length,
    'latest of those that promise a minute, s': late(60),
    'fires after, s': Object.fromEntries(
      all.flatMap(({ alert, firedAfter }) => (firedAfter === undefined ? [] : [[alert, firedAfter]])),
    ),
    ...(unproven.length === 0 ? {} : { unproven: unproven.map(({ alert }) => alert).join(' ') }),
  }
  return { 'proof.rules': { value: (100 * (all.length - unproven.length)) / all.length, detail } }
}
