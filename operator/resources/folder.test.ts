import { describe, expect, test } from 'vitest'
import { desiredOf } from '../../test/support/desired.ts'
import { fileFolder, refusedFolder } from './folder.ts'

describe('the folder of a file sink', () => {
  test.each([
    ['data', '/data'],
    ['/data/', '/data'],
    ['./market/./data', '/market/data'],
    ['../../var/market', '/var/market'],
  ])('%s is %s in a pod', (path, folder) => {
    expect(fileFolder(path)).toBe(folder)
    expect(refusedFolder(desiredOf({ sink: { file: { path } } }).owner.spec)).toBeUndefined()
  })

  test.each(['/', '.', '..', '/etc', '/etc/marketprism/config', 'usr/local', '/data/../app', '/proc/self'])(
    '%s is refused: something of the image or of the pod is there',
    (path) => {
      expect(refusedFolder(desiredOf({ sink: { file: { path } } }).owner.spec)).toBe(
        `spec.sink.file.path: '${path}' is a folder of the image in a pod; write one of your own, such as 'data'.`,
      )
    },
  )

  test('names that only begin like one are not', () => {
    for (const path of ['/application', '/database', '/tmpfiles', '/etcd']) {
      expect(refusedFolder(desiredOf({ sink: { file: { path } } }).owner.spec)).toBeUndefined()
    }
  })
})
