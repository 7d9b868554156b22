import { expect, test } from 'vitest'
import { restoredText } from './before.ts'

const EMPTY = 'apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n'
const MINE = `# my own comment
apiVersion: v1
kind: Config
clusters: [{name: work, cluster: {server: 'https://work'}}]
contexts: [{name: work, context: {cluster: work, user: me}}]
users: [{name: me, user: {token: t}}]
current-context: work
`
const AFTER = MINE.replace('# my own comment\n', '').replace('current-context: work', 'current-context: ""')

test('a file that was not there is not there afterwards', () => {
  expect(restoredText(null, EMPTY)).toBeNull()
  expect(restoredText(null, '')).toBeNull()
})

test('a file that only the cluster came to and went from is as it was, byte for byte', () => {
  expect(restoredText(MINE, AFTER)).toBe(MINE)
})

test('what somebody else added meanwhile stays, and the context that was current is current again', () => {
  const added = AFTER.replace('users: [', 'users: [{name: you, user: {token: u}}, ')
  const restored = restoredText(MINE, added)
  expect(restored).toContain('name: you')
  expect(restored).toContain('current-context: work')
})

test('a context that somebody chose meanwhile stays chosen', () => {
  const chosen = AFTER.replace('contexts: [', 'contexts: [{name: other, context: {cluster: work, user: me}}, ').replace(
    'current-context: ""',
    'current-context: other',
  )
  expect(restoredText(MINE, chosen)).toBe(chosen)
})
