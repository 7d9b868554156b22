import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { checkCollector } from '../../crds/faults.ts'
import { describeWithNats, startNats } from '../../test/nats.ts'
import { feed } from '../../test/records.ts'
import { logged, untilDrained } from '../../test/sink.ts'
import { observe } from '../../test/stored.ts'
import { realClock } from '../connection/clock.ts'
import { openSink } from './open.ts'
import type { Sink } from './sink.ts'

function opened(sink: object, records = feed()): Sink {
  const feeds = [{ exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }]
  const kinds = { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', metadata: { name: 'x' } }
  const checked = checkCollector({ ...kinds, spec: { feeds, sink } })
  if (!('collector' in checked) || checked.collector === undefined) throw new Error(JSON.stringify(checked))
  const made = openSink(checked.collector.spec.sink, records.context, { log: logged(), clock: realClock })
  onTestFinished(() => made.close(0))
  return made
}
