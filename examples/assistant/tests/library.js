import { test, expect } from 'spec-runner';
import { model } from '../model';

test('test_id: opening_hours', async () => {
  const answer = await model.generate('When is the library open on Tuesday?');
  expect(answer).toMatch(/\b9\b/);
  expect(answer).toMatch(/\b18\b|\b6( ?pm|:00 ?pm)/i);
});

test('test_id: card_price', async () => {
  const answer = await model.generate('How much do I pay for a card?');
  expect(answer).toMatch(/\b12\b/);
  expect(answer).not.toMatch(/free of charge/i);
});
