import { expect, test } from 'vitest'
import { Moves } from './moves.ts'

const NAMES = ['a_total', 'b', 'c_seconds', 'x_build_info', 'marketprism_collector_max_fds']

test('a metric moves when a series of one process takes another value, comes, or goes', () => {
  const moves = new Moves(NAMES)
  moves.take('one', 'a_total 0\nb{x="1"} 1\nc_seconds_bucket{le="1"} 3\nmarketprism_collector_max_fds 5\n')
  moves.take('two', 'a_total 7\nb{x="1"} 2\n')
  expect(moves.still()).toEqual(NAMES)
  moves.take('one', 'a_total 1\nb{x="1"} 1\nc_seconds_bucket{le="1"} 4\nx_build_info{version="1"} 1\n')
  expect(moves.still()).toEqual(['b', 'marketprism_collector_max_fds'])
  moves.take('one', 'a_total 1\nb{x="1"} 1\nb{x="2"} 1\n')
  expect(moves.still()).toEqual(['marketprism_collector_max_fds'])
})

test('a series that is gone moved; a process that is gone moved nothing', () => {
  const moves = new Moves(['a', 'b'])
  moves.take('one', 'a 1\nb 1\n')
  expect(moves.still()).toEqual(['a', 'b'])
  moves.take('one', 'b 1\n')
  expect(moves.still()).toEqual(['b'])
})

test('what is fixed in a process must differ between two', () => {
  const moves = new Moves(['marketprism_collector_max_fds'])
  moves.take('one', 'marketprism_collector_max_fds 5\n')
  moves.take('two', 'marketprism_collector_max_fds 5\n')
  expect(moves.still()).toHaveLength(1)
  moves.take('three', 'marketprism_collector_max_fds 6\n')
  expect(moves.still()).toEqual([])
})
