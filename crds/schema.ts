// The bricks of the Collector schema: zod types that also know how the API server checks them.
//
// A rule is written once: its sentence, the check in CEL for the API server and the same check here. What a plain
// OpenAPI schema can say (enums, bounds, required) stays with zod and is converted by crd.ts.
// Always: every text, list and map has a maximum, else the API server refuses the CRD for the cost of its rules.
import * as z from 'zod'
import { BYTE_SIZE, DURATION, parseBytes, parseDuration } from './duration.ts'
import { celText, fill, fillCel, plain } from './sentence.ts'
import { nearest } from './suggest.ts'

export type Path = readonly (string | number)[]

/** A check that a plain schema cannot say. */
export interface Rule<T> {
  /** The check as the API server runs it; true when all is well. */
  readonly cel: string
  /** One sentence: what is wrong and what to write. `{a.b}` is the quoted value of a field, `{a.length}` its length. */
  readonly says: string
  /** Field of the value at which the API server shows the sentence, as in `.types`; by default the value itself. */
  readonly at?: string
  /** The same check here: where in the value it is broken, or undefined when all is well. */
  readonly broken: (value: T) => Path | undefined
  /** Fields that the check reads: it is left out while one of them has a fault of its own. By default all. */
  readonly reads?: readonly string[]
  /** What was probably meant; said here behind the sentence. CEL has no such knowledge. */
  readonly suggest?: (value: T) => string | undefined
}

/** An entry of `x-kubernetes-validations`. */
export interface Validation {
  readonly rule: string
  readonly message: string
  readonly messageExpression?: string
  readonly fieldPath?: string
}

export const VALIDATIONS = 'x-kubernetes-validations'

/** The schema with one more rule, for zod and for the API server alike. */
export function rule<S extends z.ZodType>(schema: S, r: Rule<z.output<S>>): S {
  const checked = schema.superRefine(
    (value, context) => {
      const path = r.broken(value as z.output<S>)
      if (path === undefined) return
      const meant = r.suggest?.(value as z.output<S>)
      const message = meant === undefined ? fill(r.says, value) : `${fill(r.says, value)} Did you mean '${meant}'?`
      context.addIssue({ code: 'custom', message, path: [...path] })
    },
    { when: ({ issues }) => !issues.some((issue) => blocks(issue, r.reads)) },
  )
  return checked.meta(withRule(schema, r)) as S
}

/**
 * The schema with a rule about a change of it, which the API server alone can check: nothing else knows what was before.
 * @param r with `oldSelf` in its check
 */
export function transition<S extends z.ZodType>(schema: S, r: Omit<Rule<unknown>, 'broken'>): S {
  return schema.meta(withRule(schema, r)) as S
}

function withRule(schema: z.ZodType, r: Omit<Rule<never>, 'broken'>): Record<string, unknown> {
  const before = (schema.meta()?.[VALIDATIONS] ?? []) as Validation[]
  return { ...schema.meta(), [VALIDATIONS]: [...before, validation(r)] }
}

function validation(r: Pick<Rule<never>, 'cel' | 'says' | 'at'>): Validation {
  const expression = fillCel(r.says)
  return {
    rule: r.cel,
    message: plain(r.says),
    ...(expression !== undefined && { messageExpression: expression }),
    ...(r.at !== undefined && { fieldPath: r.at }),
  }
}

/** Whether this fault takes from a rule the ground it stands on. An unknown key does not; a list's wrong item does. */
function blocks(
  issue: { code?: string | undefined; path?: PropertyKey[] | undefined },
  reads: readonly string[] | undefined,
): boolean {
  if (issue.code === 'unrecognized_keys') return false
  const names = (issue.path ?? []).filter((part) => typeof part === 'string')
  return reads === undefined || names.length === 0 || names.some((name) => reads.includes(name))
}

/** One of a set of names. `noun` is said in the message; `aliases` are what people write instead. */
export function oneOf<const V extends readonly [string, ...string[]]>(
  noun: string,
  values: V,
  aliases: Readonly<Record<string, V[number]>> = {},
): z.ZodEnum<{ [K in V[number]]: K }> {
  const error = ({ input }: { input?: unknown }): string | undefined => {
    if (typeof input !== 'string') return undefined
    const near = nearest(input, values, aliases)
    return fill(`{self} is not ${noun}; write ${near === undefined ? either(values) : `'${near}'`}.`, input)
  }
  return z.enum(values, { error })
}

/** Text of a form: at most `max` characters, matching `form` from end to end. `form` must mean the same in RE2. */
export function matching(
  max: number,
  form: RegExp,
  says: string,
  example: string,
  suggest: (text: string) => string | undefined = () => undefined,
): z.ZodString {
  return rule(z.string().max(max), {
    cel: `self.matches(${celText(form.source.replaceAll('\\/', '/'))})`,
    says,
    suggest,
    broken: (value) => (form.test(value) ? undefined : []),
  }).meta({ example })
}

/** A duration from `least` to `most`, as `60s`, `5m` or `24h`. */
export function duration(least: string, most: string): z.ZodString {
  return rule(z.string().max(8), {
    cel:
      `self.matches(${celText(DURATION.source)}) && ` +
      `duration(self) >= duration('${least}') && duration(self) <= duration('${most}')`,
    says: `{self} is not a duration from ${least} to ${most}; write a number and s, m or h, as in '60s', '5m', '24h'.`,
    suggest: (text) => {
      const days = /^([1-9][0-9]{0,3}) ?d(ays?)?$/.exec(text)
      const hours = `${24 * Number(days?.[1])}h`
      return within(hours, DURATION, parseDuration, least, most) ? hours : undefined
    },
    broken: (value) => (within(value, DURATION, parseDuration, least, most) ? undefined : []),
  }).meta({ example: least })
}

/** A size in bytes from `least` to `most`, as `64Mi` or `50Gi`. */
export function byteSize(least: string, most: string): z.ZodString {
  return rule(z.string().max(16), {
    cel:
      `self.matches(${celText(BYTE_SIZE.source)}) && quantity(self).compareTo(quantity('${least}')) >= 0 && ` +
      `quantity(self).compareTo(quantity('${most}')) <= 0`,
    says: `{self} is not a size from ${least} to ${most}; write a number and Ki, Mi, Gi or Ti, as in '64Mi', '50Gi'.`,
    broken: (value) => (within(value, BYTE_SIZE, parseBytes, least, most) ? undefined : []),
  }).meta({ example: least })
}

function within(value: string, form: RegExp, parse: (text: string) => number, least: string, most: string): boolean {
  return form.test(value) && parse(value) >= parse(least) && parse(value) <= parse(most)
}

/** A list whose entries differ from one another; the API server holds it as a set. */
export function distinct<T extends z.ZodType>(item: T, min: number, max: number): z.ZodArray<T> {
  return z
    .array(item)
    .min(min)
    .max(max)
    .superRefine(
      (values, context) => {
        values.forEach((value, index) => {
          const first = values.indexOf(value)
          const message = fill('{self} stands here twice; write it once.', value)
          if (first !== index) context.addIssue({ code: 'custom', message, path: [index] })
        })
      },
      { when: ({ value }) => Array.isArray(value) && value.length <= max },
    )
    .meta({ 'x-kubernetes-list-type': 'set' })
}

/** A list whose entries differ by one of their fields; the API server holds it as a map, and merges it so. */
export function keyed<T extends z.ZodObject>(item: T, key: keyof T['shape'] & string, max: number): z.ZodArray<T> {
  return z
    .array(item)
    .max(max)
    .superRefine(
      (entries, context) => {
        const keys = entries.map((entry) => (entry as Readonly<Record<string, unknown>>)[key])
        keys.forEach((value, index) => {
          const message = fill('{self} stands here twice; write it once.', value)
          if (keys.indexOf(value) !== index) context.addIssue({ code: 'custom', message, path: [index, key] })
        })
      },
      { when: ({ value }) => Array.isArray(value) && value.length <= max },
    )
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] })
}

/** A map from names to values of one kind. The API server cannot bound the length of keys by schema, hence the rule. */
export function dictionary<T extends z.ZodType>(value: T, max: number): z.ZodRecord<z.ZodString, T> {
  const schema = z.record(z.string(), value).superRefine(
    (map, context) => {
      const size = Object.keys(map).length
      if (size > max) context.addIssue({ code: 'custom', message: `has ${size} entries; write at most ${max}.` })
    },
    { when: ({ value: map }) => typeof map === 'object' && map !== null },
  )
  return rule(schema.meta({ maxProperties: max }), {
    cel: 'self.all(key, key.size() <= 317)',
    says: 'a key here is longer than 317 characters, more than Kubernetes takes; write a shorter one.',
    broken: (map) => {
      const long = Object.keys(map).find((key) => key.length > 317)
      return long === undefined ? undefined : [long]
    },
    reads: [],
  })
}

const HOST = '([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?'

/** A URL without a user: none of the values is quoted in the sentence, since it may hold a password. */
export function url(schemes: string, example: string, secret: string): z.ZodString {
  return matching(
    256,
    new RegExp(`^(${schemes})://${HOST}(/[A-Za-z0-9._~/-]*)?$`),
    `not a URL that can be used here; write one such as '${example}', without query, user or password${secret}.`,
    example,
  )
}

/** Name of a Secret, as Kubernetes has it. */
export const secretRef = z.strictObject({
  name: matching(
    253,
    /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
    "{self} is not the name of a Kubernetes object; write lower-case letters, digits, '-' and '.'.",
    'market-data',
  ).describe("Name of the Secret, in the Collector's namespace."),
})

const QUANTITY = /^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/
const noQuantity = ({ input }: { input?: unknown }): string =>
  fill("{self} is not a quantity; write one such as 1, '500m' or '2Gi'.", input)

/** A number or text that Kubernetes reads as a quantity, as `1`, `500m` or `2Gi`. */
export const quantity = z
  .union([z.int().min(0), z.string().max(32).regex(QUANTITY, { error: noQuantity })], { error: noQuantity })
  .meta({ 'x-kubernetes-int-or-string': true, pattern: QUANTITY.source, maxLength: 32, example: '500m' })

/** `'a', 'b' or 'c'` */
export function either(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`)
  return quoted.length < 2 ? quoted.join() : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
}
