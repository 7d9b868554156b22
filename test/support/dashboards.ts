// Dashboards as Grafana has them, for tests: what is read of their JSON, and every query that their panels ask.

interface DrawnPanel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly datasource?: unknown
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly links?: readonly { readonly url: string }[]
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly {
    readonly expr: string
    readonly refId: string
    readonly legendFormat?: string
    readonly interval?: string
  }[]
}

export interface DrawnDashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly templating: {
    readonly list: readonly {
      readonly name: string
      readonly type: string
      readonly query: unknown
      readonly refresh?: number
      readonly allValue?: string
      readonly includeAll?: boolean
      readonly multi?: boolean
    }[]
  }
  readonly panels: readonly DrawnPanel[]
}

/** A query of a panel. */
export interface Question {
  readonly id: number
  readonly title: string
  readonly refId: string
  readonly expr: string
}

export function readDashboard(text: string): DrawnDashboard {
  return JSON.parse(text) as DrawnDashboard
}

export function questionsOf({ panels }: DrawnDashboard): Question[] {
  return panels.flatMap(({ id, title, targets = [] }) => targets.map(({ refId, expr }) => ({ id, title, refId, expr })))
}
