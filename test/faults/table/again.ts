// What faults do with time: again and again, or only now and then.
import type { Undo } from './fault.ts'

/** Does it now, and then again and again. */
export function again(ms: number, act: () => void): Undo {
  act()
  const timer = setInterval(act, ms)
  return () => clearInterval(timer)
}

/** Stops a process (SIGSTOP) for a part of each period, ms. */
export function throttled(pid: () => number, stoppedMs: number, everyMs: number): Undo {
  let isOver = false
  const goOn = () => void process.kill(pid(), 'SIGCONT')
  const end = again(everyMs, () => {
    process.kill(pid(), 'SIGSTOP')
    setTimeout(() => isOver || goOn(), stoppedMs)
  })
  return () => {
    void end()
    isOver = true
    goOn()
  }
}
