// A child process of the benchmarks: an HTTP server that takes whatever is PUT and drops it. Sends its address once.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  request.on("end", () => response.writeHead(200, { etag: '"dropped"' }).end());
  request.resume();
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.send?.(`http://127.0.0.1:${address.port}/part`);
});
process.on("disconnect", () => process.exit());
