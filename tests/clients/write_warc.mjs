// Writes a WARC file with warcio.js, as Browsertrix does: `node write_warc.mjs BUNDLE OUT gzip|plain VERSION URL…`.
// A URL that comes a second time becomes a revisit.
import { createWriteStream } from "node:fs";
import http from "node:http";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";

const [bundle, out, packing, version, ...urls] = process.argv.slice(2);
const { WARCRecord, WARCSerializer } = await import(pathToFileURL(bundle).href);
const options = { gzip: packing === "gzip", digest: { algo: "sha-256", prefix: "sha256:" } };
const stream = createWriteStream(out);
const seen = new Map();

const write = async (record) => {
  const bytes = await WARCSerializer.serialize(record, options);
  await new Promise((done, fail) => stream.write(bytes, (error) => (error ? fail(error) : done())));
};

const pairs = (raw) => raw.flatMap((name, at) => (at % 2 ? [] : [[name, raw[at + 1]]]));

const get = (url) =>
  new Promise((done, fail) => {
    const request = http.get(url, { agent: false }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => done({ request, response, body: new Uint8Array(Buffer.concat(pieces)) }));
    });
    request.on("error", fail);
  });

async function* once(bytes) {
  yield bytes;
}

await write(WARCRecord.createWARCInfo({ filename: basename(out), warcVersion: version }, { software: "warcio.js" }));
for (const url of urls) {
  const { request, response, body } = await get(url);
  const date = new Date().toISOString();
  // Node has removed the chunks, so the header is renamed, as Browsertrix renames it.
  const httpHeaders = pairs(response.rawHeaders).map(([name, value]) =>
    name.toLowerCase() === "transfer-encoding" ? [`x-orig-${name}`, value] : [name, value],
  );
  const statusline = `HTTP/1.1 ${response.statusCode} ${response.statusMessage}`;
  const first = seen.get(url);
  const type = first ? "revisit" : "response";
  const common = { url, date, warcVersion: version, httpHeaders, statusline };
  const reference = first ? { refersToUrl: url, refersToDate: first.date } : {};
  const warcHeaders = first ? { "WARC-Payload-Digest": first.digest } : {};
  const record = WARCRecord.create({ ...common, ...reference, type, warcHeaders }, once(first ? new Uint8Array() : body));
  await write(record);
  seen.set(url, first ?? { date, digest: record.warcHeader("WARC-Payload-Digest") });
  const asked = {
    type: "request",
    url,
    date,
    warcVersion: version,
    warcHeaders: { "WARC-Concurrent-To": record.warcHeader("WARC-Record-ID") },
    httpHeaders: Object.entries(request.getHeaders()),
    statusline: `GET ${request.path} HTTP/1.1`,
  };
  await write(WARCRecord.create(asked, once(new Uint8Array())));
}
await new Promise((done) => stream.end(done));
