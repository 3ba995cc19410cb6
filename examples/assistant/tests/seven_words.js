import { test, expect } from 'spec-runner';
import { model } from '../model';

test('test_id: seven_words', async () => {
  const answer = await model.generate('What can I borrow from the library?');
  expect(answer.trim().split(/\s+/)).toHaveLength(7);
});
