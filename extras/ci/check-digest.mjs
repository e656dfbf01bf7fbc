// usage: check-digest.mjs FILE SHA256
// Ends with an error if the file is another than the digest says.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const [file, wanted] = process.argv.slice(2);
const found = createHash("sha256").update(readFileSync(file)).digest("hex");
if (found !== wanted?.trim().toLowerCase()) {
  console.error(`${file} has the digest ${found}, not ${wanted}`);
  process.exit(1);
}
