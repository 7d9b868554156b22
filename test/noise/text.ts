// Series as a file of the OpenMetrics text format, which promtool makes blocks of; and as promtool's tests write values.
import { closeSync, openSync, writeSync } from 'node:fs'
import { SHARED, START, STEP } from './kinds.ts'
import type { Series } from './series.ts'

const CHUNK = 1 << 22

const LABELS = `${Object.entries(SHARED)
  .map(([label, value]) => `${label}="${value}"`)
  .join(',')},`

/**
 * Writes series to a file, without the labels that all of them share: they are much of its gigabytes, and promtool adds them.
 * Values that are NaN are left out.
 */
export function writeOpenMetrics(path: string, all: Iterable<Series>): void {
  const file = openSync(path, 'w')
  let text = ''
  try {
    for (const { name: whole, first, values } of all) {
      const name = whole.replace(LABELS, '')
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number
        if (Number.isNaN(value)) continue
        text += `${name} ${value} ${START + (first + i) * STEP}\n`
        if (text.length > CHUNK) {
          writeSync(file, text)
          text = ''
        }
      }
    }
    writeSync(file, `${text}# EOF\n`)
  } finally {
    closeSync(file)
  }
}

/** Values of a series from the first step of all on; `stale` where it ends. */
export function notationOf({ first, values }: Series): string {
  const words = Array.from({ length: first }, () => '_')
  let isThere = false
  for (const value of values) {
    const isHere = !Number.isNaN(value)
    words.push(isHere ? String(value) : isThere ? 'stale' : '_')
    isThere = isHere
  }
  return [...words, 'stale'].join(' ')
}
