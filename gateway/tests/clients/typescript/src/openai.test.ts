/** OpenAI's SDK for TypeScript does through the gateway what it does without. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import OpenAI, { type ClientOptions } from 'openai';

import { told } from './control.js';
import { CLIENT_KEY, GATEWAY, Pool, providerKey, recordingFetch } from './pool.js';

type Chat = OpenAI.ChatCompletionMessageParam[];

const MESSAGES: Chat = [{ role: 'user', content: 'Hello, mill.' }];
const FUNCTION = {
  name: 'get_weather',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city', 'days'],
    additionalProperties: false,
  },
};
// Chat completions and responses declare the same function differently.
const CHAT_TOOL = { type: 'function' as const, function: FUNCTION };
const RESPONSE_TOOL = { type: 'function' as const, strict: false, ...FUNCTION };
// What the simulated provider fills in for those parameters.
const ARGUMENTS = '{"city":"sample","days":1}';

/** A pool, a client of it, and what every completion needs. */
function set(options: ClientOptions = {}) {
  const pool = Pool.claim('openai');
  const known = { apiKey: CLIENT_KEY, maxRetries: 0, baseURL: `${pool.url()}/v1` };
  const client = new OpenAI({ ...known, ...options });
  return { pool, client, model: pool.model, ask: { model: pool.model, messages: MESSAGES } };
}

// ── chat completions ──

test('create', async () => {
  const { client, ask } = set();

  const completion = await client.chat.completions.create(ask);

  assert.equal(completion.model, ask.model);
  assert.equal(completion.choices[0]!.finish_reason, 'stop');
  assert.match(completion.choices[0]!.message.content!, /^The mill turns/);
  assert.equal(completion.usage!.completion_tokens, 32);
});

test('create without a name in the base URL', async () => {
  const { client, ask } = set({ baseURL: `${GATEWAY}/v1` });

  assert((await client.chat.completions.create(ask)).choices[0]);
  assert((await client.models.list()).data.length > 0);
  // Lists are over all accounts: what other tests make shows in them, too.
  for (const file of (await client.files.list()).data) assert.equal(file.object, 'file');
});

test('headers of the answer are the provider’s but for its keys', async () => {
  const { client, ask } = set();

  const { request_id, response } = await client.chat.completions.create(ask).withResponse();

  assert.match(request_id!, /^req_/);
  assert.equal(response.headers.get('x-keyweir-attempts'), '1');
  const kept = [...response.headers.keys()].filter((name) =>
    /^x-ratelimit-|^openai-(organization|project)$/.test(name),
  );
  assert.deepEqual(kept, []);
});

test('the client’s key and organization are taken and replaced', async () => {
  const { pool, client, ask } = set({
    organization: 'org-of-the-client',
    project: 'project-of-the-client',
  });

  await client.chat.completions.create(ask);

  const [received] = await pool.received();
  assert(pool.keys.includes(providerKey(received!.headers)));
  assert.doesNotMatch(JSON.stringify(received), /of-the-client/);
  assert(!JSON.stringify(received).includes(CLIENT_KEY));
});

test('request arrives as it was sent', async () => {
  const { fetch, bodies } = recordingFetch();
  const { pool, client, ask } = set({ fetch });

  await client.chat.completions.create(ask, {
    headers: { 'x-own': '1' },
    query: { own: 'a b' },
  });

  const [received] = await pool.received();
  assert.match(received!.uri, /\/v1\/chat\/completions\?own=a(%20|\+)b$/);
  assert.equal(received!.headers['x-own'], '1');
  assert.equal(received!.body_sha256, sha256(bodies[0]!));
});

test('stream of chunks, with usage', async () => {
  const { client, ask } = set();
  const stream_options = { include_usage: true };

  const chunks = [];
  const stream = await client.chat.completions.create({ ...ask, stream: true, stream_options });
  for await (const chunk of stream) chunks.push(chunk);

  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  assert.match(text, /^The mill turns/);
  assert(chunks.length > 3);
  assert.deepEqual(chunks.at(-1)!.choices, []);
  assert.equal(chunks.at(-1)!.usage!.completion_tokens, 32);
});

test('stream helper', async () => {
  const { client, ask } = set();
  const pieces: string[] = [];

  const stream = client.chat.completions.stream(ask).on('content', (piece) => pieces.push(piece));
  const completion = await stream.finalChatCompletion();

  assert.equal(completion.choices[0]!.finish_reason, 'stop');
  assert.equal(completion.choices[0]!.message.content, pieces.join(''));
});

test('tools', async () => {
  const { client, ask } = set();

  const called = await client.chat.completions.create({ ...ask, tools: [CHAT_TOOL] });

  assert.equal(called.choices[0]!.finish_reason, 'tool_calls');
  const call = called.choices[0]!.message.tool_calls![0]!;
  assert(call.type === 'function');
  assert.equal(call.function.arguments, ARGUMENTS);

  const messages: Chat = [
    ...MESSAGES,
    called.choices[0]!.message,
    { role: 'tool', tool_call_id: call.id, content: 'Rain.' },
  ];
  const answered = await client.chat.completions.create({ ...ask, messages, tools: [CHAT_TOOL] });
  assert.equal(answered.choices[0]!.finish_reason, 'stop');
});

test('tool arguments are streamed', async () => {
  const { client, ask } = set();
  const pieces: string[] = [];

  const stream = client.chat.completions.stream({ ...ask, tools: [CHAT_TOOL] });
  stream.on('tool_calls.function.arguments.delta', (event) => pieces.push(event.arguments_delta));
  const completion = await stream.finalChatCompletion();

  assert(pieces.length > 1);
  assert.equal(pieces.join(''), ARGUMENTS);
  assert.equal(completion.choices[0]!.finish_reason, 'tool_calls');
});

// ── responses ──

test('response', async () => {
  const { client, model } = set();

  const response = await client.responses.create({ model, input: 'Hello, mill.' });

  assert.equal(response.status, 'completed');
  assert.match(response.output_text, /^The mill turns/);
  assert.equal(response.usage!.output_tokens, 32);
});

test('response stream helper', async () => {
  const { client, model } = set();
  const pieces: string[] = [];

  const stream = client.responses.stream({ model, input: 'Hello, mill.' });
  stream.on('response.output_text.delta', (event) => pieces.push(event.delta));
  const response = await stream.finalResponse();

  assert(pieces.length > 1);
  assert.equal(response.output_text, pieces.join(''));
  assert.equal(response.usage!.output_tokens, 32);
});

test('response tools are streamed', async () => {
  const { client, model } = set();
  const tools = [RESPONSE_TOOL];
  const pieces: string[] = [];

  const stream = client.responses.stream({ model, input: 'Hello, mill.', tools });
  stream.on('response.function_call_arguments.delta', (event) => pieces.push(event.delta));
  const response = await stream.finalResponse();

  assert(pieces.length > 1);
  assert.equal(pieces.join(''), ARGUMENTS);
  const call = response.output.find((item) => item.type === 'function_call');
  assert.equal(call!.arguments, ARGUMENTS);

  const answered = await client.responses.create({
    model,
    tools,
    previous_response_id: response.id,
    input: [{ type: 'function_call_output', call_id: call!.call_id, output: 'Rain.' }],
  });
  assert.match(answered.output_text, /^The mill turns/);
});

test('count tokens', async () => {
  const { client, model } = set();

  const input = 'Hello, mill. '.repeat(100);
  const counted = await client.responses.inputTokens.count({ model, input });

  assert(counted.input_tokens > 300);
});

// ── the rest ──

test('embeddings', async () => {
  const { client, model } = set();

  // The SDK asks for base64 and unpacks it.
  const input = ['Hello', 'mill'];
  const answer = await client.embeddings.create({ model, input, dimensions: 16 });

  assert.deepEqual(answer.data.map((one) => one.embedding.length), [16, 16]);
});

test('models', async () => {
  const { client } = set();

  const listed: string[] = [];
  for await (const model of client.models.list()) listed.push(model.id);

  assert.deepEqual(listed, ['gpt-sim', 'gpt-sim-mini']);
  assert.equal((await client.models.retrieve('gpt-sim')).id, 'gpt-sim');
});

test('body of 20 MB', async () => {
  const { fetch, bodies } = recordingFetch();
  const { pool, client, ask } = set({ fetch });
  const content = 'The mill grinds. '.repeat(20_000_000 / 17);

  await client.chat.completions.create({ ...ask, messages: [{ role: 'user', content }] });

  const [received] = await pool.received();
  assert(received!.body_len > 19_999_000);
  assert.equal(received!.body_sha256, sha256(bodies[0]!));
});

test('in the clear', async () => {
  const { pool, ask } = set();
  const baseURL = `${pool.url(told('KEYWEIR_CLEAR_URL'))}/v1`;
  const client = new OpenAI({ baseURL, apiKey: CLIENT_KEY, maxRetries: 0 });

  assert((await client.chat.completions.create(ask)).choices[0]);
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
