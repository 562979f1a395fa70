// Runs every benchmark, one after another: `npm run bench`. The program's own needs `npm run build` first.

for (const name of ["run", "log", "redact", "kill", "agent", "flood", "health"]) {
  console.log(`\n# ${name}`);
  const { exitCode } = Bun.spawnSync([process.execPath, `${import.meta.dir}/${name}.ts`], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) process.exitCode = 1;
}
