/** What OpenAI's SDK stores at the provider is found again, on whichever account it is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI, { toFile } from 'openai';

import { eventually } from './control.js';
import { CLIENT_KEY, Pool } from './pool.js';

function set() {
  const pool = Pool.claim('openai');
  const baseURL = `${pool.url()}/v1`;
  return { pool, client: new OpenAI({ apiKey: CLIENT_KEY, maxRetries: 0, baseURL }) };
}

test('files', async () => {
  const { pool, client } = set();
  const content = Buffer.alloc(25_600, 'grist');
  const ids: string[] = [];
  for (let number = 0; number < 4; number++) {
    const file = await toFile(content, `${number}.bin`);
    ids.push((await client.files.create({ file, purpose: 'user_data' })).id);
  }

  for (const [number, id] of ids.entries()) {
    assert.equal((await client.files.retrieve(id)).filename, `${number}.bin`);
    const downloaded = await client.files.content(id);
    assert(content.equals(Buffer.from(await downloaded.arrayBuffer())));
  }
  for await (const file of client.files.list()) assert(ids.includes(file.id));
  for (const id of ids) assert((await client.files.delete(id)).deleted);
  assert.deepEqual(Object.keys(await pool.statuses()), ['200']);
});

test('batch from its file to its results', async () => {
  const { pool, client } = set();
  const messages = [{ role: 'user', content: 'Hello, mill.' }];
  const lines = ['first', 'second'].map((custom_id) => ({
    custom_id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: pool.model, messages },
  }));
  const text = lines.map((line) => JSON.stringify(line) + '\n').join('');

  // Enough of them that both accounts get some.
  for (let time = 0; time < 4; time++) {
    const file = await toFile(Buffer.from(text), 'in.jsonl');
    const input = await client.files.create({ file, purpose: 'batch' });
    const made = await client.batches.create({
      input_file_id: input.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });

    const batch = await eventually(async () => {
      const batch = await client.batches.retrieve(made.id);
      return batch.status === 'completed' ? batch : null;
    });

    const output = await (await client.files.content(batch!.output_file_id!)).text();
    const results = output.trim().split('\n').map((line) => JSON.parse(line).custom_id);
    assert.deepEqual(results, ['first', 'second']);
  }
  assert.deepEqual(Object.keys(await pool.statuses()), ['200']);
});

for (const streamed of [false, true]) {
  test(`stored responses, ${streamed ? 'streamed' : 'whole'}`, async () => {
    const { pool, client } = set();
    const respond = (previous_response_id: string | null) => {
      const ask = { model: pool.model, input: 'Hello, mill.', previous_response_id };
      return streamed
        ? client.responses.stream(ask).finalResponse()
        : client.responses.create(ask);
    };

    for (let time = 0; time < 4; time++) {
      const { id } = await respond(null);
      assert.equal((await client.responses.retrieve(id)).id, id);
      assert.equal((await respond(id)).status, 'completed');
      await client.responses.delete(id);
      await assert.rejects(client.responses.retrieve(id), OpenAI.NotFoundError);
    }
  });
}
