// What etcd, kube-apiserver and kube-controller-manager are started with. Pure.
import { join } from 'node:path'

/** Tokens of the static token file. Fixed, because nothing but this machine's tests reaches the servers. */
export const TOKENS = { admin: 'admin-of-the-test' } as const

const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const LOOPBACK = '127.0.0.1'

export function etcdArgs(at: { folder: string; port: number; peerPort: number }): string[] {
  const client = `http://${LOOPBACK}:${at.port}`
  const peer = `http://${LOOPBACK}:${at.peerPort}`
  return [
    `--data-dir=${join(at.folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]
}

interface ApiServerAt {
  readonly folder: string
  readonly port: number
  readonly etcdPort: number
  readonly controllerManager?: boolean
  readonly audit?: boolean
  readonly flags?: readonly string[]
}

export function apiServerArgs(at: ApiServerAt): string[] {
  const args = [
    `--etcd-servers=http://${LOOPBACK}:${at.etcdPort}`,
    `--bind-address=${LOOPBACK}`,
    `--advertise-address=${LOOPBACK}`,
    `--secure-port=${at.port}`,
    `--cert-dir=${at.folder}`,
    `--token-auth-file=${join(at.folder, 'tokens.csv')}`,
    `--service-account-issuer=${ISSUER}`,
    `--service-account-key-file=${join(at.folder, 'service-account.pub')}`,
    `--service-account-signing-key-file=${join(at.folder, 'service-account.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    // There is no Service address to announce, and one on the loopback is refused.
    '--endpoint-reconciler-type=none',
    '--profiling=false',
  ]
  // Accounts are the controller manager's to make; without it no pod would be admitted.
  if (at.controllerManager !== true) args.push('--disable-admission-plugins=ServiceAccount')
  if (at.audit === true) {
    args.push(`--audit-log-path=${join(at.folder, 'audit.log')}`)
    args.push(`--audit-policy-file=${join(at.folder, 'audit-policy.yaml')}`)
  }
  return [...args, ...(at.flags ?? [])]
}

export function controllerManagerArgs(folder: string): string[] {
  return [
    `--kubeconfig=${join(folder, 'kubeconfig.yaml')}`,
    `--service-account-private-key-file=${join(folder, 'service-account.key')}`,
    `--root-ca-file=${join(folder, 'apiserver.crt')}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--profiling=false',
    // The tests' patience is not that of a cluster.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    '--horizontal-pod-autoscaler-sync-period=1s',
  ]
}

/** A kubeconfig of one cluster and one user with a token. */
export function kubeconfigText({ url, ca, token }: { url: string; ca: string; token: string }): string {
  const name = 'marketprism-test'
  const authority = Buffer.from(ca).toString('base64')
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': authority } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}
