// The official OpenAI client for Node under load: `openai_node.mjs CLIENTS/package.json BASE_URL TOTAL IN_FLIGHT`.
//
// Prints one line of JSON: what it took in seconds, and in seconds of CPU. Authorities come from NODE_EXTRA_CA_CERTS.

import { createRequire } from 'node:module';

const [installed, baseURL, total, inFlight] = process.argv.slice(2);
if (inFlight === undefined) {
  console.error('usage: openai_node.mjs CLIENTS/package.json BASE_URL TOTAL IN_FLIGHT');
  process.exit(64);
}
const OpenAI = createRequire(installed)('openai');

const client = new OpenAI({ baseURL, apiKey: 'sk-bench-key', maxRetries: 0, timeout: 600_000 });
let next = 0;
let failed = 0;

async function work() {
  while (next++ < Number(total)) {
    await client.chat.completions
      .create({
        model: 'gpt-5-mini',
        messages: [{ role: 'user', content: 'Classify as positive or negative: I like it.' }],
      })
      .catch(() => failed++);
  }
}

const begun = performance.now();
await Promise.all(Array.from({ length: Number(inFlight) }, work));
const seconds = (performance.now() - begun) / 1000;
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({
    requests: Number(total),
    failed,
    seconds: Number(seconds.toFixed(2)),
    requests_per_s: Math.round(total / seconds),
    cpu_s: Number(((user + system) / 1e6).toFixed(2)),
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
process.exitCode = failed > 0 ? 1 : 0;
