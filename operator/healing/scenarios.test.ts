// Plays the scenarios of healer.scenarios.txt: the whole of healing on a virtual clock, with the world of
// test/support/healing.ts around it.
import assert from 'node:assert'
import { expect, test } from 'vitest'
import { type Healer, openHealer } from './healer.ts'
import { PERIOD_MS } from './observed.ts'
import { HealingWorld, type Ailment } from '../../test/support/healing.ts'
import { lines, playScenario, readScenarios } from '../../test/support/scenario.ts'

const scenarios = readScenarios(new URL('healer.scenarios.txt', import.meta.url))

for (const { stage, title, text } of scenarios) {
  test(`${stage}: ${title}`, async () => {
    const stage = openStage()
    expect(await playScenario(text, (words) => stage.act(words))).toEqual(lines(text))
  })
}

interface Stage {
  act(words: readonly string[]): Promise<string[]>
}

function openStage(): Stage {
  let world = new HealingWorld()
  let startMs = world.clock.nowMs()
  let said: string[] = []
  let healer = open()

  function open(): Healer {
    const own = world
    const at = () => `${Math.round((own.clock.nowMs() - startMs) / 1000)}s`
    return openHealer({
      client: { evict: async (_namespace, pod, uid) => own.evict(pod, uid) },
      recorder: {
        say: (about, { reason, action, message }) => {
          const pod = /^Pod (\S+)/.exec(message)?.[1] ?? ''
          said.push(`${at()} ${about.metadata.name} ${pod} ${reason}${action === 'None' ? '' : ` ${action}`}`)
        },
      },
      metrics: { acted: () => {}, held: () => {} },
      log: { info: () => {}, warn: () => {} },
      identity: 'test',
      look: () => own.look(),
      persist: async (key) => {
        if (own.failsToPersist) throw new Error('the API server is away')
        const collector = own.collectors.find(({ name }) => key === `market/${name}`)
        assert(collector !== undefined)
        collector.status = { healing: { actions: healer.entries(key) } }
      },
      clock: own.clock,
    })
  }

  const wait = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += PERIOD_MS) {
      world.pass(PERIOD_MS)
      await healer.pass()
      world.move((key, shard) => healer.avoidedNodes(key, shard))
    }
  }

  /** Verbs that change the world; anything else is the name of a Deployment and what befalls its pod. */
  const verbs: Record<string, (words: readonly string[]) => void | Promise<void>> = {
    world: (words) => {
      world = new HealingWorld({
        ...(words.includes('two') ? { collectors: ['majors', 'minors'] } : {}),
        ...(words.includes('many') ? { collectors: Array.from({ length: 10 }, (_, i) => `c${i}`) } : {}),
        ...(words.includes('redundant') ? { publishers: ['a', 'b'] } : {}),
        ...(words.includes('small') ? { shards: 1 } : {}),
      })
      startMs = world.clock.nowMs()
      healer = open()
    },
    wait: ([time = '']) => wait(Number(time.slice(0, -1)) * (time.endsWith('m') ? 60_000 : 1000)),
    down: ([market = '']) => void world.down.add(market),
    up: ([market = '']) => void world.down.delete(market),
    curse: ([what = '', ailment = '']) => void world.curses.set(what, ailmentOf(ailment)),
    bless: ([what = '']) => void world.curses.delete(what),
    all: ([ailment = '']) => world.pods.forEach((pod) => world.afflict(pod, ailmentOf(ailment))),
    leader: () => {
      world.leaderSinceMs = world.clock.nowMs()
      healer = open()
    },
    api: ([how]) => void (world.isApiUnreachable = how === 'away'),
    budget: ([how]) => void (world.refusesEvictions = how === 'refuses'),
    status: ([how]) => void (world.failsToPersist = how === 'away'),
    mode: ([mode]) => world.collectors.forEach(({ spec }) => (spec.selfHealing.mode = mode as 'act')),
    hourly: ([count]) => world.collectors.forEach(({ spec }) => (spec.selfHealing.actionsPerHour = Number(count))),
    pause: () => world.collectors.forEach(({ spec }) => (spec.paused = true)),
    resume: () => world.collectors.forEach(({ spec }) => (spec.paused = false)),
    rollout: ([how]) => world.collectors.forEach((one) => (one.change = how === 'begins' ? 'shards move' : undefined)),
  }

  return {
    async act(words) {
      said = []
      const [verb = '', ...rest] = words
      const run = verbs[verb]
      if (verb === 'show') return show(rest[0] ?? '')
      if (run === undefined) afflict(verb, rest)
      else await run(rest)
      return said
    },
  }

  function afflict(deployment: string, [ailment = '', ...more]: readonly string[]): void {
    world.afflict(world.pod(deployment), ailmentOf(ailment), Number(more[1] ?? 0))
  }

  function show(what: string): string[] {
    if (what === 'pods') {
      return world.pods.map((pod) => `${pod.name} on ${pod.node} ${pod.isReady ? 'ready' : 'not ready'}`).toSorted()
    }
    if (what === 'actions') {
      return (healer.entries('market/majors') ?? []).map(({ pod, action, reason, outcome }) => {
        return `${action} ${pod} ${reason} ${outcome ?? 'running'}`
      })
    }
    return [...new Set(healer.decisions(`market/${what}`).map(({ standing }) => standing))]
  }
}

function ailmentOf(text: string): Ailment {
  if (text.startsWith('stale=')) return { stale: text.slice('stale='.length) }
  return (text === 'well' ? undefined : text) as Ailment
}
