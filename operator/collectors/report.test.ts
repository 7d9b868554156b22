import { expect, test } from 'vitest'
import { changedText } from './report.ts'

test('one Event says all that a pass changed', () => {
  expect(changedText(['Deployment/majors-0-a'])).toBe('Deployment majors-0-a was changed')
  expect(changedText(['ConfigMap/majors-0-4f2a', 'Deployment/majors-0-a'])).toBe(
    '2 objects were changed: ConfigMap majors-0-4f2a, Deployment majors-0-a',
  )
})
