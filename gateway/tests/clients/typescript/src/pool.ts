/** A pool of a test's own: two accounts of one provider key each, behind a name in the base URL. */

import { mkdirSync } from 'node:fs';

import { ask, eventually, told } from './control.js';

export const GATEWAY = told('KEYWEIR_URL');
export const HASTY_GATEWAY = told('KEYWEIR_HASTY_URL');
export const CLIENT_KEY = told('KEYWEIR_KEY');

/** A way of failing, and its details, as the simulated provider knows them. */
export type Fault = { kind: string; [detail: string]: unknown };

type KeyCounters = {
  requests: number;
  requests_open: number;
  cancelled: number;
  by_status: Record<string, number>;
};
type Arrived = {
  uri: string;
  headers: [string, string][];
  body_len: number;
  body_sha256: string;
};

export class Pool {
  // Any name is a model to the provider; one of its own makes faults meet this pool only.
  readonly model: string;
  readonly keys: [string, string];

  private constructor(readonly name: string) {
    this.model = `model-of-${name}`;
    this.keys = [`sk-${name}-a`, `sk-${name}-b`];
  }

  /** The next pool that nobody uses. The first one is left to base URLs without a name. */
  static claim(dialect: 'anthropic' | 'openai'): Pool {
    for (let number = 1; number < Number(told('KEYWEIR_POOLS')); number++) {
      const name = `${dialect}-${number}`;
      try {
        mkdirSync(`${told('KEYWEIR_CLAIMED')}/${name}`);
        return new Pool(name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    throw new Error('every pool is taken: raise POOLS_PER_DIALECT in stack.py');
  }

  url(gateway = GATEWAY): string {
    return `${gateway}/${this.name}`;
  }

  /** From now on the provider fails requests for this pool's model: so many of them (`count`), and
   * only those with `key`, if that is said. */
  async fault(fault: Fault, limits: { count?: number; key?: string } = {}): Promise<void> {
    await ask('POST', 'faults', { fault, model: this.model, ...limits });
  }

  /** From now on the provider gives this answer. */
  async answer(status: number, body: string, headers: Record<string, string>): Promise<void> {
    const all = { 'content-type': 'application/json', ...headers };
    await this.fault({ kind: 'answer', status, body, headers: Object.entries(all) });
  }

  /** How often faults of this pool struck. */
  async struck(): Promise<number> {
    const faults = await ask<{ struck: number; rule: { model?: string } }[]>('GET', 'faults');
    const ours = faults.filter((fault) => fault.rule.model === this.model);
    return ours.reduce((sum, fault) => sum + fault.struck, 0);
  }

  /** A counter of the provider, over this pool's keys. */
  async counted(what: 'requests' | 'requests_open' | 'cancelled'): Promise<number> {
    return (await this.counters()).reduce((sum, key) => sum + key[what], 0);
  }

  /** How often the provider gave this pool which status. */
  async statuses(): Promise<Record<string, number>> {
    const total: Record<string, number> = {};
    for (const key of await this.counters()) {
      for (const [status, times] of Object.entries(key.by_status)) {
        total[status] = (total[status] ?? 0) + times;
      }
    }
    return total;
  }

  private async counters(): Promise<KeyCounters[]> {
    const { keys } = await ask<{ keys: Record<string, KeyCounters> }>('GET', 'counters');
    return this.keys.map((key) => keys[key]!);
  }

  /** The requests that the provider received from this pool, oldest first. */
  async received(): Promise<(Omit<Arrived, 'headers'> & { headers: Record<string, string> })[]> {
    const requests = await ask<Arrived[]>('GET', 'requests');
    return requests
      .map((request) => ({ ...request, headers: Object.fromEntries(request.headers) }))
      .filter(({ headers }) => this.keys.includes(providerKey(headers)));
  }

  /** Waits until the provider has seen its client leave, and nothing runs any more. */
  async awaitCancelled(): Promise<void> {
    await eventually(async () => (await this.counted('cancelled')) === 1);
    await eventually(async () => (await this.counted('requests_open')) === 0);
  }

  /** Waits until the provider is at work on a request. */
  async awaitRunning(): Promise<void> {
    await eventually(async () => (await this.counted('requests_open')) === 1);
  }
}

/** The key that a request carried. */
export function providerKey(headers: Record<string, string | undefined>): string {
  return headers['x-api-key'] ?? headers['authorization']?.replace('Bearer ', '') ?? '';
}

/** Records what a client sends, on its way to the real `fetch`. */
export function recordingFetch(): { fetch: typeof fetch; bodies: string[] } {
  const bodies: string[] = [];
  return {
    bodies,
    fetch: (url, options) => {
      bodies.push(String(options?.body));
      return fetch(url, options);
    },
  };
}
