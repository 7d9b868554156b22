// `marketprism-operator`: the entry of the operator's image.
//
// Exit codes: 0 after SIGTERM; 1 the Lease was lost, or the API server could not be worked with for long: the kubelet
// starts us again; 2 a command line that cannot be understood, or a port that cannot be had.
import './heap.ts'

// Loaded when what it may use of the heap has been said: loading it is the first that would make the heap grow.
const [{ openLog }, { readOptions }, { runOperator }] = await Promise.all([
  import('../collector/log.ts'),
  import('./options.ts'),
  import('./run.ts'),
])
const reading = readOptions(process.argv.slice(2), process.env)
if ('help' in reading) process.stdout.write(reading.help)
else if ('faults' in reading) {
  process.stderr.write(`${reading.faults.map((fault) => `marketprism-operator: ${fault}`).join('\n')}\n`)
  process.exitCode = 2
} else {
  const { options } = reading
  const log = openLog({ level: options.logLevel })
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort(signal))
  try {
    process.exitCode = await runOperator({ options, log, signal: stop.signal })
  } catch (error) {
    log.fatal({ err: error }, 'the operator cannot start')
    process.exitCode = 2
  }
  // What is still open belongs to nobody: a late write must not follow.
  process.exit()
}
