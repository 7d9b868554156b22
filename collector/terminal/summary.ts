// The account at the end of a run: what came in, what became of it, and whether it adds up.
import { imbalance, sum } from '../status.ts'
import type { CollectorStatus } from '../status.ts'
import { printable } from './escape.ts'
import { clock } from './format.ts'

/** The account for a person, several lines, each ended. */
export function summary({ name, startedMs, atMs, ledger: l }: CollectorStatus): string {
  const refused = sum(l.framesRefused)
  const dropped = sum(l.messagesDropped)
  const wrong = imbalance(l)
  const lines = [
    `${printable(name)} ran for ${clock((atMs - startedMs) / 1000)}`,
    `frames    ${l.framesReceived} received = ${l.framesData} data + ${l.framesControl} control + ${refused} refused`,
    ...byReason('refused', l.framesRefused),
    `messages  ${l.messagesMade} made = ${l.messagesAcknowledged} acknowledged + ${l.messagesDuplicate} duplicate + ` +
      `${dropped} dropped + ${l.messagesSpooled} spooled`,
    ...byReason('dropped', l.messagesDropped),
    `gaps      ${l.gaps} announced`,
    ...(wrong.length === 0
      ? ['balanced  every frame and every message is accounted for']
      : wrong.map((sentence) => `WRONG     ${sentence}`)),
  ]
  return `${lines.join('\n')}\n`
}

/** The same account for a machine; `balanced` is what the exit code says. */
export function summaryRecord({ name, startedMs, atMs, ledger: l }: CollectorStatus) {
  const wrong = imbalance(l)
  return {
    name,
    seconds: (atMs - startedMs) / 1000,
    frames: { received: l.framesReceived, data: l.framesData, control: l.framesControl, refused: l.framesRefused },
    messages: {
      made: l.messagesMade,
      acknowledged: l.messagesAcknowledged,
      duplicate: l.messagesDuplicate,
      dropped: l.messagesDropped,
      spooled: l.messagesSpooled,
    },
    gaps: l.gaps,
    balanced: wrong.length === 0,
    imbalance: wrong,
  }
}

function byReason(what: string, counts: Readonly<Record<string, number>>): string[] {
  const some = Object.entries(counts).filter(([, n]) => n > 0)
  if (some.length === 0) return []
  return [`          ${what}: ${some.map(([reason, n]) => `${n} ${printable(reason, 40)}`).join(', ')}`]
}
