// What the operator's two ports have in common: bounds, and an error that says what to do.
import type { Server } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface Serving {
  readonly port: number
  close(): Promise<void>
}

export interface Place {
  /** 0 takes a free one. */
  readonly port: number
  /** All addresses by default. */
  readonly host?: string
}

/** Bounds of a server: no request, however slow or large, holds more than its place among the connections. */
export const BOUNDS = {
  maxHeaderSize: 16_384,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 20_000,
} as const
const CONNECTIONS_MAX = 64

/** Listens until it is closed. Rejects with a sentence that says what to do when the port cannot be had. */
export async function listen(server: Server | SecureServer, { port, host }: Place, what: string): Promise<Serving> {
  server.maxConnections = CONNECTIONS_MAX
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new Error(`${what}: port ${port} cannot be had (${cause.message}); end what uses it or give another port`))
    })
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
