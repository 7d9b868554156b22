/** Something that a benchmark needs and this machine does not have: its figures are skipped, and why is said. */
export class Missing extends Error {
  /** What to do about it; a command where there is one. */
  readonly remedy: string

  constructor(message: string, remedy: string) {
    super(message)
    this.name = 'Missing'
    this.remedy = remedy
  }
}
