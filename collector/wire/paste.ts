// Code that writes a record: constant bytes, and values between them, one behind another.
//
// Always: what is written is what the constants and the values of the frame say, of whatever length; what was written
// before does not matter. Each value is proved to be of its kind before (layout.ts). Where compiling is forbidden a loop
// over the steps writes the same.
import { integerAt, isZero, toMicros, writeInteger } from './bytes.ts'
import { copyAscii } from './sides.ts'
import { type Convert, SIZE_BYTES_MAX } from './sizes.ts'
import { Op, type Step, TIME_DIGITS } from './steps.ts'

/** What the records of one channel have in common; the template's part for {@link Paste}. */
export interface Constants {
  /** All constant bytes, followed by such that may be read, too: {@link SLACK}. */
  readonly constants: Buffer
  /** Of `constants`. */
  readonly view: DataView
  /** Where in `constants` the value of each step belongs. */
  readonly cuts: Int32Array
  /** Where in `constants` the payload begins, and where they end. */
  readonly payloadAt: number
  readonly constantEnd: number
  readonly convert: Convert | undefined
  /** Where the payload begins of what was written last. */
  payload: number
}

/** Bytes that are copied too many, since eight at once are cheaper than as many as there are. */
export const SLACK = 8

/**
 * Writes from `pos` of `room` on all that a record has before the sides of its book, or its tail.
 * @param to of `room`
 * @returns the place behind it, or -1 where a value is missing or a size is none
 */
export type Paste = (
  frame: Buffer,
  view: DataView,
  at: Int32Array,
  numbers: Float64Array,
  own: Float64Array,
  record: Constants,
  room: Buffer,
  to: DataView,
  pos: number,
) => number

/**
 * Steps as code.
 * Measured (Node 26.10, a whole frame of the venue): against copying the record before and patching it, or mending its
 * copy where a length is new, a trade of Binance costs the same, one of OKX 0.8, tickers 0.75, klines 0.7, rates 0.6.
 * @param id steps of the id, which come first
 */
export function compilePaste(id: readonly Step[], message: readonly Step[]): Paste {
  const [ids, rest] = [id, message].map((steps) => steps.filter((step) => step.op !== Op.Constant)) as [Step[], Step[]]
  const steps = [...ids, ...rest]
  const common = [...commonBefore(id), ...commonBefore(message)]
  try {
    // oxlint-disable-next-line typescript/no-implied-eval -- see above; only numbers go into the source
    const make = new Function('zero', 'copy', 'hours', 'integer', source(steps, common, ids.length)) as (
      ...helpers: readonly unknown[]
    ) => Paste
    return make(isZero, copyAscii, hoursBetween, writeInteger)
  } catch {
    return loop(steps, ids.length)
  }
}

/**
 * Names: b and v are the frame, o where it lies in v, z the cuts, p what of the constants is written, q the place.
 * @param common bytes before each step that are the same in all records
 */
function source(steps: readonly Step[], common: readonly (Buffer | undefined)[], ids: number): string {
  const body = steps.map((step, i) => {
    const payload = i === ids - 1 ? `t.payload=q+t.payloadAt-p;` : ''
    const before = common[i]
    const constant = before === undefined ? segment(`z[${i}]`) : `${constantCode(before)}p+=${before.length};`
    return `${constant}${stepCode(step)}${payload}`
  })
  const names = 'const o=b.byteOffset,z=t.cuts,u=t.view,convert=t.convert;let s=0,n=0,k=0,p=0'
  const payload = ids === 0 ? 't.payload=q+t.payloadAt;' : ''
  return `return function paste(b,v,at,m,own,t,room,w,q){${names};${payload}${body.join('')}${segment('t.constantEnd')}return q}`
}

/** What stands before each value, where that is the same in all records: not before the first, nor around words. */
function commonBefore(steps: readonly Step[]): (Buffer | undefined)[] {
  let before: Buffer | undefined
  return steps.flatMap(({ op, lead, trail, optional }) => {
    if (op === Op.Constant) {
      before = undefined
      return []
    }
    const [own, behind] = optional ? [NOTHING, NOTHING] : [lead, trail]
    const all = before === undefined ? undefined : Buffer.concat([before, own])
    before = behind
    return [all]
  })
}

const NOTHING = Buffer.alloc(0)

/** Copies constant bytes up to `end`. */
function segment(end: string): string {
  return `k=${end}-p;for(let j=0;j<k;j+=8)w.setFloat64(q+j,u.getFloat64(p+j,true),true);q+=k;p+=k;`
}

/** Writes a value, with what stands around it where that comes and goes with it. */
function stepCode(step: Step): string {
  const { op, field, other, optional, unlessZero } = step
  const [lead, trail] = optional ? [constantCode(step.lead), constantCode(step.trail)] : ['', '']
  const write = (when: string, code: string): string =>
    `if(${when}){${lead}${code}${trail}}${optional ? '' : 'else return -1;'}`
  const [first, last] = [`m[${field / 2}]`, `m[${other / 2}]`]
  const scanned = `s=at[${field}];n=at[${field + 1}]-s;`
  const isThere = unlessZero ? 's>=0&&!zero(b,s,s+n)' : 's>=0'
  switch (op) {
    case Op.Own:
      return write(`own[${field}]>=0`, `q=integer(room,q,own[${field}]);`)
    case Op.OwnFlag:
      return write(`own[${field}]===1`, '')
    case Op.Count:
      return `n=${last}-${first}+1;${write('n>0', 'if(n<10)w.setUint8(q++,48+n);else q=integer(room,q,n);')}`
    case Op.Hours: {
      const few = 'if(n<10&&(n|0)===n)w.setUint8(q++,48+n);else q+=room.write(String(n),q,"latin1");'
      return `n=at[${field}]<0||at[${other}]<0?0:hours(${first},${last});${write('n>0', few)}`
    }
    case Op.Size: {
      const place = optional ? `q+${step.lead.length}` : 'q'
      const size = `${isThere}?convert(room,${place},b,s,s+n,at[${other}],at[${other + 1}]):-1`
      return `${scanned}k=${size};${write('k>=0', 'q=k;')}`
    }
    case Op.Time: {
      const micros = 'if(n===13){w.setUint8(q+13,48);w.setUint8(q+14,48);w.setUint8(q+15,48)}'
      return `${scanned}${write(isThere, `${MOVE}${micros}q+=${TIME_DIGITS};`)}`
    }
    case Op.Digits:
      return `${scanned}${write(isThere, `${MOVE}q+=n;`)}`
    case Op.Constant:
      return ''
  }
}

/**
 * Copies `n` bytes from `s` of the frame to `q` of the record: two moves that overlap. Eight bytes go as a double, which
 * is never a NaN, since digits are ASCII; so no bit changes.
 */
const MOVE = `s+=o;if(n>=8&&n<=16){${moves('Float64', 8)}}else if(n>=4&&n<8){${moves('Int32', 4)}}else copy(v,s,w,q,n);`

function moves(type: 'Float64' | 'Int32', bytes: number): string {
  return ['0', `n-${bytes}`].map((k) => `w.set${type}(q+${k},v.get${type}(s+${k},true),true);`).join('')
}

function constantCode(bytes: Buffer): string {
  if (bytes.length === 0) return ''
  const { length } = bytes
  // The last ones overlap. Eight bytes of ASCII are a double that is no NaN.
  const width = length >= 8 ? 8 : length >= 4 ? 4 : 1
  const places = Array.from({ length: Math.ceil(length / width) }, (_, i) => Math.min(i * width, length - width))
  const code = places.map((at) => {
    if (width === 8) return `w.setFloat64(q+${at},${bytes.readDoubleLE(at)},true);`
    return width === 4 ? `w.setInt32(q+${at},${bytes.readInt32LE(at)},true);` : `w.setUint8(q+${at},${bytes[at]});`
  })
  return `${code.join('')}q+=${length};`
}

/** The same without code. */
function loop(steps: readonly Step[], ids: number): Paste {
  return (frame, _view, at, _numbers, own, record, room, _to, start) => {
    const { constants, cuts, payloadAt, constantEnd } = record
    let pos = start
    let from = 0
    if (ids === 0) record.payload = pos + payloadAt
    for (const [i, step] of steps.entries()) {
      const cut = cuts[i] as number
      pos += constants.copy(room, pos, from, cut)
      from = cut
      const text = textOf(step, frame, at, own, record.convert)
      if (text === undefined && !step.optional) return -1
      if (text !== undefined) pos += room.write(step.optional ? around(step, text) : text, pos, 'latin1')
      if (i === ids - 1) record.payload = pos + payloadAt - cut
    }
    return pos + constants.copy(room, pos, from, constantEnd)
  }
}

function around({ lead, trail }: Step, text: string): string {
  return `${lead.toString()}${text}${trail.toString()}`
}

function textOf(
  { op, field, other, unlessZero }: Step,
  frame: Buffer,
  at: Int32Array,
  own: Float64Array,
  convert: Convert | undefined,
): string | undefined {
  const number = own[field] as number
  if (op === Op.Own) return number >= 0 ? String(number) : undefined
  if (op === Op.OwnFlag) return number === 1 ? '' : undefined
  const [start, end] = [at[field] as number, at[field + 1] as number]
  if (start < 0 || (unlessZero && isZero(frame, start, end))) return undefined
  const text = frame.toString('latin1', start, end)
  if (op === Op.Time) return text.padEnd(TIME_DIGITS, '0')
  if (op === Op.Digits) return text
  const [second, secondEnd] = [at[other] as number, at[other + 1] as number]
  if (op === Op.Size) {
    const size = Buffer.alloc(SIZE_BYTES_MAX)
    const length = convert?.(size, 0, frame, start, end, second, secondEnd) ?? -1
    return length < 0 ? undefined : size.toString('latin1', 0, length)
  }
  if (second < 0) return undefined
  const [from, to] = [integerAt(frame, start, end), integerAt(frame, second, secondEnd)]
  const n = op === Op.Count ? to - from + 1 : hoursBetween(from, to)
  return n > 0 ? String(n) : undefined
}

/** Hours between two times, to a millionth. */
function hoursBetween(from: number, to: number): number {
  return Math.round((toMicros(to) - toMicros(from)) / 3600) / 1e6
}
