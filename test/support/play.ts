// Plays golden files and prints what came out: a program of its own, for a Node that was started in another way.
//   node [options] play.ts INDEX_OF_ROOM:FRAMES_FILE …
import { ROOMS } from '../../collector/exchanges/registry.ts'
import { play, readLines } from './golden.ts'

for (const argument of process.argv.slice(2)) {
  const [index = '', file = ''] = argument.split(/:(.*)/s)
  const room = ROOMS[Number(index)]
  if (room === undefined) throw new Error(`no room ${index}`)
  for (const { out } of await play(room, readLines(file))) console.log(out)
}
