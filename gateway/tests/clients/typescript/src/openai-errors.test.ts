/** Each error, the gateway's own or the provider's, is the right exception of OpenAI's SDK. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI, { APIError, type ClientOptions } from 'openai';

import { told } from './control.js';
import { CLIENT_KEY, HASTY_GATEWAY, Pool } from './pool.js';
import { raised } from './raised.js';

const MESSAGES: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hello, mill.' }];

function set(options: ClientOptions = {}, gateway?: string) {
  const pool = Pool.claim('openai');
  const known = { apiKey: CLIENT_KEY, maxRetries: 0, baseURL: `${pool.url(gateway)}/v1` };
  const client = new OpenAI({ ...known, ...options });
  return { pool, client, ask: { model: pool.model, messages: MESSAGES } };
}

// ── the gateway's own ──

const wrongKeys = { unknown: 'kw_nobodys', expired: told('KEYWEIR_FORMER_KEY') };
for (const [name, apiKey] of Object.entries(wrongKeys)) {
  test(`wrong client key: ${name}`, async () => {
    const { pool, client, ask } = set({ apiKey });

    const asked = client.chat.completions.create(ask);

    assert.equal((await raised(asked, OpenAI.AuthenticationError)).code, 'invalid_api_key');
    assert.equal(await pool.counted('requests'), 0);
  });
}

test('model that is not the tenant’s', async () => {
  const { client, ask } = set({ apiKey: told('KEYWEIR_NARROW_KEY') });

  await raised(client.chat.completions.create(ask), OpenAI.PermissionDeniedError);

  const allowed = { ...ask, model: 'allowed-model' };
  assert((await client.chat.completions.create(allowed)).choices[0]);
});

test('account administration', async () => {
  const { client } = set();

  await raised(client.get('/organization/users'), OpenAI.PermissionDeniedError);
});

test('unknown path', async () => {
  const { client } = set();

  const error = await raised(client.post('/nothing', { body: {} }), OpenAI.NotFoundError);

  assert.equal(error.type, 'invalid_request_error');
});

test('wrong method', async () => {
  const { client } = set();

  const error = await raised<APIError>(client.get('/embeddings'), APIError);

  assert.equal(error.status, 405);
  assert.equal(error.headers?.get('allow'), 'POST');
});

test('body above the limit', async () => {
  const { pool, client, ask } = set();
  const messages = [{ role: 'user' as const, content: 'x'.repeat(33 * 1024 * 1024) }];

  // This SDK has no exception of its own for it.
  const asked = client.chat.completions.create({ ...ask, messages });
  const error = await raised<APIError>(asked, APIError);

  assert.deepEqual([error.status, error.code], [413, 'request_too_large']);
  assert.equal(await pool.counted('requests'), 0);
});

test('body without a model', async () => {
  const { client } = set();

  const asked = client.post('/chat/completions', { body: { messages: MESSAGES } });

  assert.match((await raised(asked, OpenAI.BadRequestError)).message, /model/);
});

// ── the request's fault: the provider's answer passes through, and nobody else is asked ──

const requestErrors = [
  [400, 'context_length_exceeded', OpenAI.BadRequestError],
  [403, 'content_policy_violation', OpenAI.PermissionDeniedError],
  [404, 'no_such_thing', OpenAI.NotFoundError],
  [409, 'conflict', OpenAI.ConflictError],
  [413, 'too_large', APIError],
  [422, 'unprocessable', OpenAI.UnprocessableEntityError],
] as const;
for (const [status, code, exception] of requestErrors) {
  test(`error of the request: ${status}`, async () => {
    const { pool, client, ask } = set();
    const said = { message: 'Said.', type: 'invalid_request_error', param: null, code, own: [1] };
    await pool.answer(status, JSON.stringify({ error: said }), { 'x-request-id': 'req_1' });

    const error = await raised<APIError>(client.chat.completions.create(ask), exception);

    assert.equal(error.status, status);
    assert.deepEqual(error.error, said);
    assert.equal(error.requestID, 'req_1');
    assert.equal(await pool.counted('requests'), 1);
  });
}

test('error of the request where a stream was asked for', async () => {
  const { pool, client } = set();

  const asked = client.responses
    .stream({ model: pool.model, input: 'Hello.', previous_response_id: 'resp_nobodys' })
    .finalResponse();

  const error = await raised(asked, OpenAI.BadRequestError);
  assert.equal(error.code, 'previous_response_not_found');
});

// ── every key fails: the client is told, in its own dialect ──

const poolErrors = [
  ['model_forbidden', OpenAI.PermissionDeniedError, 403],
  ['model_missing', OpenAI.NotFoundError, 404],
  ['too_large_for_limit', OpenAI.RateLimitError, 429],
  ['internal_error', OpenAI.InternalServerError, 500],
  ['revoked', OpenAI.InternalServerError, 503],
  ['out_of_credit', OpenAI.InternalServerError, 503],
  ['overloaded', OpenAI.InternalServerError, 503],
  ['timed_out', OpenAI.InternalServerError, 504],
] as const;
for (const [fault, exception, status] of poolErrors) {
  test(`every key fails: ${fault}`, async () => {
    const { pool, client, ask } = set({}, HASTY_GATEWAY);
    await pool.fault({ kind: fault });

    const error = await raised<APIError>(client.chat.completions.create(ask), exception);

    assert.equal(error.status, status);
    assert(error.type);
    assert.equal(await pool.counted('requests'), 2);
  });
}

test('storm lasts longer than the client’s patience', async () => {
  const { pool, client, ask } = set({ defaultHeaders: { 'x-keyweir-patience': '1' } });
  await pool.fault({ kind: 'overloaded' });

  const error = await raised(client.chat.completions.create(ask), OpenAI.InternalServerError);

  assert.equal(error.status, 503);
});

test('every budget is spent', async () => {
  const { pool, client, ask } = set();
  await pool.fault({ kind: 'rate_limited', retry_after_secs: 100 });

  const error = await raised(client.chat.completions.create(ask), OpenAI.RateLimitError);

  assert.equal(error.code, 'rate_limit_exceeded');
  const retryAfter = Number(error.headers.get('retry-after'));
  assert(retryAfter >= 95 && retryAfter <= 100, String(retryAfter));
  assert.deepEqual(await pool.statuses(), { 429: 2 });
});

test('SDK returns when it was told to', async () => {
  const { pool, client, ask } = set({
    maxRetries: 1,
    defaultHeaders: { 'x-keyweir-patience': '0' },
  });
  await pool.fault({ kind: 'rate_limited', retry_after_secs: 1 }, { count: 2 });

  assert((await client.chat.completions.create(ask)).choices[0]);

  assert.deepEqual(await pool.statuses(), { 200: 1, 429: 2 });
});
