// Scenarios as text: what is done, a line each, and under it what comes of it, behind `> `. Comments begin with `#`, each
// scenario with `== its stage: its title`.
import assert from 'node:assert'
import { readFileSync } from 'node:fs'

export interface Scenario {
  readonly stage: string
  readonly title: string
  readonly text: string
}

/** The scenarios of a file. */
export function readScenarios(file: URL): Scenario[] {
  const [, ...all] = readFileSync(file, 'utf8').split(/^== /m)
  return all.map((one) => {
    const [, stage = '', title = '', text = ''] = /^(.*?): (.*)\n([^]*)$/.exec(one) ?? []
    return { stage, title, text }
  })
}

/** Does what the line says; the answer is what came of it. */
export type Act = (words: readonly string[]) => readonly string[] | Promise<readonly string[]>

/** The scenario as it really goes: its own lines, each with what came of it; to be compared with {@link lines}. */
export async function playScenario(text: string, act: Act): Promise<string[]> {
  const out: string[] = []
  for (const line of lines(text)) {
    if (line.startsWith('>')) continue
    out.push(line, ...(await act(line.split(' '))).map((result) => `> ${result}`))
  }
  return out
}

/** A scenario's lines without comments. */
export function lines(text: string): string[] {
  const all = text.split('\n').map((line) => line.replace(/\s*#.*$/, '').trim())
  return all.filter((line) => line !== '')
}

/** The value behind a word of a line. */
export function after(words: readonly string[], word: string): string | undefined {
  const at = words.indexOf(word)
  return at < 0 ? undefined : words[at + 1]
}

/** `a-b` as numbers. */
export function range(text: string | undefined): [number, number] {
  const [from, to] = (text ?? '').split('-').map(Number)
  assert(from !== undefined && to !== undefined, `'${text}' is no range; write a-b`)
  return [from, to]
}
