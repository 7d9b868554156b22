#!/usr/bin/env node
// `kubectl marketprism`: the entry of the plugin, which kubectl finds by its name, kubectl-marketprism, on the PATH.
//
// Exit codes: 0 well; 1 the answer is no; 2 a command line that cannot be understood, or something that cannot be
// reached.
import { readFileSync } from 'node:fs'
import { printable } from '../../collector/terminal/escape.ts'
import { guarded, type Io } from './command.ts'

const USAGE = `kubectl marketprism <command>
  plan -f FILE        the objects that the operator would apply; with --diff, what would change in the cluster
  status [NAME]       how Collectors stand: conditions, shards, pods, channels, the last healing and gap
  top [NAME]          messages of each channel, each second anew
  logs NAME           what the pods write; -f goes on
  restart NAME        new pods, one Deployment after another
  pause NAME          the operator leaves a Collector as it is
  resume NAME         the operator looks after it again
  audit NAME          what is there in its stream, what is missing and whether that was announced
  export monitoring   its alerts and dashboards as plain files
Each has flags of its own: kubectl marketprism status --help.
`

type Run = (args: readonly string[], io: Io) => Promise<number>

/** Each command is loaded when it is asked for: most need no client, and none all of the others. */
const COMMANDS: Readonly<Record<string, () => Promise<{ usage: string; run: Run }>>> = {
  plan: () => import('./plan.ts').then((of) => ({ usage: of.PLAN_USAGE, run: of.planCommand })),
  status: () => import('./status.ts').then((of) => ({ usage: of.STATUS_USAGE, run: of.statusCommand })),
  top: () => import('./top.ts').then((of) => ({ usage: of.TOP_USAGE, run: of.topCommand })),
  logs: () => import('./logs.ts').then((of) => ({ usage: of.LOGS_USAGE, run: of.logsCommand })),
  restart: () => import('./restart.ts').then((of) => ({ usage: of.RESTART_USAGE, run: of.restartCommand })),
  pause: () => import('./pause.ts').then((of) => ({ usage: of.PAUSE_USAGE, run: of.pauseCommand })),
  resume: () => import('./pause.ts').then((of) => ({ usage: of.RESUME_USAGE, run: of.resumeCommand })),
  audit: () => import('./audit.ts').then((of) => ({ usage: of.AUDIT_USAGE, run: of.auditCommand })),
  export: () => import('./export.ts').then((of) => ({ usage: of.EXPORT_USAGE, run: of.exportCommand })),
}

const [name = 'help', ...args] = process.argv.slice(2)
const ended = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort())
// Whoever reads us may leave early, as head does.
process.stdout.on('error', () => {})
const stdin = { text: () => readFileSync(0, 'utf8') }
const io: Io = { stdout: process.stdout, stderr: process.stderr, stdin, env: process.env, signal: ended.signal }
const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
if (load !== undefined) {
  const { usage, run } = await load()
  const isHelp = args.includes('--help') || args.includes('-h')
  if (isHelp) process.stdout.write(usage)
  else process.exitCode = await guarded(name, io, () => run(args, io))
} else if (['help', '--help', '-h'].includes(name)) process.stdout.write(USAGE)
else {
  process.stderr.write(`kubectl marketprism: '${printable(name)}' is not a command.\n\n${USAGE}`)
  process.exitCode = 2
}
