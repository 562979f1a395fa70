Bun.serve({
  port: 9555,
  async fetch(r) {
    console.log(r.method, new URL(r.url).pathname, r.headers.get("authorization"), await r.text());
    return new Response("ok");
  },
});
