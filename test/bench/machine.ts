import { cpus } from 'node:os'

/** The machine and runtime that figures were taken on: `2 × AMD EPYC, linux x64, Node 26.10.0`. */
export function machine(): string {
  const cores = cpus()
  const model = cores[0]?.model.trim() ?? 'unknown processor'
  return `${cores.length} × ${model}, ${process.platform} ${process.arch}, Node ${process.versions.node}`
}
