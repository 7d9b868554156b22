import { expect, test } from 'vitest'
import { sampleStatus } from '../../test/support/status.ts'
import { summary, summaryRecord } from './summary.ts'

test('a run that balances says so', () => {
  expect(summary(sampleStatus())).toBe(
    [
      'majors ran for 0:01:30',
      'frames    215 received = 205 data + 8 control + 2 refused',
      '          refused: 2 malformed',
      'messages  200 made = 180 acknowledged + 8 duplicate + 6 dropped + 6 spooled',
      '          dropped: 6 spool_full',
      'gaps      2 announced',
      'balanced  every frame and every message is accounted for',
      '',
    ].join('\n'),
  )
})

test('one that does not says what does not add up', () => {
  const status = sampleStatus()
  const wrong = { ...status, ledger: { ...status.ledger, framesControl: 7, messagesSpooled: 5 } }
  const sentences = [
    'frames: 215 received, but 214 accounted for (data + control + refused)',
    'messages: 200 made, but 199 accounted for (acknowledged + duplicates + dropped + spooled)',
  ]
  expect(summary(wrong).split('\n').slice(-3)).toEqual([...sentences.map((s) => `WRONG     ${s}`), ''])
  expect(summaryRecord(wrong)).toMatchObject({ balanced: false, imbalance: sentences })
})

test('the form for machines has the same figures', () => {
  expect(summaryRecord(sampleStatus())).toEqual({
    name: 'majors',
    seconds: 90,
    frames: { received: 215, data: 205, control: 8, refused: { malformed: 2, unknown_stream: 0 } },
    messages: { made: 200, acknowledged: 180, duplicate: 8, dropped: { spool_full: 6 }, spooled: 6 },
    gaps: 2,
    balanced: true,
    imbalance: [],
  })
})

test('reasons from outside cannot reach the terminal', () => {
  const status = sampleStatus()
  const text = summary({ ...status, ledger: { ...status.ledger, framesRefused: { '\x1b]0;x\x07': 2 } } })
  expect(text).toContain('refused: 2 \\x1b]0;x\\x07')
})
