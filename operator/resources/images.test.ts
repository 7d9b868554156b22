import { describe, expect, test } from 'vitest'
import { desiredOf } from '../../test/support/desired.ts'
import { imageOf, isAllowedImage, refusedImage } from './images.ts'

describe('allowed images', () => {
  test.each([
    ['registry.example.com/team/*', 'registry.example.com/team/collector:1', true],
    ['registry.example.com/team/*', 'registry.example.com/team/deep/collector@sha256:0123', true],
    ['registry.example.com/team/*', 'registry.example.com/team-of-another/collector:1', false],
    ['registry.example.com/team/*', 'evil.example.com/registry.example.com/team/x', false],
    ['*/collector:1.*', 'registry.example.com/collector:1.2', true],
    ['*/collector:1.*', 'registry.example.com/collector:2.1', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'acb', false],
    ['a*a', 'a', false],
    ['ab*ba', 'aba', false],
    ['a**b', 'ab', true],
    ['*', 'anything', true],
    ['collector:1', 'collector:1', true],
    ['collector:1', 'collector:10', false],
    // No pattern is read as a regular expression.
    ['registry.example.com/x', 'registry-example-com/x', false],
    ['', 'x', false],
  ])('%s lets %s in: %s', (pattern, image, allowed) => {
    expect(isAllowedImage(image, [pattern])).toBe(allowed)
  })

  test('a pattern of many stars takes no longer for it', () => {
    expect(isAllowedImage('a'.repeat(512), [`${'a*'.repeat(250)}b`])).toBe(false)
  })

  test('an image that no pattern is, is refused by name, with what may be written', () => {
    const { owner, facts } = desiredOf({ image: 'docker.io/miner:1' })
    expect(refusedImage(owner.spec, facts)).toBe(
      "spec.image: 'docker.io/miner:1' is not allowed here; the operator allows registry.example.com/marketprism/*. " +
        'Name such an image, or leave the field out.',
    )
    expect(refusedImage(owner.spec, { ...facts, allowedImages: [] })).toContain('allows none but its own')
  })

  test('the image that the operator itself would choose is always allowed', () => {
    const { owner, facts } = desiredOf({ image: 'local/collector:dev' })
    expect(refusedImage(owner.spec, { ...facts, image: 'local/collector:dev', allowedImages: [] })).toBeUndefined()
    expect(refusedImage(desiredOf().owner.spec, { ...facts, allowedImages: [] })).toBeUndefined()
    expect(imageOf(owner.spec, facts)).toBe('local/collector:dev')
  })
})
