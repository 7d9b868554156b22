// Where the files of a sink lie in a pod: there the volume is mounted, and nothing else can be written.
import { posix } from 'node:path'
import { quoted } from '../../crds/sentence.ts'
import type { Owner } from './facts.ts'

/** Of the image and of the pod: a volume over one of these would hide the program or its configuration. */
const TAKEN = /^\/((app|bin|boot|dev|etc|lib|lib32|lib64|nodejs|opt|proc|root|run|sbin|sys|tmp|usr)(\/|$)|$)/

/** `sink.file.path` in a pod, whose working directory is the root: `data` is `/data`. */
export function fileFolder(path: string): string {
  const folder = posix.resolve('/', path)
  return folder === '/' ? folder : folder.replace(/\/$/, '')
}

/** Why the folder of a file sink cannot be one in a pod; undefined where it can. */
export function refusedFolder({ sink }: Owner['spec']): string | undefined {
  const path = sink.file?.path
  if (path === undefined || !TAKEN.test(fileFolder(path))) return undefined
  return `spec.sink.file.path: ${quoted(path)} is a folder of the image in a pod; write one of your own, such as 'data'.`
}
