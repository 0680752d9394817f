// A portal's own web server, for what the provider tells it.

import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

const PATIENCE_MS = 20_000;

/** Listen while `act` runs; it gets a function that waits for the next request. */
export async function listening(port, act) {
  const arrived = [];
  const waiting = [];
  const server = createServer(async (request, response) => {
    const call = { path: request.url, headers: request.headers, body: await text(request) };
    response.writeHead(200, { "cache-control": "no-store" }).end();
    const first = waiting.shift();
    if (first) first(call);
    else arrived.push(call);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const next = () =>
    new Promise((resolve, reject) => {
      if (arrived.length > 0) return resolve(arrived.shift());
      const timer = setTimeout(() => reject(new Error("nothing arrived")), PATIENCE_MS);
      return waiting.push((call) => {
        clearTimeout(timer);
        resolve(call);
      });
    });
  try {
    return await act(next);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
