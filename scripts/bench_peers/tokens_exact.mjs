// Exact numbers of tokens: `tokens_exact.mjs CLIENTS/package.json FILE...`, by gpt-tokenizer in o200k_base.
//
// Prints a line of JSON for each file: its tokens, and in how many seconds they were counted.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [installed, ...files] = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: tokens_exact.mjs CLIENTS/package.json FILE...');
  process.exit(64);
}
const { encode } = createRequire(installed)('gpt-tokenizer/encoding/o200k_base');

const asText = { disallowedSpecial: new Set() }; // what looks like <|endoftext|> is text, as the API takes it
encode('warm');
for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const begun = performance.now();
  const tokens = encode(text, asText).length;
  console.log(JSON.stringify({ tokens, seconds: (performance.now() - begun) / 1000 }));
}
