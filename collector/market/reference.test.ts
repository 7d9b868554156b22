import { expect, it } from 'vitest'
import { GAP_REASONS, message, MESSAGES } from './messages.ts'
import { EXAMPLES, renderMessages } from './reference.ts'

it.each(Object.values(EXAMPLES))('shows a $type that is as the schema says', (example) => {
  expect(message.safeParse(example).error).toBeUndefined()
})

it('names every field, with a meaning, and every reason', () => {
  const page = renderMessages()
  for (const { shape } of Object.values(MESSAGES)) {
    for (const name of Object.keys(shape))
      expect(page).toMatch(new RegExp(`\\| \`${name}\` \\| [^|\n]+ \\| [^|\n]*\\| [^|\n]*\\| [^|\n ][^|\n]* \\|\n`))
  }
  for (const reason of Object.keys(GAP_REASONS)) expect(page).toContain(`| \`${reason}\` |`)
  expect(page).not.toContain('undefined')
})

it('says what ids are made of', () => {
  const page = renderMessages()
  expect(page).toContain('Id: `{id}`.')
  expect(page).toContain('Id: `s:{seq}:{ts}` of a snapshot, `{prev_seq}:{seq}:{ts}` of a delta.')
  expect(page).toContain('`market:kline:binance:perpetual:BTC-USDT:1m:1795999980000000:1796000000123000`')
})
