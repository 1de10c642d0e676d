/** Time-outs, clients that leave, streams that break, keys that fail: with OpenAI's SDK. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI, { type ClientOptions } from 'openai';

import { AFTER_THREE_PIECES, HIDDEN, HIDDEN_IN_STREAMS } from './faults.js';
import { CLIENT_KEY, HASTY_GATEWAY, Pool } from './pool.js';

// An answer that would take minutes.
const LONG = { headers: { 'x-sim-output-tokens': '20000', 'x-sim-chunk-interval-ms': '20' } };
// One whose first content comes when every test is over.
const LATE = { headers: { 'x-sim-first-token-ms': '600000' } };

function set(options: ClientOptions = {}, gateway?: string) {
  const pool = Pool.claim('openai');
  const known = { apiKey: CLIENT_KEY, maxRetries: 0, baseURL: `${pool.url(gateway)}/v1` };
  const client = new OpenAI({ ...known, ...options });
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hello, mill.' }];
  return { pool, client, ask: { model: pool.model, messages } };
}

type Streamed = { done: Promise<unknown>; first: Promise<unknown>; abort: () => void };

/** Streams an answer of either API, through the SDK's helper; its pieces go into `pieces`. */
const STREAMS = {
  chat(client: OpenAI, model: string, pieces: string[], options = {}): Streamed {
    const messages = [{ role: 'user' as const, content: 'Hello, mill.' }];
    const stream = client.chat.completions.stream({ model, messages }, options);
    stream.on('content', (piece) => piece && pieces.push(piece));
    return {
      done: stream.finalChatCompletion(),
      first: stream.emitted('content'),
      abort: () => stream.abort(),
    };
  },
  responses(client: OpenAI, model: string, pieces: string[], options = {}): Streamed {
    const stream = client.responses.stream({ model, input: 'Hello, mill.' }, options);
    stream.on('response.output_text.delta', (event) => pieces.push(event.delta));
    return {
      done: stream.finalResponse(),
      first: stream.emitted('response.output_text.delta'),
      abort: () => stream.abort(),
    };
  },
};

// ── time-outs ──

test('client’s time-out cancels the request', async () => {
  const { pool, client, ask } = set({ timeout: 1000 });

  const asked = client.chat.completions.create(ask, LATE);

  await assert.rejects(asked, OpenAI.APIConnectionTimeoutError);
  await pool.awaitCancelled();
});

test('provider answers too late', async () => {
  const { client, ask } = set({ timeout: 60_000 }, HASTY_GATEWAY);

  await assert.rejects(client.chat.completions.create(ask, LATE), { status: 504 });
});

test('abort before the answer', async () => {
  const { pool, client, ask } = set();
  const leaving = new AbortController();
  const asked = client.chat.completions.create(ask, { ...LATE, signal: leaving.signal });
  const ended = assert.rejects(asked, OpenAI.APIUserAbortError);
  await pool.awaitRunning();

  leaving.abort();

  await ended;
  await pool.awaitCancelled();
});

for (const [api, stream] of Object.entries(STREAMS)) {
  test(`stream stalls: ${api}`, async () => {
    const { pool, client } = set({}, HASTY_GATEWAY);
    await pool.fault({ kind: 'stall', at: { after_chunks: 3 } });
    const pieces: string[] = [];

    await assert.rejects(stream(client, pool.model, pieces).done, { code: 'timeout' });

    assert.equal(pieces.length, 3);
  });

  // ── the client leaves ──

  test(`abort in the middle of a stream: ${api}`, async () => {
    const { pool, client } = set();
    const { first, done, abort } = stream(client, pool.model, [], LONG);
    const ended = assert.rejects(done, OpenAI.APIUserAbortError);
    await first;
    assert.equal(await pool.counted('requests_open'), 1);

    abort();

    await ended;
    await pool.awaitCancelled();
  });

  // ── the stream breaks: never a silent end ──

  for (const fault of AFTER_THREE_PIECES) {
    test(`stream breaks: ${api}, ${JSON.stringify(fault)}`, async () => {
      const { pool, client } = set();
      await pool.fault(fault);
      const pieces: string[] = [];

      const { done } = stream(client, pool.model, pieces);

      await assert.rejects(done, { code: 'service_unavailable' });
      // What came before the end was worth having.
      assert.equal(pieces.length, 3);
    });
  }

  // ── a key fails: nobody notices ──

  for (const fault of HIDDEN_IN_STREAMS) {
    test(`failover of a stream is invisible: ${api}, ${JSON.stringify(fault)}`, async () => {
      const { pool, client } = set();
      await pool.fault(fault, { count: 1 });
      const pieces: string[] = [];

      await stream(client, pool.model, pieces).done;

      assert.match(pieces.join(''), /^The mill turns/);
      assert.equal(await pool.struck(), 1);
      assert.equal(await pool.counted('requests'), 2);
    });
  }
}

test('break out of a stream', async () => {
  const { pool, client, ask } = set();

  for await (const chunk of await client.chat.completions.create({ ...ask, stream: true }, LONG)) {
    if (chunk.choices[0]?.delta.content) break;
  }

  await pool.awaitCancelled();
});

test('error event of a completion arrives', async () => {
  const { pool, client, ask } = set();
  await pool.fault({ kind: 'error_event', after_chunks: 3 });

  const asked = client.chat.completions.stream(ask).finalChatCompletion();

  await assert.rejects(asked, { code: 'overloaded' });
});

for (const fault of HIDDEN) {
  test(`failover is invisible: ${JSON.stringify(fault)}`, async () => {
    const { pool, client, ask } = set();
    await pool.fault(fault, { count: 1 });

    const { data, response } = await client.chat.completions.create(ask).withResponse();

    assert.equal(data.choices[0]!.finish_reason, 'stop');
    assert.equal(response.headers.get('x-keyweir-attempts'), '2');
    assert.equal(await pool.struck(), 1);
  });
}

test('revoked key is not asked again', async () => {
  const { pool, client, ask } = set();
  await pool.fault({ kind: 'revoked' }, { key: pool.keys[0] });

  for (let time = 0; time < 20; time++) {
    assert((await client.chat.completions.create(ask)).choices[0]);
  }

  assert.equal((await pool.statuses())[200], 20);
  assert((await pool.struck()) <= 1);
});

test('20 MB fail over', async () => {
  const { pool, client, ask } = set();
  await pool.fault({ kind: 'overloaded' }, { count: 1 });
  const content = 'The mill grinds. '.repeat(20_000_000 / 17);

  await client.chat.completions.create({ ...ask, messages: [{ role: 'user', content }] });

  const [first, second] = await pool.received();
  assert(first!.body_len > 19_999_000);
  assert.equal(first!.body_sha256, second!.body_sha256);
});

test('spent budgets are waited for', async () => {
  const { pool, client, ask } = set();
  await pool.fault({ kind: 'rate_limited', retry_after_secs: 1 }, { count: 2 });

  const { data, response } = await client.chat.completions.create(ask).withResponse();

  assert(data.choices[0]);
  assert(Number(response.headers.get('x-keyweir-waited-ms')) > 500);
  assert.deepEqual(await pool.statuses(), { 200: 1, 429: 2 });
});
