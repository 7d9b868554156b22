import { proveHistories } from './histories.ts'

proveHistories('spot')
