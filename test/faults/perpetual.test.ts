import { proveHistories } from './histories.ts'

proveHistories('perpetual')
