// Measures ajv with the FHIR R4 schema, each line by the definition of its own type, on one core.
//
//   npm install --no-save ajv@8 && node ajv.mjs fhir.schema.json FILE.ndjson[.gz] [ROUNDS]
//
// Prints the median in MB/s of the whole (parse and validate), to be set beside what `go run .` prints for the same
// file on the same machine.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const Ajv = require("ajv");
const [schemaFile, file, rounds = "5"] = process.argv.slice(2);
if (!file) {
  console.error("usage: node ajv.mjs fhir.schema.json FILE.ndjson[.gz] [ROUNDS]");
  process.exit(2);
}
const schema = JSON.parse(readFileSync(schemaFile, "utf8"));
delete schema.id; // draft-04 spelling, which ajv refuses
delete schema.oneOf;
delete schema.discriminator;
schema.$id = "fhir";
const ajv = new Ajv({ strict: false, logger: false, validateFormats: false });
ajv.addMetaSchema(require("ajv/dist/refs/json-schema-draft-06.json"));
ajv.addSchema(schema);

let raw = readFileSync(file);
if (file.endsWith(".gz")) raw = gunzipSync(raw);
const lines = raw.toString("utf8").split("\n").filter((line) => line !== "");

const speeds = [];
let refused = 0;
for (let round = 0; round <= Number(rounds); round++) {
  refused = 0;
  const start = process.hrtime.bigint();
  for (const line of lines) {
    const resource = JSON.parse(line);
    const validate = ajv.getSchema(`fhir#/definitions/${resource.resourceType}`);
    if (!validate || !validate(resource)) refused++;
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (round > 0) speeds.push(raw.length / 1e6 / seconds); // the first round compiles
}
speeds.sort((a, b) => a - b);
console.log(`ajv, per type: ${speeds[speeds.length >> 1].toFixed(1)} MB/s, ${refused} lines refused`);
