// Candles are pushed again and again until a final one, so one that was begun and has no final push was missed in part:
// the only loss that a channel without a sequence can see on a socket that stayed up.
import type { Order } from '../exchanges/room.ts'
import type { ChannelForm } from '../market/outlet.ts'
import type { Frame } from '../wire/frame.ts'

/** Where one form has when its span opens, and which word says that it is the final one. */
interface Fields {
  readonly frame: Frame
  readonly opens: number
  readonly place: number
  readonly word: number
}

export class Spans {
  readonly #forms: readonly Fields[]
  /** µs. */
  #opens = -1
  /** Whether the last span had an element and no final one. */
  #isBegun = false

  constructor(forms: readonly ChannelForm[], { opens, final: [key, word] }: NonNullable<Order['span']>) {
    this.#forms = forms.map(({ frame }) => {
      const final = frame.fieldOf(key)
      return { frame, opens: frame.field(opens), place: final.word, word: final.words.indexOf(word) }
    })
  }

  /** Whether the element that this form read last opens a span while the one before had no final element. */
  isMissed(form: number): boolean {
    const { frame, opens } = this.#forms[form] as Fields
    return this.#isBegun && frame.time(opens) > this.#opens
  }

  /** The element that this form read last is published. */
  pass(form: number): void {
    const { frame, opens, place, word } = this.#forms[form] as Fields
    const opened = frame.time(opens)
    const isFinal = frame.at[place] === word
    if (opened !== this.#opens) this.#isBegun = !isFinal
    else if (isFinal) this.#isBegun = false
    this.#opens = opened
  }
}
