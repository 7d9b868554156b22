// The code with which compiled layouts read values: it accepts exactly what the patterns of kinds.ts accept.
//
// In it stand `b` and `v`, the frame's bytes and a view of their memory, in which they begin at `o`; `n`, how many they
// are; `p`, the place in them; `s`, where the value begins, and `c`, a byte; `at` and `m`, where values lie and the
// numbers that they are; `x`, 1 once the element is known to be another's; `z`, digits as a number; `t`, stepping over
// any value; `w`, where an object of no interest begins; `h`, `k` and `q0` to `q3` for whatever is at hand. A piece ends
// with `p` behind the value, and returns -1 where that is none of its kind.
// Long ids and times are mostly as long as the last time: their digits are told and added up four at a time.
import { DECIMAL_MAX, ascii } from './bytes.ts'
import type { Field } from './fields.ts'
import type { Form } from './tokens.ts'

/** How the value stood in the element from which the layout is learned. */
export interface Seen {
  readonly isQuoted: boolean
  readonly text: string
  /** The byte behind it. */
  readonly behind: number
}

/** Inside a value of no interest: bytes that stay the same, and a scalar behind them but for the last. */
export interface Cell {
  readonly constant: Buffer
  readonly form?: Form
  readonly seen?: Seen
}

/** What stands in a string in plain form, but for what is not ASCII. */
const IS_PLAIN = 'c>=35&&c<127&&c!==92||c===32||c===33'
const IS_TOKEN = 'c>=48&&c<=57||c>=97&&c<=122||c>=65&&c<=90||c===45||c===46||c===95'

/** A value of a declared kind, which may be absent. */
export function valueCode(field: Field, seen: Seen): string {
  const { kind, row, word } = field
  const found = `at[${row}]=s;at[${row + 1}]=p;`
  const none = absentWay(field, seen.isQuoted)
  if (typeof kind === 'object' || kind === 'boolean') {
    const behind = seen.isQuoted ? '"' : ''
    if (kind === 'boolean' && !seen.isQuoted)
      return `s=p;c=b[p];${booleanCode(word)}${found}}else ${none}else return -1;`
    // A boolean in quotes is none, unless it is absent.
    const words = seen.isQuoted === (kind === 'boolean') ? [] : field.words
    const tries = words.map((text, i) => `if(${same(text + behind)}){p+=${text.length};at[${word}]=${i};${found}}`)
    return `s=p;c=b[p];${[...tries, none].join('else ')}else return -1;`
  }
  switch (kind) {
    case 'decimal':
      return `s=p;c=b[p];${decimalCode(seen.text)}${found}}else ${none}else return -1;`
    case 'token':
      return `s=p;c=b[p];while(${IS_TOKEN})c=b[++p];if(p>s&&p-s<=64){${found}}else ${none}else return -1;`
    case 'name': {
      const whole = 'if(c!==34){p=t(b,s-1,n)-1;if(p<0)return -1}'
      return `s=p;c=b[p];while(${IS_PLAIN})c=b[++p];${whole}if(p>s){${found}}else ${none}else return -1;`
    }
    default:
      return numberCode(field, seen, found, none)
  }
}

/** Up to a boolean that is one. Nobody can guess which it is, so there is no branch between the two. */
function booleanCode(word: number): string {
  const [yes, no] = ['true', 'fals'].map((text) => ascii(text).readInt32LE())
  const isOther = `(h=+((k=v.getInt32(o+p,true))!==${yes}))`
  return `if(p+5<n&&!(${isOther}&+((k^${no}|b[p+4]^101)!==0))){p+=4+h;at[${word}]=h;`
}

/** Ids, integers and times: what they are goes into `m`. */
function numberCode(field: Field, { isQuoted, text, behind }: Seen, found: string, none: string): string {
  const number = `m[${field.row / 2}]`
  const mayLead = field.kind === 'digits' && isQuoted
  const first = field.kind === 'time' ? 'c!==48&&c!==57' : mayLead ? '' : 'c!==48'
  const limit = {
    digits: `p-s>${DECIMAL_MAX}${mayLead ? '' : '||c===48&&p-s>1'}`,
    integer: 'p-s>15||c===48&&p-s>1',
    signed: 'p-s>15||c===48&&p-s>1',
    time: 'c===48||c===57||p-s!==13&&p-s!==16',
  }[field.kind as 'digits' | 'integer' | 'signed' | 'time']
  const scan = `{do k=b[++p];while((k^48)<10);if(${limit})return -1;${number}=z(b,s,p);${found}}`
  const quick = longCode(number, text.replace('-', '').length, behind, first, found)
  // The value begins with its sign.
  const negative = `else if(c===45&&(b[p+1]^48)<10){c=b[s=++p];${scan.replace(found, '')}${number}=-${number};s--;${found}}`
  const zero = `if(c===48&&(b[p+1]<48||b[p+1]>57)){p++;${absentCode(field)}}else `
  return `s=p;c=b[p];${quick}${field.kind === 'time' ? zero : ''}if((c^48)<10)${scan}${field.kind === 'signed' ? negative : ''}else ${none}else return -1;`
}

/** So many digits, told and added up four at a time; what follows is for all others. */
function longCode(number: string, length: number, behind: number, first: string, found: string): string {
  if (length < 8 || length > 16) return ''
  const isFit = [`p+${length}<n`, `b[p+${length}]===${behind}`, first, `!(${digitsCode(length)})`].filter(
    (t) => t !== '',
  )
  const rest = length - 8
  const low =
    rest < 4 ? tail(rest < 1 ? '0' : 'q2', rest) : `(${fourOf('q2')})*${10 ** (rest - 4)}+${tail('q3', rest - 4)}`
  const sum = `h=((k=${pairs('q0')},${HUNDREDS})*10000+(k=${pairs('q1')},${HUNDREDS}));`
  const safe = length === 16 ? `if(${number}>${Number.MAX_SAFE_INTEGER})${number}=NaN;` : ''
  return `if(${isFit.join('&&')}){${sum}${number}=h*${10 ** rest}+${low};${safe}p+=${length};${found}}else `
}

/** Zero when so many bytes at `p` are digits; leaves each four of them, less '0', in `q0` to `q3`, the last ones overlapping. */
function digitsCode(length: number, from = 'p'): string {
  const words = Math.ceil(length / 4)
  return Array.from({ length: words }, (_, i) => {
    const at = Math.min(i * 4, length - 4)
    // Each byte less '0' is at most 9.
    return `((q${i}=v.getInt32(o+${from}+${at},true)^808464432)+1987475062|q${i})&-2139062144`
  }).join('|')
}

const HUNDREDS = '(k&65535)*100+(k>>>16)'

/** Of four digits, the first in the lowest byte, the two pairs, as two halves of a word. */
function pairs(q: string): string {
  return `(${q}&16711935)*10+(${q}>>>8&16711935)`
}

function fourOf(q: string): string {
  return `(k=${pairs(q)},${HUNDREDS})`
}

/** The last digits of four. */
function tail(q: string, digits: number): string {
  const all = Array.from({ length: digits }, (_, i) => `(${q}>>>${24 - i * 8}&255)*${10 ** i}`)
  return all.length === 0 ? '0' : all.join('+')
}

/** Up to a decimal that is one; what follows is for it, and for what is none. */
function decimalCode(text: string): string {
  const point = fractionCode(text, 'return -1')
  return `${wholeCode(text)}if(p>k&&(b[k]!==48||p-k===1)){${point}if(p-s>${DECIMAL_MAX})return -1;`
}

/** A sign and the digits behind it, which begin at `k`. */
function wholeCode(text: string): string {
  const digits = text.replace('-', '').split('.')[0]?.length ?? 0
  const four = digits >= 4 ? `if(p+4<n&&!(${digitsCode(4)}))c=b[p+=4];` : ''
  return `if(c===45)c=b[++p];k=p;${four}while((c^48)<10)c=b[++p];`
}

/** A point and the digits behind it, if it is there. `miss` is done where there are none. */
function fractionCode(text: string, miss: string): string {
  const digits = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0
  const many = digits >= 8 ? 8 : digits >= 4 ? 4 : 0
  const run = many > 0 ? `if(p+${many + 1}<n&&!(${digitsCode(many, 'k')}))p+=${many};` : ''
  return `if(c===46){k=p+1;${run}do c=b[++p];while((c^48)<10);if(p===k)${miss}}`
}

/** Where a value says that there is none. */
function absentWay(field: Field, isQuoted: boolean): string {
  return isQuoted
    ? `if(c===34&&p===s){${absentCode(field)}}`
    : `if(c===110&&p===s&&${same('null')}){p+=4;${absentCode(field)}}`
}

/** What an absent value leaves. */
export function absentCode({ row, word, words, needed, isNumber }: Field): string {
  const rest = `${isNumber ? `m[${row / 2}]=NaN;` : ''}${word < 0 ? '' : `at[${word}]=${words.length};`}`
  return `at[${row}]=-1;${rest}${needed ? 'x=1;' : ''}`
}

/** A value under a key of no interest: quick where it stands in the same form again, or else stepped over. */
export function undeclaredCode(form: Form, seen: Seen, isOpened: boolean): string {
  // An object there would hold keys of interest.
  const start = `s=p;c=b[p];${isOpened ? 'if(c===123||c===91)return -1;' : ''}`
  return start + steppedCode(form, seen, '{p=t(b,s,n);if(p<0)return -1}')
}

/**
 * An object or array of no interest: quick where the same keys come again with scalars as they were, or else stepped
 * over. What fits is what stepping over takes: nothing in it is deeper than it was. Deribit's ticker with its `stats` is
 * read in 345 ns instead of 690.
 * @param cells what stands in it: constant bytes and scalars by turns
 */
export function nestedCode(cells: readonly Cell[]): string {
  const inner = cells.map(({ constant, form, seen }) => {
    const value = form === undefined || seen === undefined ? '' : `s=p;c=b[p];${steppedCode(form, seen, 'break i')}`
    return `${constantCode(constant, 'break i')}${value};`
  })
  return `{const w=p;j:{i:{${inner.join('')}break j}p=t(b,w,n);if(p<0)return -1}}`
}

/** An array of which only the place matters. @param cells what stands in it; undefined where too much does */
export function listCode({ row }: Field, cells: readonly Cell[] | undefined): string {
  const skip = cells === undefined ? 'p=t(b,p,n);if(p<0)return -1;' : nestedCode(cells)
  return `{const g=p;if(b[p]!==91)return -1;${skip}at[${row}]=g;at[${row + 1}]=p}`
}

/** Steps over a value that begins with `c` at `s`. `skip` is done where it does not stand in this form. */
function steppedCode(form: Form, { text, behind }: Seen, skip: string): string {
  switch (form) {
    case 'string': {
      // A figure in quotes, of which venues write many, is quicker by its digits.
      const figure = /^-?\d+(?:\.\d+)?$/.test(text) ? wholeCode(text) + fractionCode(text, ';') : ''
      return `if(c===34){c=b[++p];${figure}while(${IS_PLAIN})c=b[++p]}if(c===34&&p>s)p++;else ${skip}`
    }
    case 'number': {
      const long = /^[1-9]\d{7,15}$/.test(text)
      const isFit = `p+${text.length}<n&&b[p+${text.length}]===${behind}&&c!==48&&!(${digitsCode(text.length)})`
      const quick = long ? `if(${isFit})p+=${text.length};else` : ''
      const scan = `${wholeCode(text)}h=b[k]===48&&p-k>1?0:p-k;${fractionCode(text, 'h=0')}`
      return `${quick}{${scan}if(h===0||c!==${behind})${skip}}`
    }
    case 'boolean':
      return `if(${same('true')})p+=4;else if(${same('false')})p+=5;else ${skip}`
    case 'null':
      return `if(${same('null')})p+=4;else ${skip}`
    case 'nested':
      return skip
  }
}

/**
 * Code that compares constant bytes, four or eight at a time, and steps over them. Reading beyond the frame is caught
 * before. `miss` is done where others stand there.
 */
export function constantCode(constant: Buffer, miss = 'return -1'): string {
  const { length } = constant
  if (length < 4) return `if(${[...constant].map((c, i) => `b[p+${i}]!==${c}`).join('||')})${miss};p+=${length};`
  const isAscii = constant.every((c) => c < 0x7f)
  // Eight ASCII bytes are a double that is no NaN: equal when the bytes are.
  const step = length >= 8 && isAscii ? 8 : 4
  const places = Array.from({ length: Math.ceil(length / step) }, (_, i) => Math.min(i * step, length - step))
  const differs = places.map((at) =>
    step === 8
      ? `v.getFloat64(o+p+${at},true)!==${constant.readDoubleLE(at)}`
      : `v.getInt32(o+p+${at},true)!==${constant.readInt32LE(at)}`,
  )
  return `if(p+${length}>n||${differs.join('||')})${miss};p+=${length};`
}

/** Code that is true where the bytes at `p` are this text. */
function same(text: string): string {
  return [...ascii(text)].map((c, i) => `b[p+${i}]===${c}`).join('&&')
}
