// The fault table: every fault, in the order of the page.
import type { Fault } from './fault.ts'
import { exchangeFaults, networkFaults } from './faults/exchange.ts'
import { natsFaults } from './faults/nats.ts'
import { operatorFaults } from './faults/operator.ts'
import { podFaults } from './faults/pod.ts'

export const FAULTS: readonly Fault[] = [
  ...exchangeFaults,
  ...networkFaults,
  ...natsFaults,
  ...podFaults,
  ...operatorFaults,
]
