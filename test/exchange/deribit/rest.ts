// REST: GET below /api/v2/. Every method that needs no socket; errors in the shape of JSON-RPC with HTTP 400, or 429.
import type { RestAnswer, RestRequest } from '../venue.ts'
import { errorText, type Head, refusalOf, resultText, TOO_MANY } from './answer.ts'
import type { Credits } from './credits.ts'
import { type Backend, methodsOf, Params, Refusal } from './rpc.ts'
import { REST_PREFIX } from './rules.ts'

export function restOf(credits: Credits, backend: Backend): (request: RestRequest) => RestAnswer {
  const methods = methodsOf(backend)
  return ({ method: verb, url }) => {
    const head: Head = { id: undefined, now: backend.now() }
    const refuse = (status: number, refusal: Refusal) => ({ status, body: errorText(head, refusal) })
    if (!url.pathname.startsWith(REST_PREFIX)) return refuse(404, new Refusal(-32_601, 'Method not found'))
    const method = methods.get(url.pathname.slice(REST_PREFIX.length))
    if (method === undefined || verb !== 'GET') return refuse(400, new Refusal(-32_601, 'Method not found'))
    if (!credits.take(method.price)) return refuse(429, TOO_MANY)
    try {
      const params = new Params(Object.fromEntries(url.searchParams))
      return { status: 200, body: resultText(head, method.run(params)) }
    } catch (error) {
      return refuse(400, refusalOf(error))
    }
  }
}
