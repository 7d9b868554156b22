// The external programs that tests, the demo and the checks need: where each comes from and how it says its version.
//
// Always: a program belongs to one group, which is a folder here with a go.mod of its own, because the requirements of
// Kubernetes, Helm and Prometheus do not agree. Never: a version stands here; go.mod has it.

/** One program that can be built from a Go module. */
export interface Program {
  /** Folder below hack/tools whose go.mod pins the module; empty for hack/tools itself. */
  readonly group: string
  readonly module: string
  /** The Go package of its main function. */
  readonly package: string
  /** What makes it print its version. */
  readonly versionArgs: readonly string[]
  /** The release that a module's version stands for, where the two are numbered apart. */
  readonly release?: (moduleVersion: string) => string
  /** Variables that the build sets, because the program must know its release at run time. */
  readonly variables?: (release: string) => Readonly<Record<string, string>>
  readonly tags?: readonly string[]
  /** Seconds that it takes on two cores with an empty build cache: what is said until there is something to measure. */
  readonly seconds: number
}

const kubernetes = (
  name: string,
  versionArgs: readonly string[],
  seconds: number,
  group: 'kubernetes' | 'kubernetes-oldest' = 'kubernetes',
): Program => ({
  group,
  module: 'k8s.io/kubernetes',
  package: `k8s.io/kubernetes/cmd/${name}`,
  versionArgs,
  variables: kubernetesVersion,
  seconds,
})

/** Without these an API server takes itself for v0.0.0 and does not start. */
function kubernetesVersion(release: string): Record<string, string> {
  const [major = '', minor = ''] = release.split('.')
  const set = { gitVersion: `v${release}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' }
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
  return Object.fromEntries(
    packages.flatMap((to) => Object.entries(set).map(([key, value]) => [`${to}.${key}`, value])),
  )
}

const prometheus = (name: string, seconds: number): Program => ({
  group: 'prometheus',
  module: 'github.com/prometheus/prometheus',
  package: `github.com/prometheus/prometheus/cmd/${name}`,
  versionArgs: ['--version'],
  // Module v0.316.0 is release 3.16.0.
  release: (version) => version.replace(/^0\.(\d)(\d\d)\./, (_, major, minor) => `${major}.${Number(minor)}.`),
  variables: (release) => ({ 'github.com/prometheus/common/version.Version': release }),
  // Of the service discoveries only what a cluster uses: all of them together double the time.
  tags: ['netgo', 'remove_all_sd', 'enable_kubernetes_sd', 'enable_dns_sd'],
  seconds,
})

/** Programs by name. */
export const PROGRAMS = {
  'nats-server': {
    group: '',
    module: 'github.com/nats-io/nats-server/v2',
    package: 'github.com/nats-io/nats-server/v2',
    versionArgs: ['--version'],
    seconds: 17,
  },
  'kube-apiserver': kubernetes('kube-apiserver', ['--version'], 311),
  // Of the oldest minor that the chart installs on.
  'kube-apiserver-oldest': kubernetes('kube-apiserver', ['--version'], 311, 'kubernetes-oldest'),
  'kube-controller-manager': kubernetes('kube-controller-manager', ['--version'], 93),
  kubectl: kubernetes('kubectl', ['version', '--client'], 60),
  etcd: {
    group: 'etcd',
    module: 'go.etcd.io/etcd/server/v3',
    package: 'go.etcd.io/etcd/server/v3',
    versionArgs: ['--version'],
    seconds: 65,
  },
  kind: {
    group: 'kind',
    module: 'sigs.k8s.io/kind',
    package: 'sigs.k8s.io/kind',
    versionArgs: ['version'],
    seconds: 11,
  },
  helm: {
    group: 'helm',
    module: 'helm.sh/helm/v4',
    package: 'helm.sh/helm/v4/cmd/helm',
    versionArgs: ['version', '--short'],
    variables: (release) => ({ 'helm.sh/helm/v4/internal/version.version': `v${release}` }),
    seconds: 112,
  },
  'helm-unittest': {
    group: 'helm-unittest',
    module: 'github.com/helm-unittest/helm-unittest',
    package: 'github.com/helm-unittest/helm-unittest/cmd/helm-unittest',
    versionArgs: ['--version'],
    seconds: 60,
  },
  promtool: prometheus('promtool', 222),
  prometheus: prometheus('prometheus', 57),
  kubeconform: {
    group: 'kubeconform',
    module: 'github.com/yannh/kubeconform',
    package: 'github.com/yannh/kubeconform/cmd/kubeconform',
    versionArgs: ['-v'],
    variables: (release) => ({ 'main.version': `v${release}` }),
    seconds: 10,
  },
  'kube-score': {
    group: 'kube-score',
    module: 'github.com/zegl/kube-score',
    package: 'github.com/zegl/kube-score/cmd/kube-score',
    versionArgs: ['version'],
    variables: (release) => ({ 'main.version': release }),
    seconds: 40,
  },
} as const satisfies Record<string, Program>

/** Programs that only `npm run apiservers` needs: built when it asks for them. */
export const ON_DEMAND: readonly string[] = ['kube-apiserver-oldest']

/** Programs that envtest keeps in the folder of `KUBEBUILDER_ASSETS`. */
export const ASSETS: readonly string[] = ['kube-apiserver', 'etcd', 'kubectl', 'kube-controller-manager']
