// A bound on how many do something at the same time; the others wait in order of arrival.

export interface Slots {
  /** Waits for a slot and gives the function that returns it. Rejects, having taken none, when the signal aborts. */
  take(signal?: AbortSignal): Promise<() => void>
  readonly taken: number
  readonly waiting: number
}

export function slots(max: number): Slots {
  let taken = 0
  const waiting = new Set<() => void>()
  function giveBack(): void {
    taken -= 1
    const [next] = waiting
    next?.()
  }
  function take(): () => void {
    taken += 1
    let isTaken = true
    return () => {
      if (isTaken) giveBack()
      isTaken = false
    }
  }
  return {
    take(signal) {
      if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
      if (taken < max) return Promise.resolve(take())
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiting.delete(enter)
          signal?.removeEventListener('abort', give)
        }
        const give = () => {
          leave()
          reject(signal?.reason as Error)
        }
        const enter = () => {
          leave()
          resolve(take())
        }
        waiting.add(enter)
        signal?.addEventListener('abort', give)
      })
    },
    get taken() {
      return taken
    },
    get waiting() {
      return waiting.size
    },
  }
}
