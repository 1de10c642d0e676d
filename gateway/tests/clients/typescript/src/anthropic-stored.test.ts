/** What Anthropic's SDK stores at the provider is found again, on whichever account it is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic, { toFile } from '@anthropic-ai/sdk';

import { eventually, told } from './control.js';
import { CLIENT_KEY, GATEWAY, Pool } from './pool.js';

function set(gateway = GATEWAY) {
  const pool = Pool.claim('anthropic');
  const client = new Anthropic({ apiKey: CLIENT_KEY, maxRetries: 0, baseURL: pool.url(gateway) });
  const messages = [{ role: 'user' as const, content: 'Hello, mill.' }];
  const params = { model: pool.model, max_tokens: 10, messages };
  const requests = ['first', 'second'].map((custom_id) => ({ custom_id, params }));
  return { pool, client, requests };
}

for (const gateway of [GATEWAY, told('KEYWEIR_CLEAR_URL')]) {
  test(`batch from its making to its results: ${new URL(gateway).protocol}`, async () => {
    const { pool, client, requests } = set(gateway);
    const { batches } = client.messages;

    const made = await batches.create({ requests });
    const batch = await eventually(async () => {
      const batch = await batches.retrieve(made.id);
      return batch.processing_status === 'ended' ? batch : null;
    });

    assert(batch!.results_url!.startsWith(`${pool.url(gateway)}/v1/messages/batches/${made.id}/`));
    // The SDK follows `results_url` as it stands, with the client's key.
    const results = [];
    for await (const result of await batches.results(made.id)) results.push(result);
    assert.deepEqual(results.map((one) => one.custom_id), ['first', 'second']);
    assert.equal(results[0]!.result.type, 'succeeded');
    // Nobody was asked who did not know the batch.
    assert.deepEqual(Object.keys(await pool.statuses()), ['200']);
  });
}

test('batches are cancelled, listed and deleted', async () => {
  const { client, requests } = set();
  const { batches } = client.messages;
  const ids: string[] = [];
  for (let number = 0; number < 4; number++) ids.push((await batches.create({ requests })).id);

  for (const id of ids) {
    assert.equal((await batches.cancel(id)).id, id);
    await eventually(async () => (await batches.retrieve(id)).processing_status === 'ended');
  }
  for await (const batch of batches.list()) assert(ids.includes(batch.id));
  for (const id of ids) assert.equal((await batches.delete(id)).id, id);
});

test('files', async () => {
  const { pool, client } = set();
  const content = Buffer.alloc(25_600, 'grist');
  const ids: string[] = [];
  for (let number = 0; number < 4; number++) {
    const file = await toFile(content, `${number}.bin`, { type: 'application/octet-stream' });
    ids.push((await client.files.upload({ file })).id);
  }

  for (const [number, id] of ids.entries()) {
    assert.equal((await client.files.retrieveMetadata(id)).filename, `${number}.bin`);
    const downloaded = await client.files.download(id);
    assert(content.equals(Buffer.from(await downloaded.arrayBuffer())));
  }
  for await (const file of client.files.list()) assert(ids.includes(file.id));
  for (const id of ids) assert.equal((await client.files.delete(id)).id, id);
  assert.deepEqual(Object.keys(await pool.statuses()), ['200']);
});
