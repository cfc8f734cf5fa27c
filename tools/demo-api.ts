/**
 * `npm run demo:api`: the life of a VM through plain HTTPS, byte for byte as the public Go and Java clients send it
 * (no library of ours in between), with what those clients demand of every answer checked. Uses the laboratory of a
 * running `npm start`, or brings one up for itself and takes it down again.
 *
 *     npm run demo:api                                     the laboratory
 *     npm run demo:api -- https://manager:7443 ca.pem      any manager; the password of admin on standard input
 */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { runDemo } from "./demo/demo.ts";
import { borrowStand } from "./stand/borrow.ts";

const [url, caFile] = process.argv.slice(2);
if (url === undefined) {
  await using stand = await borrowStand((line) => console.log(line));
  await runDemo(stand.access);
} else {
  const password = (await text(process.stdin)).trim();
  const ca = caFile === undefined ? undefined : await readFile(caFile, "utf8");
  await runDemo({ url, userName: "admin", password, ...(ca === undefined ? {} : { ca }) });
}
process.exit(0);
