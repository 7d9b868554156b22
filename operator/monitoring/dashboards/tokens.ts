// What stands in a template where a Collector's names come.

/** Every dashboard of ours has it; the links between them go by it. */
export const TAG = 'marketprism'

/** No name of Kubernetes has a `%`, and PromQL's has blanks about it. */
export const TOKEN = {
  uid: '%uid%',
  title: '%title%',
  namespace: '%namespace%',
  collector: '%collector%',
  runbooks: '%runbooks%',
} as const
export type Token = keyof typeof TOKEN

/** A template with its tokens replaced: names and an address, which JSON need not escape. */
export function filled(template: string, values: Readonly<Record<Token, string>>): string {
  return template.replaceAll(/%(uid|title|namespace|collector|runbooks)%/g, (_, token: Token) => values[token])
}
