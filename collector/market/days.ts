// Days of the calendar (UTC), as symbols of dated contracts have them. Rooms are pure: they use no Date.
const DAY_MS = 86_400_000
/** From the first of March of the year 0, where the count below begins, to 1970. */
const DAYS_BEFORE_1970 = 719_468
/** In 400 years, after which the calendar repeats itself; in 100; in 4; in one. */
const DAYS_400 = 146_097
const DAYS_100 = 36_524
const DAYS_4 = 1_461
const DAYS_1 = 365

/** The day of a time since the epoch, ms, e.g. `20261225`. Years begin in March here, so that leap days end them. */
export function dayOf(ms: number): string {
  const days = Math.floor(ms / DAY_MS) + DAYS_BEFORE_1970
  const times = Math.floor(days / DAYS_400)
  const rest = days - times * DAYS_400
  const leaps = Math.floor(rest / (DAYS_4 - 1)) - Math.floor(rest / DAYS_100) + Math.floor(rest / (DAYS_400 - 1))
  const years = Math.floor((rest - leaps) / DAYS_1)
  const ofYear = rest - (years * DAYS_1 + Math.floor(years / 4) - Math.floor(years / 100))
  // Five months have 153 days, wherever they begin in such a year.
  const month = Math.floor((5 * ofYear + 2) / 153)
  const day = ofYear - Math.floor((153 * month + 2) / 5) + 1
  const year = times * 400 + years + (month < 10 ? 0 : 1)
  return `${String(year).padStart(4, '0')}${twoDigits(month < 10 ? month + 3 : month - 9)}${twoDigits(day)}`
}

function twoDigits(n: number): string {
  return String(n).padStart(2, '0')
}
