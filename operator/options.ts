// What the operator is told at its start: its command line, and who it is from the environment.
//
// In: arguments and environment. Out: options, checked and with their defaults, or every fault at once.
// Always: the chart writes the same flags; a test holds the two together. Never: reads a file or the network.
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { nearest } from '../crds/suggest.ts'
import { quoted } from '../crds/sentence.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

/** Private and shared address space: where pods, services and nodes of nearly every cluster are. */
export const PRIVATE_RANGES = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'] as const

const FLAGS = {
  namespaces: { type: 'string' },
  'collector-image': { type: 'string' },
  'allowed-images': { type: 'string' },
  'cluster-ranges': { type: 'string' },
  runbooks: { type: 'string' },
  'lease-namespace': { type: 'string' },
  'lease-name': { type: 'string' },
  'health-port': { type: 'string' },
  'metrics-port': { type: 'string' },
  'metrics-service': { type: 'string' },
  'metrics-certificate': { type: 'string' },
  'metrics-open': { type: 'boolean' },
  'log-level': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const
export type Flag = keyof typeof FLAGS

export const USAGE = `marketprism-operator --collector-image IMAGE [flags]

  --collector-image IMAGE    image of a collector whose Collector names none
  --allowed-images P,…       images that a Collector may name; * stands for any run of characters. The collector's
                             repository, any tag and digest, when left out
  --namespaces a,b           namespaces whose Collectors are run; all when left out
  --cluster-ranges CIDR,…    where pods, services and nodes are: collectors reach into them only as their spec says.
                             Private ranges when left out; empty for none
  --runbooks URL             where the pages are that alerts lead to; those of our repository when left out
  --lease-namespace NAME     namespace of the Lease by which one operator leads; that of the pod when left out
  --lease-name NAME          name of that Lease; marketprism-operator
  --health-port N            /livez and /readyz, plain HTTP; 8081
  --metrics-port N           /metrics, HTTPS and only for those who may read it; 8443, 0 for none
  --metrics-service NAME     Service of the metrics, whose names a self-signed certificate has;
                             marketprism-operator-metrics
  --metrics-certificate DIR  folder with tls.crt and tls.key, read again when they change; self-signed when left out
  --metrics-open             serve /metrics to everyone, over plain HTTP
  --log-level LEVEL          ${LOG_LEVELS.join(', ')}; info

  POD_NAME and POD_NAMESPACE in the environment say which operator this is.
`

export interface Options {
  /** undefined: all. */
  readonly namespaces: readonly string[] | undefined
  readonly collectorImage: string
  readonly allowedImages: readonly string[]
  readonly clusterRanges: readonly string[]
  /** undefined: ours. */
  readonly runbooks: string | undefined
  readonly lease: { readonly namespace: string; readonly name: string; readonly identity: string }
  /** Namespace that the operator runs in. */
  readonly ownNamespace: string
  readonly healthPort: number
  readonly metrics: {
    /** 0 for none. */
    readonly port: number
    /** Name of the Service before the port, in the operator's namespace. */
    readonly service: string
    readonly certificateDir: string | undefined
    /** Plain HTTP for everyone, instead of HTTPS for those who may. */
    readonly open: boolean
  }
  readonly logLevel: (typeof LOG_LEVELS)[number]
}

/** Options, or a wish for help, or all that is wrong with the command line, each a sentence that says what to write. */
export type Reading =
  | { readonly options: Options }
  | { readonly help: string }
  | { readonly faults: readonly [string, ...string[]] }

/** Reads the command line. */
export function readOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Reading {
  const { values, faults } = readFlags(args)
  if (values.help === true) return { help: USAGE }
  const pod = {
    podName: environment['POD_NAME'] || hostname(),
    podNamespace: environment['POD_NAMESPACE'] || undefined,
  }
  const checked = schema.safeParse({ ...values, ...pod }, { reportInput: true })
  const all = [...faults, ...(checked.error?.issues.map(sentence) ?? [])]
  const [first, ...rest] = all
  if (first !== undefined) return { faults: [first, ...rest] }
  return { options: optionsOf(checked.data as z.output<typeof schema>) }
}

type Values = Partial<Record<Flag, string | boolean>>

/** Flags as they stand; what is no flag, stands twice or lacks its value is a fault. */
function readFlags(args: readonly string[]): { values: Values; faults: string[] } {
  const { tokens } = parseArgs({ args: [...args], options: FLAGS, strict: false, allowPositionals: true, tokens: true })
  const values: Values = {}
  const faults: string[] = []
  let unknownAt: number | undefined
  for (const token of tokens) {
    // What follows an unknown flag is taken for its value: one mistake, one sentence.
    if (token.kind === 'positional' && token.index - 1 !== unknownAt)
      faults.push(`${quoted(token.value)} is no flag; write --flag value.`)
    if (token.kind !== 'option') continue
    const { name, value, rawName } = token
    if (!isFlag(name)) {
      unknownAt = token.index
      const meant = nearest(name, Object.keys(FLAGS))
      faults.push(`${quoted(rawName)} is no flag; ${meant ? `write --${meant}` : 'see --help'}.`)
    } else if (values[name] !== undefined) {
      faults.push(`--${name} stands twice; write it once${LISTS.has(name) ? ', with commas between its values' : ''}.`)
    } else if (FLAGS[name].type === 'boolean') {
      // `--metrics-open=false` would otherwise be taken for yes.
      if (value === undefined) values[name] = true
      else faults.push(`--${name} takes no value; write it, or leave it out.`)
    } else if (value === undefined) faults.push(`--${name} lacks its value; write --${name} VALUE.`)
    else values[name] = value
  }
  return { values, faults }
}

function isFlag(name: string): name is Flag {
  return Object.hasOwn(FLAGS, name)
}

const LISTS: ReadonlySet<Flag> = new Set<Flag>(['namespaces', 'allowed-images', 'cluster-ranges'])

const list = z
  .string()
  .transform((text) => [...new Set(text.split(',').map((part) => part.trim()))].filter((part) => part !== ''))
const name = (example: string) =>
  z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, `is not the name of a namespace; write one such as ${example}.`)
const port = (fallback: number, least: number) =>
  z
    .string()
    .default(String(fallback))
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= least && Number(text) <= 65_535, {
      error: `is no port; write a number from ${least} to 65535.`,
    })
    .transform(Number)

const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$/
/** What needs no escape in JSON, YAML or a link, and does not end in a slash. */
const ADDRESS = /^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._~-]+)*$/
const IMAGE_PATTERN = /^[A-Za-z0-9*][A-Za-z0-9._:/@*-]{0,511}$/

const schema = z
  .object({
    namespaces: list
      .pipe(z.array(name('trading')).min(1, 'names none; leave it out for all, or write a,b.'))
      .optional(),
    'collector-image': z
      .string({ error: 'is missing; write the image of the collectors.' })
      .regex(IMAGE, 'is no image; write one such as marketprism/collector:1.0.0.'),
    'allowed-images': list
      .pipe(z.array(z.string().regex(IMAGE_PATTERN, 'is no pattern of images; write one such as team/collector:*.')))
      .optional(),
    'cluster-ranges': list
      .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()], { error: 'is no range; write one such as 10.0.0.0/8.' })))
      .default([...PRIVATE_RANGES]),
    runbooks: z
      .string()
      .regex(ADDRESS, 'is no address of pages; write one such as https://wiki.example.com/runbooks.')
      .optional(),
    'lease-namespace': name('marketprism').optional(),
    'lease-name': z
      .string()
      .regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'is not the name of an object; write one such as marketprism.')
      .default('marketprism-operator'),
    'health-port': port(8081, 1),
    'metrics-port': port(8443, 0),
    'metrics-service': z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'is not the name of a Service; write one such as metrics.')
      .default('marketprism-operator-metrics'),
    'metrics-certificate': z.string().min(1, 'names no folder; leave it out, or write one.').optional(),
    'metrics-open': z.literal(true).optional(),
    'log-level': z
      .enum(LOG_LEVELS, { error: `is not a level; write one of ${LOG_LEVELS.join(', ')}.` })
      .default('info'),
    help: z.literal(true).optional(),
    podName: z.string(),
    podNamespace: name('marketprism').optional(),
  })
  .refine((o) => o.podNamespace !== undefined || o['lease-namespace'] !== undefined, {
    path: ['lease-namespace'],
    error: 'is missing, and so is POD_NAMESPACE in the environment; write one of them.',
    when: () => true,
  })
  .refine((o) => o['metrics-open'] === undefined || o['metrics-certificate'] === undefined, {
    path: ['metrics-certificate'],
    error: 'is not used with --metrics-open, which is plain HTTP; leave one of them out.',
  })
  .refine((o) => o['health-port'] !== o['metrics-port'], {
    path: ['metrics-port'],
    error: 'is the port of --health-port; write another.',
  })

function sentence({ path, message, input }: z.core.$ZodIssue): string {
  const [flag] = path
  const where = flag === 'podNamespace' ? 'POD_NAMESPACE' : `--${String(flag)}`
  const says = /[.]$/.test(message) ? message : `is not right: ${message}.`
  return typeof input === 'string' ? `${where}: ${quoted(input)} ${says}` : `${where} ${says}`
}

function optionsOf(values: z.output<typeof schema>): Options {
  const image = values['collector-image']
  const namespace = values['lease-namespace'] ?? values.podNamespace ?? ''
  return {
    namespaces: values.namespaces,
    collectorImage: image,
    allowedImages: values['allowed-images'] ?? ownImages(image),
    clusterRanges: values['cluster-ranges'],
    runbooks: values.runbooks,
    lease: { namespace, name: values['lease-name'], identity: values.podName },
    ownNamespace: values.podNamespace ?? namespace,
    healthPort: values['health-port'],
    metrics: {
      port: values['metrics-port'],
      service: values['metrics-service'],
      certificateDir: values['metrics-certificate'],
      open: values['metrics-open'] === true,
    },
    logLevel: values['log-level'],
  }
}

/** Patterns for any tag and digest of the repository that an image is of. */
export function ownImages(image: string): string[] {
  const repository = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
  return [`${repository}:*`, `${repository}@sha256:*`]
}
