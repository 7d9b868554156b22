// The overview of a Collector as a dashboard of Grafana, in a ConfigMap as its sidecar takes it up.
//
// Always: classic JSON, which every Grafana reads; the same bytes for the same Collector. The sidecar writes each key of
// each ConfigMap as a file into one folder, so a key names its namespace, too.
import { createHash } from 'node:crypto'
import type { KubeObject } from '../kube/objects.ts'
import type { Desired, Owner } from '../resources/facts.ts'
import { metadataOf } from '../resources/metadata.ts'
import { type Panel, panelsOf } from './panels.ts'
import { queryOf } from './query.ts'

/** Oldest schema that Grafana 10.4 and newer read as it is. */
const SCHEMA = 39
const KEY_MAX = 253
const SOURCE = { type: 'prometheus', uid: '${datasource}' }

/** Undefined where the Collector wants none. */
export function dashboard({ owner }: Desired): KubeObject | undefined {
  const { enabled, labels, folder } = owner.spec.monitoring.dashboards
  if (!enabled) return undefined
  const { labels: own = {}, ...metadata } = metadataOf(owner, `${owner.name}-overview`, labels)
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      ...metadata,
      labels: { grafana_dashboard: '1', ...own },
      annotations: { grafana_folder: folder },
    },
    data: { [keyOf(owner)]: JSON.stringify(overview(owner)) },
  }
}

/** A name of a file that no other Collector has: `_` is in no name of Kubernetes. */
function keyOf({ namespace, name }: Owner): string {
  const key = `marketprism_${namespace}_${name}_overview.json`
  return key.length <= KEY_MAX ? key : `marketprism_${digest(key)}_overview.json`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

function overview(owner: Owner): object {
  const { namespace, name } = owner
  return {
    uid: `mp-${digest(`overview ${namespace}/${name}`)}`,
    title: `MarketPrism ${namespace}/${name}: overview`,
    tags: ['marketprism'],
    schemaVersion: SCHEMA,
    editable: false,
    graphTooltip: 1,
    refresh: '15s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'utc',
    templating: { list: [{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' }] },
    links: [{ type: 'dashboards', title: 'MarketPrism', tags: ['marketprism'], asDropdown: true, keepTime: true }],
    panels: placed(panelsOf(queryOf(owner))),
  }
}

/** From left to right, a new row where one is full. */
function placed(panels: readonly Panel[]): object[] {
  let x = 0
  let y = 0
  let rowHeight = 0
  return panels.map((panel, i) => {
    const { width, height } = panel
    if (x + width > 24) {
      x = 0
      y += rowHeight
      rowHeight = 0
    }
    const gridPos = { x, y, w: width, h: height }
    x += width
    rowHeight = Math.max(rowHeight, height)
    return { id: i + 1, gridPos, ...drawn(panel) }
  })
}

function drawn({ title, description, type, unit, targets, steps, max }: Panel): object {
  return {
    type,
    title,
    description,
    datasource: SOURCE,
    targets: targets.map(({ expr, legend }, i) => ({
      refId: String.fromCodePoint(65 + i),
      datasource: SOURCE,
      expr,
      legendFormat: legend,
      interval: '15s',
      ...(type === 'timeseries' ? {} : { instant: true }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(max === undefined ? {} : { max }),
        ...(steps === undefined ? {} : { thresholds: { mode: 'absolute', steps } }),
        color: { mode: steps === undefined ? 'palette-classic' : 'thresholds' },
      },
      overrides: [],
    },
    options: type === 'timeseries' ? { legend: { displayMode: 'list', placement: 'bottom' } } : {},
  }
}
