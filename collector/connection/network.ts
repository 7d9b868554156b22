// How bytes reach a venue: over the machine's network, or as a test brings them.
import { type ClientRequest, type RequestOptions, request as http } from 'node:http'
import { request as https } from 'node:https'
import { type ClientOptions, WebSocket } from 'ws'

export interface Network {
  /** Begins a handshake. @throws SyntaxError when `url` is no ws: or wss: URL. */
  readonly connect: (url: string, options: ClientOptions) => WebSocket
  /** Begins a GET; the caller ends it. */
  readonly request: (url: URL, options: RequestOptions) => ClientRequest
}

export const realNetwork: Network = {
  connect: (url, options) => new WebSocket(url, options),
  request: (url, options) => (url.protocol === 'https:' ? https : http)(url, options),
}
