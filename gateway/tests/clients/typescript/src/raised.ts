/** Which exception was raised, exactly. */

import assert from 'node:assert/strict';

/** What `asked` fails with: an exception of exactly this kind. */
export async function raised<E extends Error>(
  asked: Promise<unknown>,
  exception: new (...args: never[]) => E,
): Promise<E> {
  try {
    await asked;
  } catch (error) {
    assert.equal((error as Error).constructor, exception, String(error));
    return error as E;
  }
  assert.fail('nothing was raised');
}
