import { expect, it } from 'vitest'
import { Chain, type Link } from './chain.ts'

/** Deltas as `socket: previous->last @time`, and what the last one is to the stream. */
const LINKS: Record<string, [deltas: string, link: Link]> = {
  'the first delta follows nothing': ['1: 5->9 @10', 'hole'],
  'a delta goes on where the one before it ended': ['1: 5->9 @10, 1: 9->12 @11', 'next'],
  'the time of a delta is not looked at where it goes on': ['1: 5->9 @10, 1: 9->12 @8', 'next'],
  'a delta that changes nothing is known': ['1: 5->9 @10, 1: 9->9 @20', 'repeated'],
  'a delta that came before is known': ['1: 5->9 @10, 1: 9->12 @11, 1: 5->9 @10', 'repeated'],
  'a delta that begins later lacks one before it': ['1: 5->9 @10, 1: 10->12 @11', 'hole'],
  'lower numbers at a later time are a new numbering': ['1: 5->9 @10, 1: 0->2 @11', 'restarted'],
  'a new numbering may span the old one': ['1: 5->9 @10, 1: 7->12 @11', 'restarted'],
  'another socket may overlap': ['1: 5->9 @10, 2: 7->12 @11', 'next'],
  'and the first one may go on from there': ['1: 5->9 @10, 2: 7->12 @11, 1: 9->14 @12', 'next'],
  'another socket may be behind, and stamp its own time of sending': ['1: 5->9 @10, 2: 3->7 @11', 'repeated'],
  'another socket may be ahead': ['1: 5->9 @10, 2: 11->12 @11', 'ahead'],
  'another socket may lack a delta that this one brought': ['1: 5->9 @10, 2: 3->5 @10, 2: 7->12 @11', 'next'],
  'another socket may say twice what it said': ['1: 5->9 @10, 2: 3->7 @9, 2: 3->7 @9', 'repeated'],
  'another socket that goes back has a new numbering': ['1: 5->9 @10, 2: 3->7 @9, 2: 0->2 @11', 'restarted'],
}

const WITH_ENDS: Record<string, [before: string, gone: 'lost' | 'replaced', after: string, link: Link]> = {
  'after a lost socket the next one must go on exactly': ['1: 5->9 @10', 'lost', '2: 9->12 @11', 'next'],
  'after a lost socket nobody heard what lies between': ['1: 5->9 @10', 'lost', '2: 10->12 @11', 'hole'],
  'after a lost socket an overlap is a new numbering': ['1: 5->9 @10', 'lost', '2: 7->12 @11', 'restarted'],
  'a lost socket whose work another one did leaves an heir': [
    '1: 5->9 @10, 2: 5->8 @9',
    'lost',
    '2: 8->12 @11',
    'next',
  ],
  'the heir of a replaced socket may overlap': ['1: 5->9 @10', 'replaced', '2: 7->12 @11', 'next'],
  'the heir may be behind for a moment': ['1: 5->9 @10', 'replaced', '2: 7->8 @9', 'repeated'],
  'the heir may have nothing new': ['1: 5->9 @10', 'replaced', '2: 7->9 @11', 'repeated'],
  'the heir is not behind at a later time': ['1: 5->9 @10', 'replaced', '2: 7->8 @11', 'restarted'],
  'what the heir lacks nobody brings': ['1: 5->9 @10', 'replaced', '2: 10->12 @11', 'hole'],
}

function play(chain: Chain, deltas: string): Link {
  let link: Link = 'hole'
  for (const text of deltas.split(', ')) {
    const [socket, previous, last, time] = (text.match(/\d+/g) ?? []).map(Number) as [number, number, number, number]
    const delta = { previous, last, time }
    link = chain.link(delta, socket)
    if (link === 'hole' || link === 'restarted') chain.begin(delta, socket)
  }
  return link
}

it.each(Object.entries(LINKS))('%s', (_, [deltas, link]) => {
  expect(play(new Chain(), deltas)).toBe(link)
})

it.each(Object.entries(WITH_ENDS))('%s', (_, [before, gone, after, link]) => {
  const chain = new Chain()
  play(chain, before)
  expect(chain.leave(1, gone === 'replaced')).toBe(true)
  expect(play(chain, after)).toBe(link)
})

it('goes on from a socket alone once that stands where the stream stands, or behind', () => {
  const chain = new Chain()
  play(chain, '1: 5->9 @10')
  expect([chain.follows(1), chain.follows(2)]).toEqual([true, false])
  play(chain, '2: 11->12 @11')
  expect(chain.follows(2)).toBe(false)
  play(chain, '1: 9->12 @11')
  expect(chain.follows(2)).toBe(true)
  expect([chain.leave(2, true), chain.leave(1, false)]).toEqual([false, true])
})
