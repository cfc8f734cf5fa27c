import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LAUNCHER, logIn, MAIN, runProgram } from "./testing/run.ts";
import { startWorld } from "./testing/world.ts";

/* The command line as a program: processes, pipes and terminals. */

const NODE = process.execPath;

async function scratchHome() {
  const home = await mkdtemp(join(tmpdir(), "sinter-cli-"));
  return { home, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) };
}

test("the program lists VMs and ends with the exit code of what happened", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web");
  const listed = await runProgram(NODE, [MAIN, "vm", "ls", "--json"], world);
  assert.equal(listed.code, 0, listed.stderr);
  assert.equal(JSON.parse(listed.stdout)[0].name, "web");
  assert.equal((await runProgram(NODE, [MAIN, "vm", "show", "none"], world)).code, 4);
  assert.equal((await runProgram(NODE, [MAIN, "vm", "frobnicate"], world)).code, 2);
});

test("the launcher runs under whatever Node is first in the path, and passes arguments and exit codes on", async () => {
  await using scratch = await scratchHome();
  const version = await runProgram(NODE, [LAUNCHER, "--version"], scratch);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  // As installed: by its own first line, under a Node that may be too old for TypeScript.
  const system = "/usr/bin/node";
  const isThere = await access(system).then(
    () => true,
    () => false,
  );
  const env = { PATH: isThere ? "/usr/bin:/bin" : process.env.PATH };
  const shebang = await runProgram(LAUNCHER, ["vm", "ls"], { ...scratch, env });
  assert.equal(shebang.code, 3, shebang.stderr);
  assert.match(shebang.stderr, /sinter login/);
});

test("output into a closed pipe is no failure", async () => {
  await using world = await startWorld();
  await logIn(world);
  for (let index = 0; index < 2000; index++) world.addVm(`vm-${index}`);
  const child = execFile(NODE, [MAIN, "vm", "ls"], { env: { HOME: world.home, PATH: process.env.PATH } });
  let said = "";
  child.stderr?.on("data", (text: string) => {
    said += text;
  });
  child.stdout?.once("data", () => child.stdout?.destroy());
  const [code] = await once(child, "close");
  assert.equal(code, 0, said);
  assert.equal(said, "");
});

test("Ctrl-C at the program ends with 130 while the task goes on", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web");
  world.holdTasks();
  const child = execFile(NODE, [MAIN, "vm", "start", "web"], {
    env: { HOME: world.home, PATH: process.env.PATH },
  });
  let said = "";
  child.stderr?.on("data", (text: string) => {
    said += text;
    if (text.includes("running, 0 %")) child.kill("SIGINT");
  });
  const [code] = await once(child, "close");
  assert.equal(code, 130, said);
  assert.match(said, /sinter task cancel 8784/);
});

test("a console fed from a pipe: input goes in, output comes out, and it leaves when all is quiet", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web", { status: "running" });
  world.server.onConsole((socket) => {
    socket.send(Buffer.from("login: "));
    socket.on("message", (data: Buffer) => socket.send(Buffer.from(data.toString().toUpperCase())));
  });
  const result = await runProgram(NODE, [MAIN, "vm", "console", "web", "--linger", "1"], {
    home: world.home,
    input: "root\nuname\n",
  });
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stdout, "login: ROOT\nUNAME\n");
  assert.equal(result.stderr, "");
});

test("a console whose VM stops ends by itself; one that is refused says why", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web");
  const refused = await runProgram(NODE, [MAIN, "vm", "console", "web"], world);
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /no console while it does not run\. \(10300470\)/);
  world.server.onConsole((socket) => {
    socket.send(Buffer.from("halted"));
    socket.close(1000);
  });
  const ended = await runProgram(NODE, [MAIN, "vm", "console", "web", "--linger", "60"], world);
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stdout, "halted");
});

test("a console at a terminal is raw: Ctrl-C goes to the guest, Ctrl-] leaves", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web", { status: "running" });
  const heard: number[] = [];
  const sawCtrlC = Promise.withResolvers<void>();
  world.server.onConsole((socket) => {
    socket.on("message", (data: Buffer) => {
      heard.push(...data);
      if (data.includes(3)) sawCtrlC.resolve();
    });
    socket.send(Buffer.from("READY"));
  });
  // script(1) gives the program a terminal of its own.
  const child = execFile("script", ["-q", "-e", "-c", `${NODE} ${MAIN} vm console web`, "/dev/null"], {
    env: { HOME: world.home, PATH: process.env.PATH, TERM: "xterm" },
  });
  let shown = "";
  const ended = once(child, "close");
  child.stdout?.on("data", (text: string) => {
    const isFirst = !shown.includes("READY") && (shown + text).includes("READY");
    shown += text;
    if (isFirst) child.stdin?.write("ls\r\u0003");
  });
  await sawCtrlC.promise;
  child.stdin?.write("x\u001dignored");
  const [code] = await ended;
  assert.equal(code, 0, shown);
  assert.equal(Buffer.from(heard).toString(), "ls\r\u0003x");
  assert.match(shown, /Leave with Ctrl-\]/);
  assert.match(shown, /Left the console\./);
});

test("on a terminal there are colours and a bar; NO_COLOR takes the colours away", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web");
  const onTerminal = (words: string, env: NodeJS.ProcessEnv = {}) =>
    runProgram("script", ["-q", "-e", "-c", `${NODE} ${MAIN} ${words}`, "/dev/null"], {
      home: world.home,
      env: { TERM: "xterm", ...env },
    });
  const started = await onTerminal("vm start web");
  assert.equal(started.code, 0, started.stdout);
  assert.match(started.stdout, /VmPowerTask web █*░* \d+% running/);
  assert.match(started.stdout, /VM web is running\./);
  // oxlint-disable-next-line no-control-regex
  assert.match((await onTerminal("vm ls")).stdout, /\u001b\[32mrunning/);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch((await onTerminal("vm ls", { NO_COLOR: "1" })).stdout, /\u001b\[3/);
});

test("completion: the script is valid bash and offers commands and names, but nothing that bash would run", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web-1");
  world.addVm("web-2");
  world.addVm("$(touch pwned)");
  const script = await runProgram(NODE, [MAIN, "completion"], world);
  assert.equal(script.code, 0);
  const file = join(world.home, "completion.bash");
  // The program under its name, so that the script can ask it.
  const shim = `sinter() { ${NODE} ${MAIN} "$@"; }`;
  const questions = [
    ["sinter", "vm", ""],
    ["sinter", "vm", "start", "web"],
    ["sinter", "vm", "start", ""],
    ["sinter", ""],
    ["sinter", "vm", "create", "--no"],
  ];
  await writeFile(file, [shim, script.stdout, 'cd "$HOME"', ...questions.map(pressTab)].join("\n"));
  const result = await runProgram("bash", ["--norc", file], world);
  assert.equal(result.code, 0, result.stderr);
  const [verbs = "", started = "", all = "", nouns = "", options = ""] = result.stdout.split("--\n");
  for (const verb of ["ls", "create", "console", "rm"]) assert.ok(verbs.split("\n").includes(verb), verbs);
  assert.deepEqual(started.trim().split("\n").toSorted(), ["web-1", "web-2"]);
  assert.ok(!all.includes("pwned"), all);
  for (const noun of ["vm", "host", "login"]) assert.ok(nouns.split("\n").includes(noun), nouns);
  assert.deepEqual(options.trim().split("\n").toSorted(), ["--no-start", "--no-wait"]);
  await assert.rejects(access(join(world.home, "pwned")));
});

/** Presses Tab behind the last of the words, and prints what is offered. */
const pressTab = (words: string[]) => `
  COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
  _sinter_yargs_completions; printf '%s\\n' "\${COMPREPLY[@]}"; echo --`;
