// Where the messages go: exactly one of NATS JetStream, files and standard output.
import * as z from 'zod'
import { DURATION, parseDuration } from './duration.ts'
import { objectName } from './pod.ts'
import { byteSize, distinct, duration, matching, oneOf, rule, secretRef, transition, url } from './schema.ts'
import { celText } from './sentence.ts'

/** First token of every subject and message id where the sink does not name one. */
export const DEFAULT_PREFIX = 'market'

/** What is absent stays as it is found: a default here could shorten a stream that others read. */
const streamFields = z.strictObject({
  name: matching(
    64,
    /^[A-Za-z0-9_-]+$/,
    "{self} is not the name of a stream; write letters, digits, '_' and '-'.",
    'MARKET_DATA',
  )
    .default('MARKET_DATA')
    .describe('Name of the stream.'),
  manage: oneOf('an owner of the stream', ['operator', 'collector'])
    .default('operator')
    .describe(
      'Who creates the stream and updates what may change in it: the operator in a cluster (collectors only verify), ' +
        'or the collector. Nobody ever deletes it.',
    ),
  maxAge: duration('1s', '87600h').optional().describe('Messages older than this are removed.'),
  duplicateWindow: duration('1s', '168h')
    .optional()
    .describe(
      'How long JetStream remembers message ids, hence the longest outage after which nothing is stored twice. ' +
        "The server's default is 2m, or maxAge where that is shorter.",
    ),
  maxBytes: byteSize('1Mi', '1024Ti').optional().describe('Size at which the stream is full.'),
  replicas: z.int().min(1).max(5).optional().describe('Servers that hold a copy.'),
  storage: oneOf('a storage', ['file', 'memory'])
    .optional()
    .describe('Where the server keeps a new stream, by default in files. It cannot be changed later.'),
  discard: oneOf('a discard policy', ['old', 'new'])
    .optional()
    .describe('What a full stream does: give up its oldest messages, or refuse new ones.'),
  compression: oneOf('a compression', ['none', 's2']).optional().describe('Compression on the disk of the server.'),
})

const FORM = celText(DURATION.source)
const keptStorage = transition(streamFields, {
  cel: '!has(self.storage) || !has(oldSelf.storage) || self.name != oldSelf.name || self.storage == oldSelf.storage',
  says: 'the storage of a stream cannot be changed; write the one that it has, or another name.',
  at: '.storage',
})
const stream = rule(keptStorage, {
  cel:
    '!has(self.maxAge) || !has(self.duplicateWindow) || ' +
    `![self.maxAge, self.duplicateWindow].all(text, text.matches(${FORM})) || ` +
    'duration(self.duplicateWindow) <= duration(self.maxAge)',
  says:
    'duplicateWindow {duplicateWindow} is longer than maxAge {maxAge}; ' +
    'write a duplicateWindow of at most maxAge, or a longer maxAge.',
  at: '.duplicateWindow',
  reads: ['duplicateWindow', 'maxAge'],
  broken: ({ duplicateWindow, maxAge }) =>
    duplicateWindow !== undefined && maxAge !== undefined && parseDuration(duplicateWindow) > parseDuration(maxAge)
      ? ['duplicateWindow']
      : undefined,
})

const nats = z.strictObject({
  servers: distinct(url('nats|tls|wss?', 'nats://nats:4222', '; those go into credentialsSecret'), 1, 16).describe(
    'Servers of one NATS system; any that answers is used.',
  ),
  prefix: matching(
    32,
    /^[A-Za-z0-9_-]+$/,
    "{self} is not one token of a subject; write letters, digits, '_' and '-'.",
    DEFAULT_PREFIX,
  )
    .default(DEFAULT_PREFIX)
    .describe('First token of every subject, and of every message id.'),
  stream: stream
    .prefault({})
    .describe(
      "The JetStream stream that holds the messages. What is left out stays as it is, or is the server's choice.",
    ),
  credentialsSecret: secretRef
    .optional()
    .describe('Secret with `nats.creds`, or `token`, or `nkey`, or `username` and `password`.'),
  tls: z
    .strictObject({
      secret: secretRef.describe('Secret with `ca.crt`, and `tls.crt` and `tls.key` where the server asks for ours.'),
    })
    .optional()
    .describe('TLS by certificates of your own.'),
})

const claim = z.strictObject({
  size: byteSize('1Mi', '64Ti').describe('Size of the volume of each shard. It can only grow.'),
  storageClassName: objectName.optional().describe("Storage class, by default the cluster's. It cannot be changed."),
})
const grown = transition(claim, {
  cel: '![self.size, oldSelf.size].all(text, isQuantity(text)) || quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0',
  says: 'a volume can only grow; write at least the size that it has.',
  at: '.size',
})
const volume = transition(grown, {
  cel: "(has(self.storageClassName) ? self.storageClassName : '') == (has(oldSelf.storageClassName) ? oldSelf.storageClassName : '')",
  says: 'the storage class of a volume cannot be changed; write what it was.',
})

const file = z.strictObject({
  path: matching(
    256,
    /^[A-Za-z0-9._/-]+$/,
    "{self} is not a path that can be used here; write letters, digits, '.', '_', '-' and '/'.",
    'data',
  )
    .default('data')
    .describe('Folder for the files: NDJSON by type, exchange, market, symbol and hour.'),
  rotate: duration('1m', '24h').default('1h').describe('A new file is begun this often.'),
  fsync: oneOf('a policy', ['always', 'everySecond', 'never'])
    .default('everySecond')
    .describe('When what was written is forced to the disk. A message counts as acknowledged after that.'),
  compression: oneOf('a compression', ['none', 'gzip', 'zstd']).default('none').describe('Compression of the files.'),
  volume: volume.optional().describe('A persistent volume for the folder; without it the files go with the pod.'),
})

export const sink = rule(
  z.strictObject({
    nats: nats.optional().describe('NATS JetStream.'),
    file: file.optional().describe('Files in a folder.'),
    stdout: z.strictObject({}).optional().describe('Standard output, one message a line.'),
  }),
  {
    cel: '[has(self.nats), has(self.file), has(self.stdout)].filter(present, present).size() == 1',
    says: 'a Collector has exactly one sink; write one of nats, file and stdout.',
    reads: [],
    broken: (self) => (Object.values(self).filter((each) => each !== undefined).length === 1 ? undefined : []),
  },
)

/** First token of subjects and message ids: the prefix of the NATS sink, `market` for the others. */
export function subjectPrefix(to: { readonly nats?: { readonly prefix: string } | undefined }): string {
  return to.nats?.prefix ?? DEFAULT_PREFIX
}
