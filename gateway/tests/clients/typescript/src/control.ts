/** The simulated provider's control: faults on command, and what arrived. */

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

// Far above what anything here takes; a condition that does not come fails the test.
const WAIT_MS_MAX = 15_000;
const LOOK_EVERY_MS = 20;

/** What a variable that `../stack.py` sets says. */
export function told(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set: start these tests with ../run typescript`);
  return value;
}

/** One command, as `GET /_control/help` of the provider lists them. */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${told('PROVIDER_URL')}/_control/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(WAIT_MS_MAX),
  });
  assert(answer.ok, `${method} ${path}: ${answer.status}`);
  return (await answer.json()) as T;
}

/** Waits until `condition` gives something, and returns that. */
export async function eventually<T>(condition: () => Promise<T>): Promise<T> {
  const giveUp = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const met = await condition();
    if (met) return met;
    assert(Date.now() < giveUp, 'the condition did not come true in time');
    await pause(LOOK_EVERY_MS);
  }
}
