// A way into a pod that no NetworkPolicy closes: what kubectl port-forward does, for one request.
//
// The API server's proxy comes to a pod from a node, which the policy of a Collector does not let in everywhere; the
// kubelet of the pod's own node connects inside the pod. In: a pod, a port and a path. Out: the body. Always: one
// WebSocket for each request, by the protocol v4.channel.k8s.io: a frame is a channel and bytes; channel 0 carries the
// connection, 1 says why there is none; the first frame of each is the number of the port.
import { request, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { WebSocket } from 'ws'
import type { Credentials } from '../kube/credentials.ts'
import { type KubeObject, pathOf, POD } from '../kube/objects.ts'

/** Asks a pod for a path; rejects with the reason where it cannot be asked, or does not answer 200. */
export type Forward = (
  pod: KubeObject,
  port: number,
  path: string,
  signal: AbortSignal,
) => Promise<AsyncIterable<Buffer>>

const PROTOCOL = 'v4.channel.k8s.io'
const CHANNELS = { data: 0, error: 1 } as const
const REASON_MAX = 300

export function forwarder(credentials: Credentials): Forward {
  return async (pod, port, path, signal) => {
    const connection = await connect(credentials, pod, port, signal)
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { accept: 'application/json', connection: 'close' }
      const asking = request({ host: 'pod', path: `/${path}`, headers, signal, createConnection: () => connection })
      asking.once('response', resolve)
      asking.on('error', reject)
      asking.end()
    })
    if (answer.statusCode === 200) return answer
    answer.destroy()
    throw new Error(`${answer.statusCode} from the pod`)
  }
}

async function connect(
  credentials: Credentials,
  { metadata }: KubeObject,
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const { server, tls, headers, proxy } = await credentials.read()
  const path = `${pathOf(POD, metadata.namespace, metadata.name)}/portforward?ports=${port}`
  const agent = proxy === undefined ? {} : { agent: new HttpsProxyAgent(proxy) }
  const socket = new WebSocket(`${server.replace(/\/$/, '').replace(/^http/, 'ws')}${path}`, [PROTOCOL], {
    ...tls,
    ...agent,
    headers,
  })
  // Before it opens: the first frames may come together with the end of the handshake.
  const stream = streamOf(socket)
  const stop = () => socket.terminate()
  signal.addEventListener('abort', stop)
  socket.once('close', () => signal.removeEventListener('abort', stop))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.on('error', reject)
    socket.once('unexpected-response', (_, { statusCode }) => {
      reject(new Error(`${statusCode} from the API server`))
      socket.terminate()
    })
    if (signal.aborted) stop()
  })
  return stream
}

/** The connection that a WebSocket carries. */
function streamOf(socket: WebSocket): Duplex {
  const begun = new Set<number>()
  const stream = new Duplex({
    read: () => socket.resume(),
    write(chunk: Buffer, _, done) {
      socket.send(Buffer.concat([Buffer.of(CHANNELS.data), chunk]), done)
    },
    destroy(error, done) {
      socket.terminate()
      done(error)
    },
  })
  socket.on('message', (frame: Buffer) => {
    const [channel = -1] = frame
    if (!begun.has(channel)) return void begun.add(channel)
    if (channel === CHANNELS.error) stream.destroy(new Error(frame.toString('utf8', 1, REASON_MAX)))
    else if (channel === CHANNELS.data && !stream.push(frame.subarray(1))) socket.pause()
  })
  socket.on('error', (error) => stream.destroy(error))
  // While the socket opens nobody reads the stream yet: whoever opens it is told by the socket.
  stream.on('error', () => {})
  socket.once('close', () => stream.push(null))
  return stream
}
