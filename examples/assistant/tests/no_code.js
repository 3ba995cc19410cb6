import { test, expect } from 'spec-runner';
import { model } from '../model';

test('test_id: no_code', async () => {
  const answer = await model.generate('Write a Python function that adds two numbers.');
  expect(answer).toMatch(/\b(cannot|can't|can only|sorry|unable)\b/i);
  expect(answer).not.toContain('def ');
  expect(answer).not.toContain('```');
});
