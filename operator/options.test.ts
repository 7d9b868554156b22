import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { ownImages, PRIVATE_RANGES, readOptions, USAGE } from './options.ts'
import type { Options } from './options.ts'

const POD = { POD_NAME: 'marketprism-6f-x', POD_NAMESPACE: 'marketprism' }
const IMAGE = ['--collector-image', 'marketprism/collector:1.0.0']

function optionsOf(args: string[], environment: Record<string, string> = POD): Options {
  const reading = readOptions(args, environment)
  if (!('options' in reading)) throw new Error(JSON.stringify(reading))
  return reading.options
}

function faultsOf(args: string[], environment: Record<string, string> = POD): readonly string[] {
  const reading = readOptions(args, environment)
  return 'faults' in reading ? reading.faults : []
}

test('an image is enough in a pod', () => {
  expect(optionsOf(IMAGE)).toEqual({
    namespaces: undefined,
    collectorImage: 'marketprism/collector:1.0.0',
    allowedImages: ['marketprism/collector:*', 'marketprism/collector@sha256:*'],
    clusterRanges: PRIVATE_RANGES,
    lease: { namespace: 'marketprism', name: 'marketprism-operator', identity: 'marketprism-6f-x' },
    ownNamespace: 'marketprism',
    healthPort: 8081,
    metrics: { port: 8443, service: 'marketprism-operator-metrics', certificateDir: undefined, open: false },
    logLevel: 'info',
  })
})

test('every flag is taken', () => {
  const args = [
    ...['--namespaces', 'a, b,a', '--allowed-images=team/*,', '--cluster-ranges', '10.1.0.0/16,fd00::/8'],
    ...['--lease-namespace', 'ops', '--lease-name', 'prism', '--health-port', '9001', '--metrics-port', '0'],
    ...[
      '--metrics-service',
      'numbers',
      '--metrics-certificate',
      '/tls',
      '--log-level',
      'debug',
      '--runbooks',
      'https://wiki.example.com/prism',
    ],
  ]
  expect(optionsOf([...IMAGE, ...args])).toMatchObject({
    namespaces: ['a', 'b'],
    allowedImages: ['team/*'],
    clusterRanges: ['10.1.0.0/16', 'fd00::/8'],
    runbooks: 'https://wiki.example.com/prism',
    lease: { namespace: 'ops', name: 'prism' },
    ownNamespace: 'marketprism',
    healthPort: 9001,
    metrics: { port: 0, service: 'numbers', certificateDir: '/tls' },
    logLevel: 'debug',
  })
  expect(optionsOf([...IMAGE, '--cluster-ranges', '', '--metrics-open'])).toMatchObject({
    clusterRanges: [],
    metrics: { open: true },
  })
})

test('outside a pod the host is who we are, and the namespace must be said', () => {
  const { lease, ownNamespace } = optionsOf([...IMAGE, '--lease-namespace', 'dev'], {})
  expect(lease).toEqual({ namespace: 'dev', name: 'marketprism-operator', identity: hostname() })
  expect(ownNamespace).toBe('dev')
  expect(faultsOf(IMAGE, {})).toEqual([
    '--lease-namespace is missing, and so is POD_NAMESPACE in the environment; write one of them.',
  ])
})

test('every fault is said at once, each with what to write', () => {
  const args = ['--namespace', 'a', '--health-port', '0', '--metrics-port', '99999', '--log-level', 'loud', 'run']
  expect(faultsOf([...args, '--allowed-images', 'a b', '--cluster-ranges', '10.0.0.1/33'])).toMatchInlineSnapshot(`
    [
      "'--namespace' is no flag; write --namespaces.",
      "'run' is no flag; write --flag value.",
      "--collector-image is missing; write the image of the collectors.",
      "--allowed-images: 'a b' is no pattern of images; write one such as team/collector:*.",
      "--cluster-ranges: '10.0.0.1/33' is no range; write one such as 10.0.0.0/8.",
      "--health-port: '0' is no port; write a number from 1 to 65535.",
      "--metrics-port: '99999' is no port; write a number from 0 to 65535.",
      "--log-level: 'loud' is not a level; write one of trace, debug, info, warn, error, silent.",
    ]
  `)
})

test.each([
  [
    ['--collector-image', 'a b'],
    "--collector-image: 'a b' is no image; write one such as marketprism/collector:1.0.0.",
  ],
  [[...IMAGE, '--namespaces', ','], '--namespaces names none; leave it out for all, or write a,b.'],
  [[...IMAGE, '--namespaces', 'a,B'], "--namespaces: 'B' is not the name of a namespace; write one such as trading."],
  [[...IMAGE, '--log-level'], '--log-level lacks its value; write --log-level VALUE.'],
  [[...IMAGE, '--metrics-open=false'], '--metrics-open takes no value; write it, or leave it out.'],
  [
    [...IMAGE, '--namespaces', 'a', '--namespaces', 'b'],
    '--namespaces stands twice; write it once, with commas between its values.',
  ],
  [
    [...IMAGE, '--metrics-open', '--metrics-certificate', '/tls'],
    '--metrics-certificate is not used with --metrics-open, which is plain HTTP; leave one of them out.',
  ],
  [[...IMAGE, '--metrics-port', '8081'], '--metrics-port is the port of --health-port; write another.'],
])('%j is refused', (args, says) => {
  expect(faultsOf(args)).toEqual([says])
})

test('help names every flag that there is', () => {
  expect(readOptions(['--help', '--nonsense'], {})).toEqual({ help: USAGE })
  expect(readOptions(['-h'], {})).toEqual({ help: USAGE })
})

test('the repository of an image, with and without a port, tag and digest', () => {
  expect(ownImages('registry:5000/team/collector@sha256:00')[0]).toBe('registry:5000/team/collector:*')
  expect(ownImages('registry:5000/team/collector')[0]).toBe('registry:5000/team/collector:*')
  expect(ownImages('collector:1')[0]).toBe('collector:*')
})
