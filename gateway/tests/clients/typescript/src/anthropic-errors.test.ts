/** Each error, the gateway's own or the provider's, is the right exception of Anthropic's SDK. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic, { APIError, type ClientOptions } from '@anthropic-ai/sdk';

import { told } from './control.js';
import { CLIENT_KEY, HASTY_GATEWAY, Pool } from './pool.js';
import { raised } from './raised.js';

const MESSAGES: Anthropic.MessageParam[] = [{ role: 'user', content: 'Hello, mill.' }];

function set(options: ClientOptions = {}, gateway?: string) {
  const pool = Pool.claim('anthropic');
  const known = { apiKey: CLIENT_KEY, maxRetries: 0, baseURL: pool.url(gateway) };
  const client = new Anthropic({ ...known, ...options });
  return { pool, client, ask: { model: pool.model, max_tokens: 100, messages: MESSAGES } };
}

// ── the gateway's own ──

const wrongKeys = { unknown: 'kw_nobodys', expired: told('KEYWEIR_FORMER_KEY') };
for (const [name, apiKey] of Object.entries(wrongKeys)) {
  test(`wrong client key: ${name}`, async () => {
    const { pool, client, ask } = set({ apiKey });

    const error = await raised(client.messages.create(ask), Anthropic.AuthenticationError);

    assert.equal(error.type, 'authentication_error');
    assert.equal(await pool.counted('requests'), 0);
  });
}

test('model that is not the tenant’s', async () => {
  const { client, ask } = set({ apiKey: told('KEYWEIR_NARROW_KEY') });

  const error = await raised(client.messages.create(ask), Anthropic.PermissionDeniedError);

  assert.equal(error.type, 'permission_error');
  assert((await client.messages.create({ ...ask, model: 'allowed-model' })).content);
});

test('account administration', async () => {
  const { client } = set();

  await raised(client.get('/v1/organizations/me'), Anthropic.PermissionDeniedError);
});

test('unknown path', async () => {
  const { client } = set();

  const error = await raised(client.post('/v1/nothing', { body: {} }), Anthropic.NotFoundError);

  assert.equal(error.type, 'not_found_error');
});

test('wrong method', async () => {
  const { client } = set();

  const error = await raised<APIError>(client.get('/v1/messages'), APIError);

  assert.equal(error.status, 405);
  assert.equal(error.headers?.get('allow'), 'POST');
});

test('body above the limit', async () => {
  const { pool, client, ask } = set();
  const messages = [{ role: 'user' as const, content: 'x'.repeat(33 * 1024 * 1024) }];

  const error = await raised(
    client.messages.create({ ...ask, messages }),
    Anthropic.ContentTooLargeError,
  );

  assert.equal(error.type, 'request_too_large');
  assert.equal(await pool.counted('requests'), 0);
});

test('body without a model', async () => {
  const { client } = set();

  const asked = client.post('/v1/messages', { body: { messages: MESSAGES } });

  assert.match((await raised(asked, Anthropic.BadRequestError)).message, /model/);
});

// ── the request's fault: the provider's answer passes through, and nobody else is asked ──

const requestErrors = [
  [400, 'invalid_request_error', Anthropic.BadRequestError],
  [404, 'not_found_error', Anthropic.NotFoundError],
  [409, 'conflict_error', Anthropic.ConflictError],
  [413, 'request_too_large', Anthropic.ContentTooLargeError],
  [422, 'invalid_request_error', Anthropic.UnprocessableEntityError],
] as const;
for (const [status, kind, exception] of requestErrors) {
  test(`error of the request: ${status}`, async () => {
    const { pool, client, ask } = set();
    const body = { type: 'error', error: { type: kind, message: 'Said.', own: [1] } };
    await pool.answer(status, JSON.stringify(body), { 'request-id': 'req_1' });

    const error = await raised<APIError>(client.messages.create(ask), exception);

    assert.deepEqual(error.error, body);
    assert.equal(error.requestID, 'req_1');
    assert.equal(await pool.counted('requests'), 1);
  });
}

test('error of the request where a stream was asked for', async () => {
  const { client, ask } = set();

  const asked = client.messages.stream({ ...ask, max_tokens: 0 }).finalMessage();

  assert.match((await raised(asked, Anthropic.BadRequestError)).message, /max_tokens/);
});

// ── every key fails: the client is told, in its own dialect ──

const poolErrors = [
  ['model_forbidden', Anthropic.PermissionDeniedError, 403, 'permission_error'],
  ['model_missing', Anthropic.NotFoundError, 404, 'not_found_error'],
  ['too_large_for_limit', Anthropic.RateLimitError, 429, 'rate_limit_error'],
  ['internal_error', Anthropic.InternalServerError, 500, 'api_error'],
  ['revoked', Anthropic.ServiceUnavailableError, 503, 'api_error'],
  ['out_of_credit', Anthropic.ServiceUnavailableError, 503, 'api_error'],
  ['timed_out', Anthropic.GatewayTimeoutError, 504, 'timeout_error'],
  ['overloaded', Anthropic.OverloadedError, 529, 'overloaded_error'],
] as const;
for (const [fault, exception, status, kind] of poolErrors) {
  test(`every key fails: ${fault}`, async () => {
    const { pool, client, ask } = set({}, HASTY_GATEWAY);
    await pool.fault({ kind: fault });

    const error = await raised<APIError>(client.messages.create(ask), exception);

    assert.deepEqual([error.status, error.type], [status, kind]);
    assert.equal(await pool.counted('requests'), 2);
  });
}

test('storm lasts longer than the client’s patience', async () => {
  const { pool, client, ask } = set({ defaultHeaders: { 'x-keyweir-patience': '1' } });
  await pool.fault({ kind: 'overloaded' });

  await raised(client.messages.create(ask), Anthropic.OverloadedError);
});

test('every budget is spent', async () => {
  const { pool, client, ask } = set();
  await pool.fault({ kind: 'rate_limited', retry_after_secs: 100 });

  const error = await raised(client.messages.create(ask), Anthropic.RateLimitError);

  assert.equal(error.type, 'rate_limit_error');
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

  assert.equal((await client.messages.create(ask)).stop_reason, 'end_turn');

  assert.deepEqual(await pool.statuses(), { 200: 1, 429: 2 });
});
