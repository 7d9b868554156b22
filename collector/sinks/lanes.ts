/** Runs `work` for all, at most `lanesMax` at a time; rejects with the first failure. */
export async function inLanes<T>(all: readonly T[], lanesMax: number, work: (one: T) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < all.length) await work(all[next++] as T)
  }
  await Promise.all(Array.from({ length: Math.min(lanesMax, all.length) }, lane))
}
