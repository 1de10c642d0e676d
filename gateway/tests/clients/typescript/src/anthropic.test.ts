/** Anthropic's SDK for TypeScript does through the gateway what it does without. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';

import { told } from './control.js';
import { CLIENT_KEY, GATEWAY, Pool, recordingFetch } from './pool.js';

const MESSAGES: Anthropic.MessageParam[] = [{ role: 'user', content: 'Hello, mill.' }];
const WEATHER: Anthropic.Tool = {
  name: 'get_weather',
  description: 'Says what the weather is.',
  input_schema: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city', 'days'],
  },
};
// What the simulated provider fills in for that schema.
const WEATHER_INPUT = { city: 'sample', days: 1 };

/** A pool, a client of it, and what every message to it needs. */
function set(options: ClientOptions = {}) {
  const pool = Pool.claim('anthropic');
  const known = { apiKey: CLIENT_KEY, maxRetries: 0, baseURL: pool.url() };
  const client = new Anthropic({ ...known, ...options });
  return { pool, client, ask: { model: pool.model, max_tokens: 100, messages: MESSAGES } };
}

test('create', async () => {
  const { client, ask } = set();

  const message = await client.messages.create(ask);

  assert.equal(message.model, ask.model);
  assert.equal(message.stop_reason, 'end_turn');
  assert(message.content[0]?.type === 'text');
  assert.match(message.content[0].text, /^The mill turns/);
  assert(message.usage.input_tokens > 0);
  assert.equal(message.usage.output_tokens, 32);
});

test('create without a name in the base URL', async () => {
  const { client, ask } = set({ baseURL: GATEWAY });

  assert.equal((await client.messages.create(ask)).stop_reason, 'end_turn');
  assert((await client.models.list()).data.length > 0);
  // Lists are over all accounts: what other tests make shows in them, too.
  for (const file of (await client.files.list()).data) assert.equal(file.type, 'file');
});

test('headers of the answer are the provider’s but for its keys', async () => {
  const { client, ask } = set();

  const { request_id, response } = await client.messages.create(ask).withResponse();

  assert.match(request_id!, /^req_/);
  assert.equal(response.headers.get('x-keyweir-attempts'), '1');
  const names = [...response.headers.keys()];
  assert.deepEqual(names.filter((name) => name.startsWith('anthropic-')), []);
});

const credentials: Record<string, ClientOptions> = {
  apiKey: { apiKey: CLIENT_KEY },
  authToken: { apiKey: null, authToken: CLIENT_KEY },
  'x-api-key': {
    apiKey: null,
    defaultHeaders: { 'X-Api-Key': CLIENT_KEY, Authorization: null },
  },
};
for (const [name, credential] of Object.entries(credentials)) {
  test(`the client’s key is taken and replaced: ${name}`, async () => {
    const { pool, client, ask } = set(credential);

    await client.messages.create(ask);

    const [received] = await pool.received();
    assert(pool.keys.includes(received!.headers['x-api-key']!));
    assert(!JSON.stringify(received).includes(CLIENT_KEY));
  });
}

test('request arrives as it was sent', async () => {
  const { fetch, bodies } = recordingFetch();
  const { pool, client, ask } = set({ fetch });

  await client.beta.messages.create(
    { ...ask, betas: ['some-beta-2026-01-01'] },
    { headers: { 'x-own': '1' }, query: { beta: 'true' } },
  );

  const [received] = await pool.received();
  assert.match(received!.uri, /\/v1\/messages\?beta=true$/);
  assert.equal(received!.headers['anthropic-beta'], 'some-beta-2026-01-01');
  assert.match(received!.headers['anthropic-version']!, /^20\d\d-\d\d-\d\d$/);
  assert.equal(received!.headers['x-own'], '1');
  assert.equal(received!.body_sha256, sha256(bodies[0]!));
});

test('stream of events', async () => {
  const { client, ask } = set();

  const kinds: string[] = [];
  for await (const event of await client.messages.create({ ...ask, stream: true })) {
    kinds.push(event.type);
  }

  assert.deepEqual(
    [...new Set(kinds)],
    [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ],
  );
});

test('stream helper', async () => {
  const { client, ask } = set();
  const pieces: string[] = [];

  const stream = client.messages.stream(ask).on('text', (piece) => pieces.push(piece));
  const message = await stream.finalMessage();

  assert(pieces.length > 1);
  assert.equal(await stream.finalText(), pieces.join(''));
  assert.equal(message.stop_reason, 'end_turn');
  assert(message.usage.input_tokens > 0);
  assert.equal(message.usage.output_tokens, 32);
});

test('tools', async () => {
  const { client, ask } = set();

  const called = await client.messages.create({ ...ask, tools: [WEATHER] });

  assert.equal(called.stop_reason, 'tool_use');
  const call = called.content.find((block) => block.type === 'tool_use');
  assert(call);
  assert.equal(call.name, 'get_weather');
  assert.deepEqual(call.input, WEATHER_INPUT);

  const answered = await client.messages.create({
    ...ask,
    tools: [WEATHER],
    messages: [
      ...MESSAGES,
      { role: 'assistant', content: called.content },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: call.id, content: 'Rain.' }],
      },
    ],
  });
  assert.equal(answered.stop_reason, 'end_turn');
});

test('tool input is streamed', async () => {
  const { client, ask } = set();
  const pieces: string[] = [];

  const stream = client.messages.stream({ ...ask, tools: [WEATHER] });
  stream.on('inputJson', (piece) => pieces.push(piece));
  const message = await stream.finalMessage();

  assert(pieces.filter(Boolean).length > 1);
  assert.deepEqual(JSON.parse(pieces.join('')), WEATHER_INPUT);
  const call = message.content.at(-1);
  assert(call?.type === 'tool_use');
  assert.deepEqual(call.input, WEATHER_INPUT);
});

test('count tokens', async () => {
  const { client, ask } = set();
  const { model, messages } = ask;

  const counted = await client.messages.countTokens({ model, messages, tools: [WEATHER] });

  assert(counted.input_tokens > 20);
});

test('models', async () => {
  const { client } = set();

  // The SDK asks for further pages by itself.
  const listed: string[] = [];
  for await (const model of client.models.list({ limit: 1 })) listed.push(model.id);

  assert.deepEqual(listed, ['claude-sim-large', 'claude-sim-small']);
  assert.equal((await client.models.retrieve('claude-sim-small')).id, 'claude-sim-small');
});

test('body of 20 MB', async () => {
  const { fetch, bodies } = recordingFetch();
  const { pool, client, ask } = set({ fetch });
  const text = 'The mill grinds. '.repeat(20_000_000 / 17);

  const message = await client.messages.create({
    ...ask,
    messages: [{ role: 'user', content: text }],
  });

  assert(message.usage.input_tokens > 5_000_000);
  const [received] = await pool.received();
  assert(received!.body_len > 19_999_000);
  assert.equal(received!.body_sha256, sha256(bodies[0]!));
});

test('in the clear', async () => {
  const { pool, ask } = set();
  const baseURL = pool.url(told('KEYWEIR_CLEAR_URL'));
  const client = new Anthropic({ baseURL, apiKey: CLIENT_KEY, maxRetries: 0 });

  assert.equal((await client.messages.create(ask)).stop_reason, 'end_turn');
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
