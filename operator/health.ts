// The operator's probes over plain HTTP: /livez, whether the process makes progress; /readyz, whether it does what it is
// for.
//
// Always: answers cost nothing and ask nobody. Never: /livez depends on the API server: a restart would not bring it back.
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BOUNDS, listen } from './server.ts'
import type { Place, Serving } from './server.ts'

export interface HealthOptions extends Place {
  /** What is wrong, each a sentence; nothing while all is well. */
  readonly livez: () => readonly string[]
  readonly readyz: () => readonly string[]
}

/** Serves until it is closed. */
export function serveHealth({ livez, readyz, ...place }: HealthOptions): Promise<Serving> {
  const probes: Readonly<Record<string, () => readonly string[]>> = { '/livez': livez, '/readyz': readyz }
  const server = createServer(BOUNDS, (request, response) => answer(request, response, probes))
  return listen(server, place, 'health')
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  probes: Readonly<Record<string, () => readonly string[]>>,
): void {
  const path = (request.url ?? '').replace(/\?.*$/, '')
  const probe = Object.hasOwn(probes, path) ? probes[path] : undefined
  const faults = probe?.()
  const code = faults === undefined ? 404 : faults.length === 0 ? 200 : 503
  const body = faults === undefined ? `ask ${Object.keys(probes).join(' or ')}` : faults.join('\n') || 'ok'
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
  response.end(request.method === 'HEAD' ? undefined : `${body}\n`)
}
