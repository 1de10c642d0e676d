/** Time-outs, clients that leave, streams that break, keys that fail: with Anthropic's SDK. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';

import { AFTER_THREE_PIECES, HIDDEN, HIDDEN_IN_STREAMS } from './faults.js';
import { CLIENT_KEY, HASTY_GATEWAY, Pool } from './pool.js';

// An answer that would take minutes.
const LONG = { headers: { 'x-sim-output-tokens': '20000', 'x-sim-chunk-interval-ms': '20' } };
// One whose first content comes when every test is over.
const LATE = { headers: { 'x-sim-first-token-ms': '600000' } };

function set(options: ClientOptions = {}, gateway?: string) {
  const pool = Pool.claim('anthropic');
  const known = { apiKey: CLIENT_KEY, maxRetries: 0, baseURL: pool.url(gateway) };
  const client = new Anthropic({ ...known, ...options });
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'Hello, mill.' }];
  return { pool, client, ask: { model: pool.model, max_tokens: 20_000, messages } };
}

// ── time-outs ──

test('client’s time-out cancels the request', async () => {
  const { pool, client, ask } = set({ timeout: 1000 });

  await assert.rejects(client.messages.create(ask, LATE), Anthropic.APIConnectionTimeoutError);

  await pool.awaitCancelled();
});

test('provider answers too late', async () => {
  const { client, ask } = set({ timeout: 60_000 }, HASTY_GATEWAY);

  await assert.rejects(client.messages.create(ask, LATE), Anthropic.GatewayTimeoutError);
});

test('stream stalls', async () => {
  const { pool, client, ask } = set({}, HASTY_GATEWAY);
  await pool.fault({ kind: 'stall', at: { after_chunks: 3 } });
  const pieces: string[] = [];

  const stream = client.messages.stream(ask).on('text', (piece) => pieces.push(piece));

  await assert.rejects(stream.finalMessage(), { type: 'timeout_error' });
  assert.equal(pieces.length, 3);
});

// ── the client leaves ──

test('abort in the middle of a stream', async () => {
  const { pool, client, ask } = set();
  const stream = client.messages.stream(ask, LONG);
  await stream.emitted('text');
  assert.equal(await pool.counted('requests_open'), 1);

  stream.abort();

  await assert.rejects(stream.done(), Anthropic.APIUserAbortError);
  await pool.awaitCancelled();
});

test('break out of a stream', async () => {
  const { pool, client, ask } = set();

  for await (const event of await client.messages.create({ ...ask, stream: true }, LONG)) {
    if (event.type === 'content_block_delta') break;
  }

  await pool.awaitCancelled();
});

test('abort before the answer', async () => {
  const { pool, client, ask } = set();
  const leaving = new AbortController();
  const asked = client.messages.create(ask, { ...LATE, signal: leaving.signal });
  const ended = assert.rejects(asked, Anthropic.APIUserAbortError);
  await pool.awaitRunning();

  leaving.abort();

  await ended;
  await pool.awaitCancelled();
});

// ── the stream breaks: never a silent end ──

const breaks = [
  ...AFTER_THREE_PIECES.map((fault) => ({ fault, type: 'api_error' })),
  { fault: { kind: 'error_event', after_chunks: 3 }, type: 'overloaded_error' },
];
for (const { fault, type } of breaks) {
  test(`stream breaks, with the helper: ${JSON.stringify(fault)}`, async () => {
    const { pool, client, ask } = set();
    await pool.fault(fault);
    const pieces: string[] = [];

    const stream = client.messages.stream(ask).on('text', (piece) => pieces.push(piece));

    await assert.rejects(stream.finalMessage(), { type });
    // What came before the end was worth having.
    assert.equal(pieces.length, 3);
  });

  test(`stream breaks, event by event: ${JSON.stringify(fault)}`, async () => {
    const { pool, client, ask } = set();
    await pool.fault(fault);
    let pieces = 0;

    const read = async () => {
      for await (const event of await client.messages.create({ ...ask, stream: true })) {
        if (event.type === 'content_block_delta') pieces++;
      }
    };

    await assert.rejects(read, { type });
    assert.equal(pieces, 3);
  });
}

// ── a key fails: nobody notices ──

for (const fault of HIDDEN) {
  test(`failover is invisible: ${JSON.stringify(fault)}`, async () => {
    const { pool, client, ask } = set();
    await pool.fault(fault, { count: 1 });

    const { data, response } = await client.messages.create(ask).withResponse();

    assert.equal(data.stop_reason, 'end_turn');
    assert.equal(response.headers.get('x-keyweir-attempts'), '2');
    assert.equal(await pool.struck(), 1);
  });
}

for (const fault of HIDDEN_IN_STREAMS) {
  test(`failover of a stream is invisible: ${JSON.stringify(fault)}`, async () => {
    const { pool, client, ask } = set();
    await pool.fault(fault, { count: 1 });

    const message = await client.messages.stream(ask).finalMessage();

    assert.equal(message.stop_reason, 'end_turn');
    assert.equal(message.usage.output_tokens, 32);
    assert.equal(await pool.struck(), 1);
    assert.equal(await pool.counted('requests'), 2);
  });
}

test('revoked key is not asked again', async () => {
  const { pool, client, ask } = set();
  await pool.fault({ kind: 'revoked' }, { key: pool.keys[0] });

  for (let time = 0; time < 20; time++) {
    assert.equal((await client.messages.create(ask)).stop_reason, 'end_turn');
  }

  assert.equal((await pool.statuses())[200], 20);
  assert((await pool.struck()) <= 1);
});

test('20 MB fail over', async () => {
  const { pool, client, ask } = set();
  await pool.fault({ kind: 'overloaded' }, { count: 1 });
  const content = 'The mill grinds. '.repeat(20_000_000 / 17);

  await client.messages.create({ ...ask, messages: [{ role: 'user', content }] });

  const [first, second] = await pool.received();
  assert(first!.body_len > 19_999_000);
  assert.equal(first!.body_sha256, second!.body_sha256);
});

test('spent budgets are waited for', async () => {
  const { pool, client, ask } = set();
  await pool.fault({ kind: 'rate_limited', retry_after_secs: 1 }, { count: 2 });

  const { data, response } = await client.messages.create(ask).withResponse();

  assert.equal(data.stop_reason, 'end_turn');
  assert(Number(response.headers.get('x-keyweir-waited-ms')) > 500);
  assert.deepEqual(await pool.statuses(), { 200: 1, 429: 2 });
});
