// Numbers as people read them, each in at most eight characters.

const SPARKS = '▁▂▃▄▅▆▇█'

/** A count: `12,345`, from ten million on `12.3M`. */
export function count(n: number): string {
  if (n < 10_000_000) return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',')
  return n < 1e9 ? `${(n / 1e6).toFixed(1)}M` : `${(n / 1e9).toFixed(1)}G`
}

/** Messages a second: below ten with one decimal. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1) : count(perSecond)
}

/** A span of time, given in seconds: `250 µs`, `1.2 ms`, `12 s`, `3 min`, `2 h`, `5 d`. */
export function span(seconds: number | undefined): string {
  if (seconds === undefined) return '–'
  if (seconds < 0.000_999_5) return `${Math.round(seconds * 1e6)} µs`
  if (seconds < 0.9995) return `${short(seconds * 1e3)} ms`
  if (seconds < 59.5) return `${short(seconds)} s`
  if (seconds < 3570) return `${Math.round(seconds / 60)} min`
  return seconds < 84_600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}

/** How long something has run: `1:02:03`, from a day on `3 d 1:02:03`. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const time = `${Math.floor(s / 3600) % 24}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
  return s < 86_400 ? time : `${Math.floor(s / 86_400)} d ${time}`
}

/** Bytes, by powers of 1,024: `64 MiB`. */
export function bytes(n: number): string {
  const unit = n < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(n) / 10))
  return `${short(n / 1024 ** unit)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`
}

/** A line of bars, the last of them now; each is drawn against the highest. What is not known yet is blank. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width === 0 ? [] : values.slice(-width)
  const highest = Math.max(...shown)
  const bar = (v: number) => SPARKS[v > 0 ? Math.max(1, Math.round((v / highest) * (SPARKS.length - 1))) : 0]
  return shown.map(bar).join('').padStart(width)
}

function short(n: number): string {
  return n < 9.95 && n % 1 !== 0 ? n.toFixed(1) : String(Math.round(n))
}
