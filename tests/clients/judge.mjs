// The official OpenAI client for Node judges the emulator: `judge.mjs PROGRAM CLIENTS/package.json`.
//
// Every case has an emulator of its own, on a port that the system chose, and ends it. What the client cannot read, or
// reads as something else than the API reference says, is a fault of the emulator.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const [program, installed, trustedUrl] = process.argv.slice(2);
const require = createRequire(installed);
const OpenAI = require('openai');
const { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } = require('openai/helpers/zod');
const { z } = require('zod');

const quick = { validating_ms: 0, in_progress_ms: 0, finalizing_ms: 0, cancelling_ms: 0 };
const cases = [];

/** A judgement over an emulator with these faults; `tls` has it speak HTTPS. */
const judge = (name, options, run) => cases.push({ name, run, ...options });

async function withEmulator({ faults, tls }, run) {
  const directory = mkdtempSync(join(tmpdir(), 'judge-'));
  const rules = join(directory, 'faults.json');
  writeFileSync(rules, JSON.stringify({ ...quick, ...faults }));
  const command = ['--json', 'emulator', '--api-key', 'sk-right', '--faults', rules, '--dir', join(directory, 'e')];
  const child = spawn(program, tls ? [...command, '--tls'] : command, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const [line] = await Promise.race([
      createInterface(child.stdout)[Symbol.asyncIterator]().next().then((first) => [first.value]),
      ended.then(() => Promise.reject(new Error('the emulator did not start'))),
    ]);
    await run(JSON.parse(line));
  } finally {
    child.kill();
    await ended;
    rmSync(directory, { recursive: true });
  }
}

const clientOf = (server, options = {}) =>
  new OpenAI({ baseURL: server.url, apiKey: 'sk-right', maxRetries: 0, ...options });

async function raises(kind, call, status, code) {
  const error = await call().then(
    () => assert.fail(`no ${kind.name}`),
    (raised) => raised,
  );
  assert.equal(error.constructor, kind, `${error.constructor.name} in place of ${kind.name}: ${error.message}`);
  if (status !== undefined) {
    assert.equal(error.status, status);
    assert.match(error.requestID, /^req_/);
  }
  if (code !== undefined) assert.equal(error.code, code);
  return error;
}

async function ledger(server) {
  return (await fetch(server.url.replace(/\/v1$/, '/emulator/ledger'))).json();
}

async function calls(server, method, route) {
  const rows = (await ledger(server)).calls.filter((row) => row.method === method && row.route === route);
  return rows.reduce((sum, row) => sum + row.calls, 0);
}

async function all(pages) {
  const ids = [];
  for await (const object of pages) ids.push(object.id);
  return ids;
}

const request = (custom_id, url, body) => ({ custom_id, method: 'POST', url, body });
const chatLines = (count) =>
  Array.from({ length: count }, (_, i) =>
    request(`row-${i}`, '/v1/chat/completions', {
      model: 'gpt-5.4-mini',
      messages: [{ role: 'user', content: `text ${i}` }],
    }),
  );

async function upload(client, lines) {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  return client.files.create({ file: await OpenAI.toFile(Buffer.from(text), 'in.jsonl'), purpose: 'batch' });
}

const create = (client, file, endpoint = '/v1/chat/completions', more = {}) =>
  client.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h', ...more });

async function ended(client, batch) {
  for (let i = 0; i < 3000; ++i) {
    batch = await client.batches.retrieve(batch.id);
    if (['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) return batch;
    await pause(10);
  }
  assert.fail(`batch still ${batch.status}`);
}

async function results(client, id) {
  const text = await (await client.files.content(id)).text();
  return text.trimEnd().split('\n').map((line) => JSON.parse(line));
}

// --- files and batches -----------------------------------------------------------------------------------------------

judge('files are created, read and deleted', {}, async (client) => {
  const content = Buffer.from('{"custom_id":"é"}\n');
  const made = await client.files.create({
    file: await OpenAI.toFile(content, 'in.jsonl'),
    purpose: 'batch',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  });
  assert.equal(made.filename, 'in.jsonl');
  assert.equal(made.bytes, content.length);
  assert.equal(made.expires_at - made.created_at, 3600);
  assert.deepEqual(await client.files.retrieve(made.id), made);
  assert.deepEqual(Buffer.from(await (await client.files.content(made.id)).arrayBuffer()), content);
  assert.deepEqual(await client.files.delete(made.id), { id: made.id, object: 'file', deleted: true });
  await raises(OpenAI.NotFoundError, () => client.files.retrieve(made.id), 404);
});

judge('files and batches are listed over several pages', {}, async (client, server) => {
  const files = [];
  for (let i = 0; i < 7; ++i) files.push((await upload(client, chatLines(1))).id);
  assert.deepEqual(await all(client.files.list({ limit: 3, order: 'asc' })), files);
  assert.deepEqual(await all(client.files.list({ limit: 3 })), [...files].reverse());
  assert.equal(await calls(server, 'GET', '/v1/files'), 6);
  const batches = [];
  for (const id of files) batches.unshift((await create(client, { id })).id);
  assert.deepEqual(await all(client.batches.list({ limit: 3 })), batches);
  const first = await client.batches.list({ limit: 3 });
  assert.ok(first.hasNextPage());
  assert.deepEqual((await first.getNextPage()).data.map((batch) => batch.id), batches.slice(3, 6));
});

judge('a batch runs to its end', {}, async (client) => {
  const metadata = { run: 'é', part: '1/4' };
  let batch = await create(client, await upload(client, chatLines(20)), undefined, { metadata });
  assert.equal(batch.status, 'validating');
  assert.equal(batch.usage, undefined);
  batch = await ended(client, batch);
  assert.equal(batch.status, 'completed');
  assert.deepEqual(batch.metadata, metadata);
  assert.deepEqual(batch.request_counts, { total: 20, completed: 20, failed: 0 });
  assert.equal(batch.model, 'gpt-5.4-mini-2026-03-17');
  const rows = await results(client, batch.output_file_id);
  assert.equal(new Set(rows.map((row) => row.custom_id)).size, 20);
  const input = rows.reduce((sum, row) => sum + row.response.body.usage.prompt_tokens, 0);
  assert.equal(batch.usage.input_tokens, input);
  assert.equal(batch.usage.total_tokens, input + batch.usage.output_tokens);
});

judge('batches of every endpoint', {}, async (client) => {
  const bodies = {
    '/v1/responses': { model: 'gpt-5.4-mini', input: 'hi' },
    '/v1/chat/completions': chatLines(1)[0].body,
    '/v1/embeddings': { model: 'text-embedding-3-small', input: ['a', 'b'] },
    '/v1/completions': { model: 'gpt-3.5-turbo-instruct', prompt: 'Once' },
    '/v1/moderations': { model: 'omni-moderation-latest', input: 'x' },
    '/v1/images/generations': { model: 'gpt-image-1', prompt: 'a cat' },
    '/v1/images/edits': { model: 'gpt-image-1', prompt: 'a dog', images: [{ file_id: 'file-1' }] },
    '/v1/videos': { model: 'sora-2', prompt: 'a cat' },
  };
  for (const [url, body] of Object.entries(bodies)) {
    const batch = await ended(client, await create(client, await upload(client, [request('a', url, body)]), url));
    assert.equal(batch.status, 'completed', url);
    const [row] = await results(client, batch.output_file_id);
    // The same as in real time, but for what tells one answer from the next.
    const live = await client.post(url.replace('/v1', ''), { body });
    const shape = ({ id, created, created_at, completed_at, expires_at, output, ...rest }) => rest;
    assert.deepEqual(row.response.body.output?.map((item) => item.type), live.output?.map((item) => item.type));
    assert.deepEqual(shape(row.response.body), shape(live), url);
  }
});

judge('a batch is cancelled', { faults: { in_progress_ms: 3_600_000 } }, async (client) => {
  const batch = await create(client, await upload(client, chatLines(3)));
  assert.equal((await client.batches.cancel(batch.id)).status, 'cancelling');
  assert.equal((await ended(client, batch)).status, 'cancelled');
  await raises(OpenAI.NotFoundError, () => client.batches.cancel('batch_none'), 404);
});

judge('what fails in a batch', { faults: { fail_share: 1 } }, async (client) => {
  const batch = await ended(client, await create(client, await upload(client, chatLines(2))));
  assert.equal(batch.output_file_id, null);
  assert.equal((await results(client, batch.error_file_id))[0].response.body.error.code, 'invalid_prompt');
  const twice = await upload(client, [...chatLines(1), ...chatLines(1)]);
  const failed = await ended(client, await create(client, twice));
  assert.deepEqual(failed.errors.data.map((error) => [error.code, error.line]), [['duplicate_custom_id', 2]]);
  await raises(OpenAI.BadRequestError, () => create(client, twice, '/v1/audio'), 400, 'invalid_value');
  await raises(OpenAI.BadRequestError, () => create(client, { id: 'file-none' }), 400);
});

// --- real time -------------------------------------------------------------------------------------------------------

judge('responses', {}, async (client) => {
  const answer = await client.responses.create({ model: 'gpt-5.4-mini', input: 'foobar' });
  assert.equal(answer.output_text, 'echo 85944171f73967e8 foobar');
  assert.deepEqual(answer.output.map((item) => item.type), ['reasoning', 'message']);
  assert.ok(answer.usage.output_tokens_details.reasoning_tokens > 0);
  const short = await client.responses.create({
    model: 'gpt-4o',
    instructions: 'Answer briefly.',
    input: [{ role: 'user', content: [{ type: 'input_text', text: 'foobar' }] }],
    max_output_tokens: 2,
  });
  assert.equal(short.output_text, 'echo 859');
  assert.deepEqual(short.incomplete_details, { reason: 'max_output_tokens' });
  await raises(OpenAI.BadRequestError, () => client.responses.create({ model: 'gpt-4o' }), 400);
});

judge('chat completions and completions', {}, async (client) => {
  const messages = [{ role: 'user', content: 'foobar' }];
  const chat = await client.chat.completions.create({ model: 'gpt-5.4-mini', messages, n: 2 });
  assert.equal(chat.choices[1].message.content, 'echo 85944171f73967e8 foobar');
  const answer = await client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: ['foobar', 'x'], n: 2 });
  assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1, 2, 3]);
  assert.equal(answer.choices[1].text, 'echo 85944171f73967e8 foobar');
  assert.ok(answer.choices[2].text.endsWith(' x'));
});

judge('answers in a schema are parsed', {}, async (client) => {
  const finding = z.object({ label: z.enum(['good', 'bad']), scores: z.array(z.number()), note: z.string() });
  const messages = [{ role: 'user', content: 'foobar' }];
  const chat = await client.chat.completions.parse({
    model: 'gpt-5.4-mini',
    messages,
    response_format: zodResponseFormat(finding, 'finding'),
  });
  const response = await client.responses.parse({
    model: 'gpt-5.4-mini',
    input: 'foobar',
    text: { format: zodTextFormat(finding, 'finding') },
  });
  assert.ok(['good', 'bad'].includes(response.output_parsed.label));
  assert.deepEqual(response.output_parsed, chat.choices[0].message.parsed);
});

judge('schemas are as strict as at the API', {}, async (client) => {
  const messages = [{ role: 'user', content: 'foobar' }];
  const sound = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };
  const ask = (schema, strict = true) =>
    client.chat.completions.create({
      model: 'gpt-5.4-mini',
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'f', strict, schema } },
    });
  assert.deepEqual(Object.keys(JSON.parse((await ask(sound)).choices[0].message.content)), ['a']);
  for (const loose of [{ ...sound, required: [] }, { ...sound, additionalProperties: true }, { type: 'array', items: sound }]) {
    const error = await raises(OpenAI.BadRequestError, () => ask(loose), 400, 'invalid_json_schema');
    assert.equal(error.type, 'invalid_request_error');
    JSON.parse((await ask(loose, false)).choices[0].message.content);
  }
});

judge('functions are called', {}, async (client) => {
  const messages = [{ role: 'user', content: 'foobar' }];
  const look = z.object({ city: z.string(), days: z.number() });
  const chat = await client.chat.completions.parse({
    model: 'gpt-5.4-mini',
    messages,
    tools: [zodFunction({ name: 'look', parameters: look })],
    tool_choice: 'required',
  });
  const [call] = chat.choices[0].message.tool_calls;
  assert.equal(chat.choices[0].finish_reason, 'tool_calls');
  assert.equal(chat.choices[0].message.content, null);
  assert.deepEqual(Object.keys(call.function.parsed_arguments), ['city', 'days']);
  const response = await client.responses.parse({
    model: 'gpt-4o',
    input: 'foobar',
    tools: [zodResponsesFunction({ name: 'look', parameters: look })],
    tool_choice: { type: 'function', name: 'look' },
  });
  assert.deepEqual(response.output.map((item) => item.type), ['function_call']);
  assert.deepEqual(response.output[0].parsed_arguments, call.function.parsed_arguments);
  const plain = await client.chat.completions.create({ model: 'gpt-4o', messages, logprobs: true, top_logprobs: 2, n: 2 });
  for (const choice of plain.choices) {
    const tokens = choice.logprobs.content;
    assert.equal(tokens.map((token) => token.token).join(''), choice.message.content);
    assert.ok(tokens.every((token) => token.top_logprobs.length === 2));
  }
});

judge('refusals', { faults: { refuse_share: 1 } }, async (client) => {
  const response = await client.responses.create({ model: 'gpt-5.4-mini', input: 'foobar' });
  assert.equal(response.output.at(-1).content[0].type, 'refusal');
  assert.equal(response.output_text, '');
});

judge('responses that the model failed', { faults: { model_fail_share: 1 } }, async (client) => {
  const response = await client.responses.create({ model: 'gpt-5.4-mini', input: 'foobar' });
  assert.equal(response.status, 'failed');
  assert.equal(response.error.code, 'server_error');
});

judge('embeddings', {}, async (client) => {
  const input = ['one', 'two'];
  const make = (more) => client.embeddings.create({ model: 'text-embedding-3-small', input, ...more });
  const asked = await make({}); // as base64 under the hood
  const plain = await make({ encoding_format: 'float' });
  for (const [i, one] of asked.data.entries()) {
    assert.equal(one.embedding.length, 1536);
    assert.deepEqual(Float32Array.from(one.embedding), Float32Array.from(plain.data[i].embedding));
    assert.ok(Math.abs(one.embedding.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-5);
  }
  assert.equal(typeof (await make({ encoding_format: 'base64' })).data[0].embedding, 'string');
  assert.equal((await make({ model: 'text-embedding-3-large' })).data[0].embedding.length, 3072);
  assert.equal((await make({ dimensions: 7 })).data[1].embedding.length, 7);
  await raises(OpenAI.BadRequestError, () => make({ input: '' }), 400);
  await raises(OpenAI.BadRequestError, () => make({ input: Array(2049).fill('x') }), 400, 'array_above_max_length');
});

judge('moderations', {}, async (client) => {
  const input = Array.from({ length: 20 }, (_, i) => `text ${i}`);
  const { results: judged } = await client.moderations.create({ model: 'omni-moderation-latest', input });
  assert.equal(judged.length, 20);
  assert.ok(judged.some((one) => one.flagged) && judged.some((one) => !one.flagged));
  for (const one of judged) {
    assert.equal(one.categories.violence, one.flagged);
    assert.deepEqual(one.category_applied_input_types['sexual/minors'], ['text']);
    assert.equal(Object.keys(one.category_scores).length, 13);
  }
});

judge('images, videos and models', {}, async (client) => {
  const image = await client.images.generate({ model: 'gpt-image-1', prompt: 'foobar', n: 2 });
  assert.equal(image.data[1].revised_prompt, 'echo 85944171f73967e8 foobar');
  // The client sends videos as forms; batches have them in JSON.
  const video = await client.post('/videos', { body: { prompt: 'x' } });
  assert.equal(video.status, 'completed');
  assert.ok((await all(client.models.list())).includes('text-embedding-3-small'));
  await raises(OpenAI.NotFoundError, () => client.models.retrieve('no-such-model'), 404, 'model_not_found');
});

// --- errors ----------------------------------------------------------------------------------------------------------

const kinds = {
  400: OpenAI.BadRequestError,
  401: OpenAI.AuthenticationError,
  403: OpenAI.PermissionDeniedError,
  404: OpenAI.NotFoundError,
  409: OpenAI.ConflictError,
  422: OpenAI.UnprocessableEntityError,
  429: OpenAI.RateLimitError,
  500: OpenAI.InternalServerError,
  503: OpenAI.InternalServerError,
};
const strike = (nth, more) => ({ path: '/v1/models', nth, action: 'status', ...more });

judge(
  'every status has its class',
  { faults: { http: Object.keys(kinds).map((status, i) => strike(i + 1, { status: Number(status) })) } },
  async (client) => {
    for (const [status, kind] of Object.entries(kinds)) await raises(kind, () => client.models.list(), Number(status));
    const wrong = client.withOptions({ apiKey: 'sk-wrong' });
    await raises(OpenAI.AuthenticationError, () => wrong.models.list(), 401, 'invalid_api_key');
  },
);

judge(
  'calls are retried as the headers ask',
  {
    faults: {
      http: [
        strike([1, 2], { status: 429, headers: { 'retry-after-ms': '30' } }),
        { path: '/v1/files', first: 1, action: 'status', status: 503, headers: { 'retry-after': '1' } },
        { path: '/v1/batches', action: 'status', status: 500, headers: { 'x-should-retry': 'false' } },
      ],
    },
  },
  async (_, server) => {
    const patient = clientOf(server, { maxRetries: 2 });
    assert.ok((await patient.models.list()).data.length > 0);
    assert.equal(await calls(server, 'GET', '/v1/models'), 3);
    const begun = performance.now();
    assert.deepEqual((await patient.files.list()).data, []);
    assert.ok(performance.now() - begun >= 990); // Node's timers may fire a millisecond early
    await raises(OpenAI.InternalServerError, () => patient.batches.list(), 500);
    assert.equal(await calls(server, 'GET', '/v1/batches'), 1);
  },
);

judge(
  'broken calls are told apart',
  {
    faults: {
      http: [
        { path: '/v1/models', nth: 1, action: 'close' },
        { path: '/v1/models', nth: 2, action: 'delay', delay_ms: 60_000 },
        { path: '/v1/models', nth: 3, action: 'html' },
      ],
    },
  },
  async (client) => {
    await raises(OpenAI.APIConnectionError, () => client.models.list());
    await raises(OpenAI.APIConnectionTimeoutError, () => client.models.list({ timeout: 300 }));
    await raises(OpenAI.InternalServerError, () => client.models.list(), 502);
  },
);

judge('limits are kept by waiting', { faults: { rate: { rpm: 60, tpm: 1000, window_ms: 1000 } } }, async (_, server) => {
  const patient = clientOf(server, { maxRetries: 2 });
  const ask = { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'x' }] };
  const { response } = await patient.chat.completions.create(ask).withResponse();
  assert.equal(response.headers.get('x-ratelimit-limit-requests'), '60');
  assert.match(response.headers.get('x-ratelimit-reset-requests'), /^(\d+m)?\d+(\.\d+)?m?s$/);
  for (let i = 0; i < 2; ++i) assert.ok((await patient.chat.completions.create(ask)).id); // one a second
  const found = await ledger(server);
  assert.ok(found.live_refused_requests >= 1);
  assert.equal(found.live_executed, 3);
});

judge('service tiers', { faults: { flex_unavailable_share: 1 } }, async (client, server) => {
  const ask = { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'x' }] };
  const chat = (tier, model = ask.model) => client.chat.completions.create({ ...ask, model, service_tier: tier });
  assert.equal((await chat('auto')).service_tier, 'default');
  assert.equal((await chat('priority')).service_tier, 'priority');
  const answer = await client.responses.create({ model: 'm', input: 'x', service_tier: 'priority' });
  assert.equal(answer.service_tier, 'priority');
  await raises(OpenAI.RateLimitError, () => chat('flex'), 429, 'resource_unavailable');
  assert.equal((await ledger(server)).live_refused_flex, 1);
  await raises(OpenAI.BadRequestError, () => chat('flex', 'gpt-4o'), 400);
});

judge('slow down', { faults: { http: [{ action: 'slow_down', nth: 1 }] } }, async (client, server) => {
  await raises(OpenAI.InternalServerError, () => client.models.list(), 503, 'slow_down');
  assert.ok((await client.models.list()).data.length > 0);
});

judge('HTTPS with the certificate that it names', { tls: true }, async (client, server) => {
  await raises(OpenAI.APIConnectionError, () => client.models.list());
  // Node reads further authorities at its start only.
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: server.ca_file };
  const arguments_ = [...process.argv.slice(1, 4), server.url];
  assert.match(execFileSync(process.execPath, arguments_, { env, encoding: 'utf8' }), /gpt-5.4-mini/);
});

// ---------------------------------------------------------------------------------------------------------------------

async function main() {
  let failed = 0;
  for (const one of cases) {
    try {
      await withEmulator(one, (server) => one.run(clientOf(server), server));
      console.log(`ok      ${one.name}`);
    } catch (error) {
      ++failed;
      console.log(`FAILED  ${one.name}\n${error.stack}`);
    }
  }
  console.log(`openai for Node ${require('openai/version').VERSION}: ${cases.length - failed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

if (trustedUrl) console.log(await all(clientOf({ url: trustedUrl }).models.list()));
else await main();
