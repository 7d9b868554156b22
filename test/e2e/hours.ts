// npm run hours -- [--seeds 5] [--seed 7] [--minutes 60] [--pace 60] [--keep FOLDER]
// Simulated hours of all exchanges with faults of every kind, one after the other, from real sockets into JetStream; see
// hour.ts. A line for each; exit code 1 when audit is not clean, an account does not balance, or something is untrue;
// with --keep, what was stored and what was sent lies in that folder then.
import { parseArgs } from 'node:util'
import { playHour } from './hour.ts'

const SHOWN_MAX = 20

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    seed: { type: 'string' },
    minutes: { type: 'string', default: '60' },
    pace: { type: 'string', default: '60' },
    keep: { type: 'string' },
  },
})
const [minutes, pace, count] = [values.minutes, values.pace, values.seeds].map(positive) as [number, number, number]
const seeds = values.seed === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [positive(values.seed)]
for (const seed of seeds) {
  const began = performance.now()
  const { wrong, faults, gaps, ...hour } = await playHour({ seed, minutes, pace, keep: values.keep })
  const isClean = wrong.length === 0 && hour.code === 0 && hour.balanced
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`${isClean ? 'clean' : 'WRONG'}  ${seconds} s  ${JSON.stringify(hour)}`)
  console.log(`       gaps ${JSON.stringify(gaps)}\n       faults ${JSON.stringify(faults)}`)
  for (const sentence of wrong.slice(0, SHOWN_MAX)) console.log(`       ${sentence}`)
  if (isClean) continue
  if (wrong.length > SHOWN_MAX) console.log(`       and ${wrong.length - SHOWN_MAX} more`)
  console.log(`       replay: npm run hours -- --seed ${seed} --minutes ${minutes} --pace ${pace}`)
  process.exitCode = 1
}

function positive(text: string): number {
  const number = Number(text)
  if (number > 0 && Number.isFinite(number)) return number
  console.error(`'${text}' is not a positive number.`)
  process.exit(2)
}
