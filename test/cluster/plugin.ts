// `kubectl marketprism` as a user types it: kubectl finds the plugin by its name on the PATH.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { NAMESPACE } from '../../hack/demo/objects.ts'
import { tool } from '../../hack/tools.ts'
import { cluster } from './world.ts'

export interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const entry = resolve(import.meta.dirname, '../../operator/plugin/main.ts')
const RUN_MS_MAX = 120_000

/** Runs a command of the plugin in the namespace of the tests. */
export async function marketprism(...args: readonly string[]): Promise<Said> {
  const bin = mkdtempSync(join(tmpdir(), 'marketprism-plugin-'))
  try {
    symlinkSync(entry, join(bin, 'kubectl-marketprism'))
    const PATH = [bin, dirname(process.execPath), process.env['PATH']].join(delimiter)
    const where = ['--namespace', NAMESPACE, '--kubeconfig', cluster.kubeconfig, '--context', cluster.context]
    const child = spawn(await tool('kubectl'), ['marketprism', ...args, ...where], {
      env: { ...process.env, PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: RUN_MS_MAX,
    })
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: code as number | null, out, err }
  } finally {
    rmSync(bin, { recursive: true, force: true })
  }
}
