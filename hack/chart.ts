// What of the chart follows from elsewhere: its copy of the CRD, and its README from the comments of its values.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMap, isScalar, parseDocument, stringify } from 'yaml'
import type { Pair, YAMLMap } from 'yaml'
import { crd } from '../crds/crd.ts'
import { operatorGroups } from '../operator/monitoring/operator-rules.ts'

export const CHART = 'charts/marketprism'

/** `spec` of the CustomResourceDefinition, as the chart's template puts it below its own metadata. */
export function chartCrd(): string {
  const header = '# Generated from crds/collector.ts by `npm run generate`. Do not edit.\n'
  return header + stringify({ spec: crd()['spec'] }, { lineWidth: 120, aliasDuplicateObjects: false })
}

/** Alerts on the operator, in which the chart's template fills in where it is installed. */
export function chartAlerts(): string {
  const header = '# Generated from operator/monitoring/operator-rules.ts by `npm run generate`. Do not edit.\n'
  const groups = operatorGroups('OPERATOR_NAMESPACE', 'OPERATOR_JOB', 'OPERATOR_RUNBOOKS')
  return header + stringify({ groups }, { lineWidth: 120, aliasDuplicateObjects: false })
}

/** One value of the chart. */
export interface ChartValue {
  /** `image.tag` */
  readonly path: string
  readonly fallback: unknown
  readonly says: string
}

/** The values that say what they are: those under a comment that begins with `-- `. Throws where one has none. */
export function chartValues(yaml: string): ChartValue[] {
  const { contents } = parseDocument(yaml)
  if (!isMap(contents)) throw new Error(`${CHART}/values.yaml is no map.`)
  return below(contents, [])
}

function below(map: YAMLMap, above: readonly string[]): ChartValue[] {
  return map.items.flatMap((pair, i) => {
    const path = [...above, textOf(pair)]
    // The comment above the first entry of a map is kept with the map.
    const says = saying(
      isScalar(pair.key) ? pair.key.commentBefore : undefined,
      i === 0 ? map.commentBefore : undefined,
    )
    if (says !== undefined) {
      const fallback = (pair.value as { toJSON?: () => unknown } | null)?.toJSON?.()
      return [{ path: path.join('.'), fallback, says }]
    }
    if (isMap(pair.value) && pair.value.items.length > 0) return below(pair.value, path)
    throw new Error(`${CHART}/values.yaml: ${path.join('.')} says nothing; write a comment "# -- …" above it.`)
  })
}

function textOf({ key }: Pair): string {
  return String(isScalar(key) ? key.value : key)
}

function saying(...comments: readonly (string | null | undefined)[]): string | undefined {
  const comment = comments.filter((one) => typeof one === 'string').join('\n')
  const from = /(?:^|\n) ?-- /.exec(comment)
  return from === null
    ? undefined
    : comment
        .slice(from.index + from[0].length)
        .replaceAll(/\s*\n\s*/g, ' ')
        .trim()
}

/** README of the chart. */
export function chartReadme(root: string = join(import.meta.dirname, '..')): string {
  const values = chartValues(readFileSync(join(root, CHART, 'values.yaml'), 'utf8'))
  const rows = values.map(({ path, fallback, says }) => `| \`${path}\` | \`${JSON.stringify(fallback)}\` | ${says} |`)
  return `<!-- Generated from values.yaml by \`npm run generate\` (hack/chart.ts). Do not edit. -->

# The chart

MarketPrism's operator, and the API that it serves.

    helm install marketprism charts/marketprism --namespace marketprism --create-namespace
    kubectl apply -f examples/collector.yaml

| you want | write |
|---|---|
| Collectors in some namespaces only | \`--set 'watchNamespaces={trading,research}'\`: a Role in each, and no right over others |
| your own images | \`--set image.registry=… --set collector.image.registry=…\`, and \`allowedImages\` for what a Collector may name |
| metrics in Prometheus | \`--set metrics.readers[0].namespace=monitoring --set metrics.readers[0].name=prometheus\` and \`metrics.serviceMonitor.labels\` |
| a certificate of your own | \`--set metrics.certificateSecret=…\`, a Secret as cert-manager writes it; it is read again when it changes |
| a tag made of digits | \`--set-string image.tag=20260921\`, or quotes in a file of values |

## The CustomResourceDefinition

It is part of the release: upgraded with the chart, and kept when the chart goes, since all Collectors would go with it.
\`kubectl apply -f crds/\` works before \`helm install\` and after it. Whoever applied it last looks after it: one that
kubectl applied, or changed, the chart leaves as it is, and says so; upgrade it by \`kubectl apply -f crds/\`. To hand it over:

    helm upgrade marketprism charts/marketprism --namespace marketprism --reuse-values \\
      --set crds.adopt=true --take-ownership --force-conflicts

To remove everything, with all Collectors and what belongs to them:

    helm uninstall marketprism --namespace marketprism
    kubectl delete crd collectors.marketprism.io

## Metrics

Served over HTTPS, and only to who may get \`/metrics\`: a bearer token is asked of the API server by TokenReview, the right
by SubjectAccessReview. ClusterRole \`marketprism-metrics-reader\` gives it. To look at them by hand:

    kubectl create token prometheus --namespace monitoring > token
    kubectl port-forward --namespace marketprism service/marketprism-operator-metrics 8443
    curl --insecure --header "Authorization: Bearer $(cat token)" https://localhost:8443/metrics

Without \`metrics.certificateSecret\` the operator signs its certificate itself, for the names of that Service
(\`….marketprism.svc\`, \`….marketprism.svc.cluster.local\` and shorter); nobody else vouches for it.

## Values

| value | default | |
|---|---|---|
${rows.join('\n')}
`
}
