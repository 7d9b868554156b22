// Kubernetes' quantities: "1000m" is "1", "0.5Gi" is "512Mi", 1e3 is "1k". Exact, in nano units, as the server counts.

const BINARY: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n }
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d{1,3}|)$/
const NANO_DIGITS = 9

/** Its value in nano units, rounded up as the server does; undefined for what is no quantity. */
export function nanosOf(quantity: string | number): bigint | undefined {
  const match = FORM.exec(String(quantity).trim())
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match
  if (whole === '' && fraction === '') return undefined
  const digits = BigInt(whole + fraction)
  const shift = BINARY[suffix]
  const exponent = shift === undefined ? exponentOf(suffix) : 0
  const value = shift === undefined ? digits : digits << shift
  const nanos = scaled(value, NANO_DIGITS + exponent - fraction.length)
  return sign === '-' ? -nanos : nanos
}

/** Whether both are the same amount. */
export function isSameQuantity(one: string | number, other: string | number): boolean {
  const nanos = nanosOf(one)
  return nanos !== undefined && nanos === nanosOf(other)
}

function exponentOf(suffix: string): number {
  return DECIMAL[suffix] ?? Number(suffix.slice(1))
}

/** value * 10 ** power, rounded up. */
function scaled(value: bigint, power: number): bigint {
  if (power >= 0) return value * 10n ** BigInt(power)
  const divisor = 10n ** BigInt(-power)
  return (value + divisor - 1n) / divisor
}
