// Is a stored message as its schema says? For those that no layout reads; what a layout reads is right (layout.ts).
import { MESSAGES, type Message } from '../../market/messages.ts'

export type Fields = Readonly<Record<string, unknown>>

/** What is wrong with a message of a known type, in one sentence; undefined when it is as its schema says. */
export function violation(m: Fields, type: Message['type']): string | undefined {
  const issue = MESSAGES[type].safeParse(m).error?.issues[0]
  if (issue === undefined) return undefined
  return `${issue.path.length === 0 ? 'the message' : issue.path.join('.')}: ${issue.message}`
}
