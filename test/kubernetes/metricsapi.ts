// External metrics of a control plane, as an adapter serves them: the API server passes requests for them to a server of
// the test's own, which answers with the value that the test sets.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { selfSigned } from '../../operator/metrics/certificate.ts'
import type { ControlPlane } from './controlplane.ts'

const GROUP = 'external.metrics.k8s.io'
const VERSION = 'v1beta1'
const API = `${GROUP}/${VERSION}`

export interface MetricsApi extends AsyncDisposable {
  /** What every metric is from now on. */
  value: number
}

/** Registers the API with the API server. */
export async function startMetricsApi(plane: ControlPlane, namespace: string): Promise<MetricsApi> {
  let value = 0
  const server = createServer(selfSigned(['localhost'], 1, Date.now()), ({ url = '/' }, response) => {
    const name = /\/namespaces\/[^/]+\/([^/?]+)/.exec(url)?.[1]
    if (name !== undefined) return answer(response, listOf(name, value))
    return answer(response, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: API, resources: [] })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  // The API server reaches a Service of this type by its name, without a cluster's network.
  const name = 'metrics'
  await plane.request('POST', `/api/v1/namespaces/${namespace}/services`, {
    metadata: { name },
    spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
  })
  const services = '/apis/apiregistration.k8s.io/v1/apiservices'
  const { status, body } = await plane.request('POST', services, {
    metadata: { name: `${VERSION}.${GROUP}` },
    spec: {
      ...{ group: GROUP, version: VERSION, groupPriorityMinimum: 100, versionPriority: 100 },
      service: { namespace, name, port },
      insecureSkipTLSVerify: true,
    },
  })
  if (status !== 201) throw new Error(`the APIService: ${JSON.stringify(body)}`)
  return {
    get value() {
      return value
    },
    set value(next) {
      value = next
    },
    async [Symbol.asyncDispose]() {
      await plane.request('DELETE', `${services}/${VERSION}.${GROUP}`)
      server.closeAllConnections()
      server.close()
    },
  }
}

function listOf(metricName: string, value: number): object {
  const item = { metricName, metricLabels: {}, timestamp: new Date().toISOString(), value: String(value) }
  return { kind: 'ExternalMetricValueList', apiVersion: API, metadata: {}, items: [item] }
}

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
