import { expect, test } from "bun:test";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { type Connection, createConnections } from "../../../src/kit/http/connections.ts";

test("a connection that is closed at a request hands few further requests to the HTTP server", async () => {
  const connections = createConnections({ connections: 1, requestMs: 10_000, idleMs: 10_000 });
  let connection: Connection | undefined;
  const accepted: boolean[] = [];
  const http = createHttpServer((_request, response) => {
    accepted.push(connection!.accept());
    response.once("close", () => connection!.idle());
  });
  const closed = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    connection = connections.add(socket);
    socket.once("close", () => closed.resolve());
    http.emit("connection", socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => {});
  client.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".repeat(12_000));
  await closed.promise;
  expect(accepted.filter(Boolean)).toEqual([true]);
  expect(accepted.length).toBeLessThanOrEqual(57);
  server.close();
});
