// The operator as a pod runs it: with a folder of a service account instead of a kubeconfig. Arguments: the folder, then
// the operator's own.
import '../../operator/heap.ts'

const [{ openLog }, { readOptions }, { runOperator }] = await Promise.all([
  import('../../collector/log.ts'),
  import('../../operator/options.ts'),
  import('../../operator/run.ts'),
])
const [accountFolder = '', ...args] = process.argv.slice(2)
const reading = readOptions(args, process.env)
if (!('options' in reading)) throw new Error(JSON.stringify(reading))
const { options } = reading
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort('SIGTERM'))
process.exitCode = await runOperator({
  options,
  log: openLog({ level: options.logLevel }),
  signal: stop.signal,
  accountFolder,
})
process.exit()
