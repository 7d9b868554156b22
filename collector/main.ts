// `marketprism`: the entry of the collector's image and of the command line.
//
// Exit codes: 0 well; 1 a manifest with faults, an account that does not balance, an audit that found loss; 2 a command
// line that cannot be understood, or something that cannot be opened.
import { parseArgs } from 'node:util'
import { printable } from './terminal/escape.ts'

const USAGE = `marketprism <command>

  run -f FILE         collect what the manifest says; the same manifest as in Kubernetes
      --nats URL        publish to this NATS instead of the manifest's sink
      --out DIR         write files below this folder instead of the manifest's sink
      --duration 15s    end by itself, with a summary that balances
      --watch           take up changes of the file (SIGHUP does it, too)
      --json            one JSON line a second instead of the table
      --port N          of /livez /readyz /status /metrics; 8080, or 0 for any
      --log-level L     trace, debug, info, warn, error, silent
  validate -f FILE    say everything that is wrong with a manifest, and what to write instead
  check -f FILE       try everything before it runs: addresses, symbols, a message of each channel, the sink
      --wait 15s        how long each channel may take
      --json            one JSON line for each thing that was tried
  audit --stream NAME | --dir FOLDER
                      what is there, what is missing and whether that was announced; see audit --help
`

const [command, ...rest] = process.argv.slice(2)
// Whoever reads us may leave early, as head does.
process.stdout.on('error', () => {})
const io = { stdout: process.stdout, stderr: process.stderr }

switch (command) {
  case 'run':
    process.exitCode = await run()
    break
  case 'validate':
    process.exitCode = (await import('./validate.ts')).validateCommand(filesOf(rest), io)
    break
  case 'check':
    process.exitCode = await (await import('./check/command.ts')).checkCommand(rest, io)
    break
  case 'audit':
    process.exitCode = await audit()
    break
  case undefined:
  case 'help':
  case '--help':
    process.stdout.write(USAGE)
    break
  default:
    process.stderr.write(`marketprism: '${printable(command)}' is not a command.\n\n${USAGE}`)
    process.exitCode = 2
}

// Each command is loaded when it is asked for: what `run` needs of the heap must be said before.

async function run(): Promise<number> {
  await import('./heap.ts')
  const { runCommand } = await import('./run.ts')
  return await runCommand(rest)
}

async function audit(): Promise<number> {
  const [{ auditCommand }, { continuity }] = await Promise.all([
    import('./audit/command.ts'),
    import('./exchanges/registry.ts'),
  ])
  return await auditCommand(rest, io, continuity)
}

/** Every `-f FILE`; anything else is a usage that names no file. */
function filesOf(args: readonly string[]): string[] {
  try {
    const options = { file: { type: 'string', short: 'f', multiple: true } } as const
    return parseArgs({ args: [...args], options }).values.file ?? []
  } catch {
    return []
  }
}
