// Helm, for the tests of the chart: with nothing of what a person has set up for it.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { tool, ToolMissing, type ToolName } from '../../hack/tools.ts'

export const CHART = resolve(import.meta.dirname, '../../charts/marketprism')
const RUN_MS_MAX = 120_000

/** What a program said, both streams together, and how it ended. */
export interface Ending {
  readonly code: number
  readonly said: string
  readonly stdout: string
}

/** A program: its path, or the sentence that says why it cannot be had. */
export type Tool = { readonly path: string } | { readonly missing: string }

/** Builds it where that is needed, so call it where no timeout runs. */
export async function pathOf(name: ToolName): Promise<Tool> {
  try {
    return { path: await tool(name) }
  } catch (error) {
    if (error instanceof ToolMissing) return { missing: error.message }
    throw error
  }
}

/** Why a program cannot be had; undefined where it can. */
export function lacking(program: Tool): string | undefined {
  return 'missing' in program ? program.missing : undefined
}

/** Runs a program; how it ended is for the caller to judge. */
export function run(program: Tool, args: readonly string[], env: Record<string, string> = {}): Promise<Ending> {
  if ('missing' in program) throw new Error(program.missing)
  const home = mkdtempSync(join(tmpdir(), 'helm-'))
  const own = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }
  return new Promise((done) => {
    const options = { timeout: RUN_MS_MAX, maxBuffer: 1 << 26, env: { ...process.env, ...own, ...env } }
    const child = execFile(program.path, args, options, (error, stdout, stderr) => {
      rmSync(home, { recursive: true, force: true })
      done({ code: error === null ? 0 : (child.exitCode ?? 1), said: stdout + stderr, stdout })
    })
  })
}

/** An object as the chart writes it. */
export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

/** What the chart renders as, for the arguments of `helm template`. @throws Error with what Helm said */
export async function render(helm: Tool, ...args: readonly string[]): Promise<Rendered[]> {
  const ending = await run(helm, ['template', 'prism', CHART, '--namespace', 'ops', ...args])
  if (ending.code !== 0) throw new Error(ending.said)
  return parseAllDocuments(ending.stdout)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null)
}

/** The one object of a kind, or of a kind and name. */
export function one(objects: readonly Rendered[], kind: string, name?: string): Rendered {
  const found = objects.filter((each) => each.kind === kind && (name === undefined || each.metadata.name === name))
  const [first] = found
  if (first === undefined || found.length > 1) {
    throw new Error(`${found.length} of ${kind} ${name ?? ''} among ${objects.map((each) => each.kind).join(', ')}`)
  }
  return first
}
