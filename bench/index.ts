// Runs all benchmarks one after another: `npm run bench`. Some of them measure the binary, which `npm run
// build` compiles.

for (const name of [
  "run",
  "log",
  "redact",
  "kill",
  "control-group",
  "agent",
  "flood",
  "health",
  "page",
  "docker",
  "kubernetes",
  "journal",
  "serve",
  "cache",
  "mirrors",
]) {
  console.log(`\n# ${name}`);
  const { exitCode } = Bun.spawnSync([process.execPath, `${import.meta.dir}/${name}.ts`], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) process.exitCode = 1;
}
