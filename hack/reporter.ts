// How a test run is told: a line for each file as it ends, with its failures in full; at the close what failed once more in a
// line each, since logs are cut, the reason of each skip, and one plain line that a machine can read.

import { stripVTControlCharacters } from 'node:util'
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node'

export interface Outcome {
  passed: number
  failed: Named[]
  skipped: Named[]
}

interface Named {
  name: string
  reason: string
}

type Entity = TestModule | TestSuite | TestCase

/** A vitest reporter: one line for each file, below it what failed there and what the failed tests had logged. */
export function fileReporter(): Reporter {
  let vitest: Vitest
  const logs = new Map<string, string>()

  function printFailure(entity: Entity): void {
    vitest.logger.error(`\nFAILED ${nameOf(entity)}`)
    for (const error of errorsOf(entity)) vitest.logger.printError(error, { project: entity.project })
    const logged = logs.get(entity.id)
    if (logged !== undefined) vitest.logger.error(`It logged:\n${logged}`)
  }

  return {
    onInit(started) {
      vitest = started
    },
    onUserConsoleLog({ taskId = '', content }) {
      logs.set(taskId, (logs.get(taskId) ?? '') + content)
    },
    onTestModuleEnd(module) {
      const tests = [...module.children.allTests()]
      const seconds = (module.diagnostic().duration / 1000).toFixed(1)
      vitest.logger.log(
        `${module.ok() ? '✓' : '✗'} ${module.relativeModuleId}  ${tests.length} ${tests.length === 1 ? 'test' : 'tests'}, ${seconds} s`,
      )
      failed(module).forEach(printFailure)
      for (const entity of [module, ...tests]) logs.delete(entity.id)
    },
    onTestRunEnd(_modules, stray) {
      for (const error of stray) {
        vitest.logger.error('\nFAILED outside any test')
        vitest.logger.printError(error)
      }
    },
  }
}

/** A vitest reporter for tests that tell one story: a line for each step as it ends, and the failure in full. */
export function stepReporter(say: (text: string) => void): Reporter {
  let vitest: Vitest
  let hookMs = 0
  return {
    onInit(started) {
      vitest = started
    },
    onUserConsoleLog({ content }) {
      say(`    ${content.trimEnd()}`)
    },
    onHookStart() {
      hookMs = performance.now()
    },
    onHookEnd({ name, entity }) {
      const seconds = (performance.now() - hookMs) / 1000
      if (seconds >= 1) say(`· ${name} of ${nameOf(entity)}  ${seconds.toFixed(1)} s`)
    },
    onTestCaseResult(test) {
      const { state } = test.result()
      if (state !== 'passed' && state !== 'failed') return
      say(
        `${state === 'passed' ? '✓' : '✗'} ${test.fullName}  ${((test.diagnostic()?.duration ?? 0) / 1000).toFixed(1)} s`,
      )
      for (const error of errorsOf(test)) vitest.logger.printError(error, { project: test.project })
    },
    onTestModuleEnd(module) {
      for (const error of module.errors()) vitest.logger.printError(error, { project: module.project })
    },
    onTestRunEnd(_modules, stray) {
      for (const error of stray) vitest.logger.printError(error)
    },
  }
}

/** What a finished run did. A file that cannot be loaded, a hook and a stray error that fail count as one failure each. */
export function outcome(vitest: Vitest): Outcome {
  const modules = vitest.state.getTestModules()
  const tests = modules.flatMap((module) => [...module.children.allTests()])
  return {
    passed: tests.filter((test) => test.result().state === 'passed').length,
    failed: [
      ...modules.flatMap(failed).map((entity) => ({ name: nameOf(entity), reason: reasonOf(errorsOf(entity)) })),
      ...vitest.state.getUnhandledErrors().map((error) => ({ name: 'outside any test', reason: reasonOf([error]) })),
    ],
    skipped: tests.flatMap((test) => {
      const reason = skipReason(test, vitest.config.testNamePattern)
      return reason === undefined ? [] : [{ name: nameOf(test), reason }]
    }),
  }
}

/** The last line of a run, alone on its line. */
export function closingLine({ passed, failed, skipped }: Outcome): string {
  return `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`
}

function failed(module: TestModule): Entity[] {
  const entities: Entity[] = [module, ...module.children.allSuites(), ...module.children.allTests()]
  return entities.filter((entity) => errorsOf(entity).length > 0)
}

function errorsOf(entity: Entity): readonly unknown[] {
  if (entity.type !== 'test') return entity.errors()
  const result = entity.result()
  return result.state === 'failed' ? result.errors : []
}

/** What each try came to, in a line. */
function reasonOf(errors: readonly unknown[]): string {
  const first = (error: unknown): string => {
    const { message = String(error) } = error as { message?: string }
    return stripVTControlCharacters(message).split('\n')[0] ?? ''
  }
  return [...new Set(errors.map(first))].join('; then: ')
}

/** Why a test did not run, or undefined when it ran, or was not asked for (`-t PATTERN`). */
function skipReason(test: TestCase, asked: RegExp | undefined): string | undefined {
  const result = test.result()
  if (asked !== undefined && !asked.test(test.fullName.replaceAll(' > ', ' '))) return undefined
  if (result.state === 'skipped') return result.note ?? 'no reason given'
  return result.state === 'pending' ? 'the run ended before it' : undefined
}

function nameOf(entity: Entity): string {
  return entity.type === 'module' ? entity.relativeModuleId : `${entity.module.relativeModuleId} > ${entity.fullName}`
}
