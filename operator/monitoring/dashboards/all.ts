// Every dashboard, as data: what is drawn of it, draw.ts says.
import { exchange } from './exchange.ts'
import { operator } from './operator.ts'
import { overview } from './overview.ts'
import type { Dashboard } from './panel.ts'
import { performance } from './performance.ts'
import { quality } from './quality.ts'

export const DASHBOARDS: readonly Dashboard[] = [overview, exchange, quality, performance, operator]
