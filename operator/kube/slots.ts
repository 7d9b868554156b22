// A bound on how many do something at the same time; the others wait in order of arrival, after them those that can wait.

export interface Slots {
  /**
   * Waits for a slot and gives the function that returns it. Rejects, having taken none, when the signal aborts.
   * @param canWait whether others may go first, also those that come later
   */
  take(signal?: AbortSignal, canWait?: boolean): Promise<() => void>
  readonly taken: number
  readonly waiting: number
}

/** Every so many turns go to those that can wait, so that they do not wait for ever. */
const TURN = 10

export function slots(max: number): Slots {
  let taken = 0
  let turn = 0
  const waiting = new Set<() => void>()
  const patient = new Set<() => void>()
  function giveBack(): void {
    taken -= 1
    turn = (turn + 1) % TURN
    const [[next], [patientNext]] = [waiting, patient]
    const enter = turn === 0 ? (patientNext ?? next) : (next ?? patientNext)
    enter?.()
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
    take(signal, canWait = false) {
      const line = canWait ? patient : waiting
      if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
      if (taken < max) return Promise.resolve(take())
      return new Promise((resolve, reject) => {
        const leave = () => {
          line.delete(enter)
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
        line.add(enter)
        signal?.addEventListener('abort', give)
      })
    },
    get taken() {
      return taken
    },
    get waiting() {
      return waiting.size + patient.size
    },
  }
}
